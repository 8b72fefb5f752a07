"""Traffic splits on Application Load Balancers: read, moved, read back.

ModifyListener and ModifyRule replace all actions of a place at once, so every action is read,
the weights of the two groups are changed, and all is written. Between the two somebody else's
change could be lost: the API has no condition to guard against that.

Actions: "Listener rules for your Application Load Balancer", ELB User Guide.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from steadystate.adapters.aws import client, code_of, passing_faults
from steadystate.canary_contracts import Traffic, Weights
from steadystate.documents.workload import LoadBalancer
from steadystate.errors import PreflightFailed, SplitFailed, TrafficElsewhere, TransientError

DRAIN = "deregistration_delay.timeout_seconds"
READ_BACK_SECONDS = 4.0
PAUSE_SECONDS = 0.1
GONE = frozenset({"ListenerNotFound", "LoadBalancerNotFound", "RuleNotFound"})

Action = Mapping[str, Any]


class ElbTrafficSplits:
    """The port TrafficSplits."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep

    def check(self, traffic: Traffic, load_balancer: LoadBalancer) -> Weights:
        """Return the weights; every problem is one line of PreflightFailed."""
        problems = _misnamed(traffic, load_balancer)
        sides = {"stable": traffic.stable, "canary": traffic.canary}
        for side, group in sides.items():
            try:
                _call("describe_target_groups", group, TargetGroupArns=[group])
            except SplitFailed as error:
                problems.append(f"traffic.{side}: {error}")
        weights = Weights(stable=None, canary=None)
        try:
            weights = self.read(traffic)
            if weights.stable is None:
                problems.append(
                    f"traffic.place: {traffic.place} does not forward to the stable side's "
                    f"{_short(traffic.stable)}"
                )
        except SplitFailed as error:
            problems.append(f"traffic.place: {error}")
        if problems:
            raise PreflightFailed("\n".join(problems))
        return weights

    def read(self, traffic: Traffic) -> Weights:
        """Return the weights that the place has now."""
        return _weights(_actions(traffic.place), traffic)

    def set(self, traffic: Traffic, weights: Weights) -> Weights:
        """Set the weights and read them back, for READ_BACK_SECONDS at most."""
        actions = _actions(traffic.place)
        _weights(actions, traffic)
        new = [_written(action, traffic, weights) for action in actions]
        if _is_rule(traffic.place):
            _call("modify_rule", traffic.place, once=True, RuleArn=traffic.place, Actions=new)
        else:
            _call(
                "modify_listener",
                traffic.place,
                once=True,
                ListenerArn=traffic.place,
                DefaultActions=new,
            )
        until = self._clock() + READ_BACK_SECONDS
        while (found := self.read(traffic)) != weights:
            if self._clock() >= until:
                raise TransientError(
                    f"{traffic.place}: {_shown(weights)} was set, but {_shown(found)} is read back"
                )
            self._sleep(PAUSE_SECONDS)
        return found

    def drain_seconds(self, target_group: str) -> float:
        """Return the group's deregistration delay."""
        answer = _call(
            "describe_target_group_attributes", target_group, TargetGroupArn=target_group
        )
        return float({a["Key"]: a["Value"] for a in answer["Attributes"]}.get(DRAIN, 300))


@contextmanager
def _told(place: str) -> Iterator[None]:
    try:
        with passing_faults():
            yield
    except ClientError as error:
        message = error.response.get("Error", {}).get("Message", "")
        kind = TrafficElsewhere if code_of(error) in GONE else SplitFailed
        raise kind(f"{place}: {error.operation_name}: {code_of(error)}: {message}") from error


def _call(operation: str, place: str, *, once: bool = False, **parameters: Any) -> Any:
    """Call the API; `once` is for effects that must not come late."""
    elb = client("elbv2", once=True) if once else client("elbv2")
    with _told(place):
        return getattr(elb, operation)(**parameters)


def _is_rule(place: str) -> bool:
    return ":listener-rule/" in place


def _actions(place: str) -> Sequence[Action]:
    """Return all actions of a listener's default rule, or of a rule, as the API has them."""
    if not _is_rule(place):
        (listener,) = _call("describe_listeners", place, ListenerArns=[place])["Listeners"]
        return listener["DefaultActions"]  # type: ignore[no-any-return]
    (rule,) = _call("describe_rules", place, RuleArns=[place])["Rules"]
    if rule.get("IsDefault"):
        raise TrafficElsewhere(f"{place} is a listener's default rule: give the listener's ARN")
    return rule["Actions"]  # type: ignore[no-any-return]


def _groups(forward: Action) -> list[dict[str, Any]]:
    """Return the groups of a forward action, each with its weight."""
    groups = forward.get("ForwardConfig", {}).get("TargetGroups")
    return list(groups or [{"TargetGroupArn": forward["TargetGroupArn"], "Weight": 1}])


def _weights(actions: Sequence[Action], traffic: Traffic) -> Weights:
    """Return the weights of both sides. Raises TrafficElsewhere where others get traffic."""
    forwards = [action for action in actions if action["Type"] == "forward"]
    if len(forwards) != 1:
        kinds = ", ".join(action["Type"] for action in actions) or "none"
        raise TrafficElsewhere(f"{traffic.place} has no forward action: its actions are: {kinds}")
    weights = {g["TargetGroupArn"]: g.get("Weight", 1) for g in _groups(forwards[0])}
    strangers = weights.keys() - {traffic.stable, traffic.canary}
    if strangers:
        shown = ", ".join(_short(group) for group in sorted(weights))
        raise TrafficElsewhere(
            f"{traffic.place} forwards to {len(weights)} target groups: {shown}; a canary moves "
            f"traffic between two: {_short(traffic.stable)}, {_short(traffic.canary)}"
        )
    return Weights(stable=weights.get(traffic.stable), canary=weights.get(traffic.canary))


def _written(action: Action, traffic: Traffic, weights: Weights) -> dict[str, Any]:
    """Return an action as it is to be written: a forward with new weights, others as they are."""
    if action["Type"] == "authenticate-oidc":
        # The client's secret is never told; without this the API would ask for it again.
        config = {**action["AuthenticateOidcConfig"], "UseExistingClientSecret": True}
        return {**action, "AuthenticateOidcConfig": config}
    if action["Type"] != "forward":
        return dict(action)
    wanted = {traffic.stable: weights.stable, traffic.canary: weights.canary}
    there = {group["TargetGroupArn"]: group for group in _groups(action)}
    groups = [
        {**there.get(arn, {"TargetGroupArn": arn}), "Weight": wanted[arn]}
        for arn in dict.fromkeys([*there, *wanted])
        if wanted[arn] is not None
    ]
    rest = {key: value for key, value in action.items() if key != "TargetGroupArn"}
    return {**rest, "ForwardConfig": {**action.get("ForwardConfig", {}), "TargetGroups": groups}}


def _misnamed(traffic: Traffic, load_balancer: LoadBalancer) -> list[str]:
    """Return what the ARNs alone show to be wrong."""
    problems = []
    if traffic.stable == traffic.canary:
        problems.append(f"traffic: stable and canary are the same {_short(traffic.stable)}")
    _, kind, name = traffic.place.partition(":listener")
    if not kind or "/app/" not in name:
        problems.append(
            f"traffic.place: {traffic.place} is the ARN of neither a listener nor a listener rule "
            "of an Application Load Balancer"
        )
    elif not name.partition("/")[2].startswith(
        load_balancer.arn.rpartition(":loadbalancer/")[2] + "/"
    ):
        problems.append(
            f"traffic.place: {traffic.place} does not belong to the workload's load balancer, "
            f"{load_balancer.arn}"
        )
    return problems


def _short(target_group: str) -> str:
    return target_group.rpartition(":")[2]


def _shown(weights: Weights) -> str:
    sides = (weights.stable, weights.canary)
    return "/".join("-" if side is None else str(side) for side in sides)
