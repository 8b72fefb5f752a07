"""What the ELB API says, understood as an ALB would."""

from typing import Any

import pytest

from lab.balancer.account import (
    AccountReader,
    parse_action,
    parse_codes,
    parse_condition,
    parse_health_check,
)
from lab.balancer.model import Condition, FixedResponse, Forward, HealthCheck, Redirect, Target
from tests.lab.balancer.conftest import ACCOUNT, BALANCER, BLUE, GREEN

LISTENER = f"{ACCOUNT}:listener/app/bank/1/2"


class Elb:
    """Answers as the ELB API does, from what is set on it."""

    def __init__(self) -> None:
        self.groups: dict[str, list[dict[str, Any]]] = {BLUE: []}
        self.action: dict[str, Any] = {"Type": "forward", "TargetGroupArn": BLUE}
        self.rules: list[dict[str, Any]] = []
        self.listeners = [{"ListenerArn": LISTENER, "Protocol": "HTTP", "Port": 80}]
        self.group_attributes: dict[str, str] = {}

    def get_paginator(self, name: str) -> Any:
        elb = self

        class Paginator:
            def paginate(self) -> list[dict[str, Any]]:
                if name == "describe_target_groups":
                    return [{"TargetGroups": [{"TargetGroupArn": arn} for arn in elb.groups]}]
                one = {"LoadBalancerArn": BALANCER, "DNSName": "127.0.0.1:8123"}
                return [{"LoadBalancers": [one]}]

        return Paginator()

    def describe_load_balancer_attributes(self, **_: Any) -> Any:
        return {"Attributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "30"}]}

    def describe_target_group_attributes(self, **_: Any) -> Any:
        items = self.group_attributes.items()
        return {"Attributes": [{"Key": key, "Value": value} for key, value in items]}

    def describe_listeners(self, **_: Any) -> Any:
        return {"Listeners": [{**one, "DefaultActions": [self.action]} for one in self.listeners]}

    def describe_rules(self, **_: Any) -> Any:
        default = {"RuleArn": "default", "Priority": "default", "IsDefault": True}
        return {"Rules": [default, *self.rules]}

    def describe_target_health(self, TargetGroupArn: str) -> Any:  # noqa: N803
        return {"TargetHealthDescriptions": self.groups[TargetGroupArn]}


@pytest.fixture
def elb() -> Elb:
    return Elb()


@pytest.fixture
def reader(elb: Elb) -> AccountReader:
    client: Any = elb
    return AccountReader(client)


def test_a_load_balancer_is_read_with_its_rules_in_order(elb: Elb, reader: AccountReader) -> None:
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    elb.rules = [
        {"RuleArn": f"rule-{n}", "Priority": str(n), "Conditions": [], "Actions": [fixed]}
        for n in (10, 9)
    ]
    balancer = reader.read().load_balancers[BALANCER]
    assert balancer.address == ("127.0.0.1", 8123)
    assert balancer.idle_timeout_seconds == 30
    assert balancer.dimension == "app/bank/0123456789abcdef"
    assert [rule.arn for rule in balancer.rules] == ["rule-9", "rule-10", LISTENER]
    assert balancer.rules[-1].action == Forward(((BLUE, 1),))


def test_registered_targets_are_read_without_those_that_drain(
    elb: Elb, reader: AccountReader
) -> None:
    elb.groups[BLUE] = [
        {"Target": {"Id": f"i-{n}", "Port": 80}, "TargetHealth": {"State": state}}
        for n, state in enumerate(("initial", "healthy", "unhealthy", "draining", "unused"))
    ]
    registered = reader.read().registered[BLUE]
    assert registered == {Target(f"i-{n}", 80) for n in (0, 1, 2, 4)}


def test_a_group_is_known_as_soon_as_something_forwards_to_it(
    elb: Elb, reader: AccountReader
) -> None:
    assert list(reader.read().groups) == [BLUE]
    elb.groups[GREEN] = []
    elb.action = {"Type": "forward", "TargetGroupArn": GREEN}
    assert set(reader.read().groups) == {BLUE, GREEN}


def test_what_the_lab_cannot_do_is_said_once_and_does_not_stop_the_rest(
    elb: Elb, reader: AccountReader, caplog: pytest.LogCaptureFixture
) -> None:
    elb.group_attributes = {"stickiness.enabled": "true"}
    elb.listeners.append({"ListenerArn": "tls", "Protocol": "HTTPS", "Port": 443})
    elb.action = {"Type": "authenticate-oidc"}
    elb.rules = [{"RuleArn": "odd", "Priority": "1", "Conditions": [{"Field": "moon-phase"}]}]
    for _ in range(7):
        balancer = reader.read().load_balancers[BALANCER]
    (rule,) = balancer.rules
    assert rule.action == FixedResponse(503, "text/plain", "")
    said = [record.message for record in caplog.records]
    assert len(said) == len(set(said)) == 4
    for word in ("sticky sessions", "HTTPS:443", "authenticate-oidc", "moon-phase"):
        assert sum(word in line for line in said) == 1


@pytest.mark.parametrize(
    ("action", "parsed"),
    [
        (
            {
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": [
                        {"TargetGroupArn": BLUE, "Weight": 0},
                        {"TargetGroupArn": GREEN, "Weight": 999},
                    ]
                },
            },
            Forward(((BLUE, 0), (GREEN, 999))),
        ),
        (
            {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", "Port": "443"}},
            Redirect(301, port="443"),
        ),
        ({"Type": "authenticate-cognito"}, None),
    ],
)
def test_actions_are_read(action: Any, parsed: Any) -> None:
    assert parse_action(action) == parsed


@pytest.mark.parametrize(
    ("condition", "parsed"),
    [
        ({"Field": "path-pattern", "Values": ["/a"]}, Condition("path-pattern", ("/a",))),
        (
            {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a", "/b"]}},
            Condition("path-pattern", ("/a", "/b")),
        ),
        (
            {
                "Field": "http-header",
                "HttpHeaderConfig": {"HttpHeaderName": "X-Canary", "Values": ["yes"]},
            },
            Condition("http-header", ("yes",), "X-Canary"),
        ),
        (
            {
                "Field": "query-string",
                "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}, {"Value": "new"}]},
            },
            Condition("query-string", ("v=2", "new")),
        ),
    ],
)
def test_conditions_are_read_in_both_spellings(condition: Any, parsed: Condition) -> None:
    assert parse_condition(condition) == parsed


def test_health_checks_are_read_and_default_to_those_of_an_alb() -> None:
    assert parse_health_check({}) == HealthCheck()
    assert parse_health_check(
        {
            "HealthCheckPath": "/health",
            "HealthCheckPort": "8081",
            "HealthCheckIntervalSeconds": 2,
            "HealthCheckTimeoutSeconds": 1,
            "HealthyThresholdCount": 3,
            "UnhealthyThresholdCount": 4,
            "Matcher": {"HttpCode": "200-201,301"},
        }
    ) == HealthCheck(True, "/health", 8081, 2.0, 1.0, 3, 4, frozenset({200, 201, 301}))


def test_matchers_are_lists_and_ranges() -> None:
    assert parse_codes("200, 300-302") == {200, 300, 301, 302}
