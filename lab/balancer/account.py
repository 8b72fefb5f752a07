"""What the account says about load balancers, read by polling it.

Weights and targets change during a run, so listeners, rules and registered targets are read at
every poll; what only a deployment changes (load balancers, target groups, attributes) is read
more rarely.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lab.balancer.model import (
    DEFAULT_PRIORITY,
    SUPPORTED_CONDITIONS,
    Action,
    Condition,
    FixedResponse,
    Forward,
    HealthCheck,
    LoadBalancer,
    Redirect,
    Rule,
    Snapshot,
    Target,
    TargetGroup,
)

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_elbv2.type_defs import (
        ActionOutputTypeDef,
        ListenerTypeDef,
        LoadBalancerTypeDef,
        RuleConditionOutputTypeDef,
        TargetGroupTypeDef,
    )

log = logging.getLogger(__name__)

_UNAVAILABLE = FixedResponse(503, "text/plain", "")
"""What a rule answers whose action the lab does not have."""


class AccountReader:
    """Reads snapshots with a boto3 client of `elbv2`. Not for several threads at once."""

    def __init__(self, client: "ElasticLoadBalancingv2Client", *, rare_every: int = 5) -> None:
        self._client = client
        self._rare_every = rare_every
        self._polls = 0
        self._balancers: list[tuple[LoadBalancerTypeDef, float]] = []
        self._groups: dict[str, TargetGroup] = {}
        self._said: set[str] = set()

    def read(self) -> Snapshot:
        """The account's state now. Raises botocore's errors when the account does not answer."""
        if self._polls % self._rare_every == 0:
            self._read_rare()
        self._polls += 1
        balancers = {}
        for description, idle_timeout_seconds in self._balancers:
            balancer = self._read_balancer(description, idle_timeout_seconds)
            if balancer is not None:
                balancers[balancer.arn] = balancer
        used = {arn for balancer in balancers.values() for arn in balancer.groups()}
        if not used <= self._groups.keys():
            self._read_rare()
        registered = {arn: self._read_registered(arn) for arn in self._groups}
        return Snapshot(balancers, dict(self._groups), registered)

    def read_again_soon(self) -> None:
        """Read everything at the next poll (after an error: something may have been deleted)."""
        self._polls = 0

    def _read_rare(self) -> None:
        self._balancers = []
        for page in self._client.get_paginator("describe_load_balancers").paginate():
            for description in page["LoadBalancers"]:
                if description.get("Type", "application") == "application":
                    attributes = self._client.describe_load_balancer_attributes(
                        LoadBalancerArn=description["LoadBalancerArn"]
                    )["Attributes"]
                    values = {a["Key"]: a["Value"] for a in attributes}
                    idle = float(values.get("idle_timeout.timeout_seconds", 60))
                    self._balancers.append((description, idle))
        groups = {}
        for groups_page in self._client.get_paginator("describe_target_groups").paginate():
            for group in groups_page["TargetGroups"]:
                parsed = self._read_group(group)
                groups[parsed.arn] = parsed
        self._groups = groups

    def _read_group(self, group: "TargetGroupTypeDef") -> TargetGroup:
        arn = group["TargetGroupArn"]
        attributes = self._client.describe_target_group_attributes(TargetGroupArn=arn)
        values = {a["Key"]: a["Value"] for a in attributes["Attributes"]}
        if values.get("stickiness.enabled") == "true":
            self._say_once(f"target group {arn}: sticky sessions are not supported by the lab")
        return TargetGroup(
            arn=arn,
            health_check=parse_health_check(group),
            deregistration_delay_seconds=float(
                values.get("deregistration_delay.timeout_seconds", 300)
            ),
            slow_start_seconds=float(values.get("slow_start.duration_seconds", 0)),
        )

    def _read_balancer(
        self, description: "LoadBalancerTypeDef", idle_timeout_seconds: float
    ) -> LoadBalancer | None:
        arn, name = description["LoadBalancerArn"], description["DNSName"]
        host, _, port = name.rpartition(":")
        if not port.isdecimal():
            self._say_once(f"load balancer {arn}: DNSName {name!r} names no port to listen on")
            return None
        answer = self._client.describe_listeners(LoadBalancerArn=arn)
        listener = self._served_listener(arn, answer["Listeners"])
        if listener is None:
            return None
        return LoadBalancer(arn, host, int(port), self._read_rules(listener), idle_timeout_seconds)

    def _served_listener(
        self, arn: str, listeners: "Sequence[ListenerTypeDef]"
    ) -> "ListenerTypeDef | None":
        """The listener on port 80, else the first HTTP one: DNSName has one port."""
        http = [one for one in listeners if one.get("Protocol") == "HTTP"]
        http.sort(key=lambda one: (one.get("Port") != 80, one.get("Port", 0)))
        for other in listeners:
            if other not in http[:1]:
                self._say_once(
                    f"load balancer {arn}: listener {other.get('Protocol')}:{other.get('Port')} "
                    "is not served (the lab serves one HTTP listener per load balancer)"
                )
        return http[0] if http else None

    def _read_rules(self, listener: "ListenerTypeDef") -> tuple[Rule, ...]:
        arn = listener["ListenerArn"]
        rules = []
        for rule in self._client.describe_rules(ListenerArn=arn)["Rules"]:
            if rule.get("IsDefault"):
                continue
            conditions = tuple(parse_condition(one) for one in rule.get("Conditions", []))
            unknown = {condition.field for condition in conditions} - SUPPORTED_CONDITIONS
            if unknown:
                self._say_once(f"{rule['RuleArn']}: condition {unknown} is not supported, skipped")
                continue
            action = self._parse_action(rule["RuleArn"], rule.get("Actions", []))
            rules.append(Rule(rule["RuleArn"], int(rule["Priority"]), conditions, action))
        default = self._parse_action(arn, listener.get("DefaultActions", []))
        rules.append(Rule(arn, DEFAULT_PRIORITY, (), default))
        return tuple(sorted(rules, key=lambda rule: rule.priority))

    def _read_registered(self, group_arn: str) -> frozenset[Target]:
        """Targets of a group without those that drain: the account knows these from us."""
        answer = self._client.describe_target_health(TargetGroupArn=group_arn)
        return frozenset(
            Target(one["Target"]["Id"], int(one["Target"].get("Port", 0)))
            for one in answer["TargetHealthDescriptions"]
            if one["TargetHealth"].get("State") != "draining"
            and one["TargetHealth"].get("Reason") != "Target.NotRegistered"
        )

    def _parse_action(self, where: str, actions: "Sequence[ActionOutputTypeDef]") -> Action:
        """The last action of a rule decides; what comes before it (authentication) is refused."""
        ordered = sorted(actions, key=lambda action: int(action.get("Order", 0)))
        for action in ordered[:-1]:
            self._say_once(f"{where}: action {action['Type']} is not supported by the lab")
        parsed = parse_action(ordered[-1]) if ordered else None
        if parsed is None:
            kind = ordered[-1]["Type"] if ordered else "(none)"
            self._say_once(f"{where}: action {kind} is not supported by the lab, answers 503")
            return _UNAVAILABLE
        stickiness = ordered[-1].get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {})
        if stickiness.get("Enabled"):
            self._say_once(f"{where}: sticky forwarding is not supported by the lab")
        return parsed

    def _say_once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            log.warning(line)


def parse_action(action: "ActionOutputTypeDef") -> Action | None:
    """An action as the ELB API describes it; None for a type that is not supported."""
    if action["Type"] == "forward":
        groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
        if groups:
            return Forward(
                tuple((one["TargetGroupArn"], int(one.get("Weight", 1))) for one in groups)
            )
        return Forward(((action["TargetGroupArn"], 1),))
    if action["Type"] == "fixed-response":
        fixed = action["FixedResponseConfig"]
        return FixedResponse(
            int(fixed["StatusCode"]),
            fixed.get("ContentType") or "text/plain",
            fixed.get("MessageBody") or "",
        )
    if action["Type"] == "redirect":
        config = action["RedirectConfig"]
        return Redirect(
            301 if config["StatusCode"] == "HTTP_301" else 302,
            config.get("Protocol") or "#{protocol}",
            config.get("Host") or "#{host}",
            config.get("Port") or "#{port}",
            config.get("Path") or "/#{path}",
            config.get("Query", "#{query}"),
        )
    return None


def parse_condition(condition: "RuleConditionOutputTypeDef") -> Condition:
    """A condition in either of AWS's spellings (`Values`, or the `…Config` of its field)."""
    name = condition.get("Field", "")
    configs: dict[str, Any] = {
        "path-pattern": condition.get("PathPatternConfig"),
        "host-header": condition.get("HostHeaderConfig"),
        "http-header": condition.get("HttpHeaderConfig"),
        "http-request-method": condition.get("HttpRequestMethodConfig"),
        "query-string": condition.get("QueryStringConfig"),
        "source-ip": condition.get("SourceIpConfig"),
    }
    config = configs.get(name) or {}
    values = config.get("Values") or condition.get("Values") or []
    if name == "query-string":
        pairs: list[dict[str, str]] = config.get("Values") or []
        values = [
            f"{pair['Key']}={pair['Value']}" if pair.get("Key") else pair["Value"] for pair in pairs
        ]
    return Condition(name, tuple(values), config.get("HttpHeaderName", ""))


def parse_health_check(group: "TargetGroupTypeDef") -> HealthCheck:
    """A target group's health check, with an ALB's defaults."""
    port = str(group.get("HealthCheckPort") or "traffic-port")
    return HealthCheck(
        enabled=group.get("HealthCheckEnabled", True),
        path=group.get("HealthCheckPath") or "/",
        port=int(port) if port.isdecimal() else None,
        interval_seconds=float(group.get("HealthCheckIntervalSeconds") or 30),
        timeout_seconds=float(group.get("HealthCheckTimeoutSeconds") or 5),
        healthy_threshold=int(group.get("HealthyThresholdCount") or 5),
        unhealthy_threshold=int(group.get("UnhealthyThresholdCount") or 2),
        codes=parse_codes(group.get("Matcher", {}).get("HttpCode") or "200"),
    )


def parse_codes(text: str) -> frozenset[int]:
    """Statuses of a matcher such as `200`, `200,202` or `200-299`."""
    codes: set[int] = set()
    for part in text.split(","):
        low, _, high = part.strip().partition("-")
        codes.update(range(int(low), int(high or low) + 1))
    return frozenset(codes)
