"""Weights move and nothing else does; what cannot be split is refused before anything moves."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from botocore.stub import Stubber

from steadystate.adapters import aws
from steadystate.adapters.traffic import READ_BACK_SECONDS, ElbTrafficSplits
from steadystate.canary_contracts import Traffic, Weights
from steadystate.documents.workload import LoadBalancer
from steadystate.errors import PreflightFailed, SplitFailed, TrafficElsewhere, TransientError

SPLITS = ElbTrafficSplits()
STICKY = {"Enabled": True, "DurationSeconds": 300}
OIDC = {
    "Issuer": "https://id.example",
    "AuthorizationEndpoint": "https://id.example/authorize",
    "TokenEndpoint": "https://id.example/token",
    "UserInfoEndpoint": "https://id.example/user",
    "ClientId": "bank",
}
CONDITIONS = [
    {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}},
    {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x-a", "Values": ["1"]}},
]
_NUMBERS = count()


class Front:
    """A load balancer with a listener and three target groups: stable, canary, other."""

    def __init__(self, account: Any) -> None:
        self.elb = account.client("elbv2")
        ec2 = account.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{n}.0/24")["Subnet"]["SubnetId"]
            for n in range(2)
        ]
        self.vpc = vpc
        self.balancer = self.elb.create_load_balancer(Name="split", Subnets=subnets)[
            "LoadBalancers"
        ][0]["LoadBalancerArn"]
        self.document = LoadBalancer(arn=self.balancer, target_group="unused")
        self.stable, self.canary, self.other = map(self.group, ("stable", "canary", "other"))
        self.listener = self.elb.create_listener(
            LoadBalancerArn=self.balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.stable}],
        )["Listeners"][0]["ListenerArn"]
        self.rule = self.elb.create_rule(
            ListenerArn=self.listener,
            Priority=5,
            Conditions=CONDITIONS,
            Actions=[{"Type": "forward", "TargetGroupArn": self.stable}],
        )["Rules"][0]["RuleArn"]

    def group(self, name: str) -> str:
        answer = self.elb.create_target_group(
            Name=f"{name}-{next(_NUMBERS)}", Protocol="HTTP", Port=80, VpcId=self.vpc
        )
        return str(answer["TargetGroups"][0]["TargetGroupArn"])

    def traffic(self, place: str) -> Traffic:
        return Traffic(place=place, stable=self.stable, canary=self.canary)

    def forward(self, *weights: int, **more: Any) -> dict[str, Any]:
        groups = [
            {"TargetGroupArn": arn, "Weight": weight}
            for arn, weight in zip((self.stable, self.canary, self.other), weights, strict=False)
        ]
        sticky = {"TargetGroupStickinessConfig": {"Enabled": False}}
        return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups, **sticky, **more}}

    def write(self, place: str, *actions: Any) -> None:
        if place == self.listener:
            self.elb.modify_listener(ListenerArn=place, DefaultActions=list(actions))
        else:
            self.elb.modify_rule(RuleArn=place, Actions=list(actions))

    def seen(self, place: str) -> Any:
        """The whole listener or rule as it is told."""
        if place == self.listener:
            return self.elb.describe_listeners(ListenerArns=[place])["Listeners"][0]
        return self.elb.describe_rules(RuleArns=[place])["Rules"][0]


@pytest.fixture(scope="module")
def made(account: Any) -> Front:
    return Front(account)


@pytest.fixture
def front(made: Front, connected: Any) -> Iterator[Front]:
    assert connected
    yield made
    for place in (made.listener, made.rule):
        made.write(place, {"Type": "forward", "TargetGroupArn": made.stable})


@pytest.fixture(params=["listener", "rule"])
def place(front: Front, request: pytest.FixtureRequest) -> str:
    return str(getattr(front, request.param))


def test_the_weights_of_both_sides_are_read(front: Front, place: str) -> None:
    front.write(place, front.forward(75, 25))
    traffic = front.traffic(place)
    assert SPLITS.read(traffic) == Weights(stable=75, canary=25)
    assert SPLITS.check(traffic, front.document) == Weights(stable=75, canary=25)


def test_the_weights_change_and_nothing_else(front: Front, place: str) -> None:
    ask = {"Type": "authenticate-oidc", "Order": 1}
    forward = front.forward(100, 0, TargetGroupStickinessConfig=STICKY) | {"Order": 2}
    front.write(place, ask | {"AuthenticateOidcConfig": OIDC | {"ClientSecret": "s"}}, forward)
    before = front.seen(place)
    traffic = front.traffic(place)
    assert SPLITS.set(traffic, Weights(stable=90, canary=10)) == Weights(stable=90, canary=10)
    moved = front.seen(place)
    assert moved != before
    assert SPLITS.set(traffic, Weights(stable=100, canary=0)) == Weights(stable=100, canary=0)
    assert front.seen(place) == before
    key = "DefaultActions" if place == front.listener else "Actions"
    changed = front.forward(90, 10, TargetGroupStickinessConfig=STICKY) | {"Order": 2}
    assert moved == before | {key: [ask | {"AuthenticateOidcConfig": OIDC}, changed]}


def test_the_order_of_the_groups_stays(front: Front, place: str) -> None:
    groups = front.forward(60, 40)["ForwardConfig"]["TargetGroups"][::-1]
    front.write(place, {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}})
    SPLITS.set(front.traffic(place), Weights(stable=50, canary=50))
    (action,) = front.seen(place)["DefaultActions" if place == front.listener else "Actions"]
    names = [group["TargetGroupArn"] for group in action["ForwardConfig"]["TargetGroups"]]
    assert names == [front.canary, front.stable]


def test_a_canary_joins_a_forward_to_one_group_and_leaves_it_as_it_was(
    front: Front, place: str
) -> None:
    before = front.seen(place)
    traffic = front.traffic(place)
    original = SPLITS.check(traffic, front.document)
    assert original == Weights(stable=1, canary=None)
    SPLITS.set(traffic, Weights(stable=90, canary=10))
    assert SPLITS.read(traffic) == Weights(stable=90, canary=10)
    assert SPLITS.set(traffic, original) == original
    assert front.seen(place) == before


def test_what_cannot_be_split_is_refused_and_stays_as_it_is(front: Front, place: str) -> None:
    redirect = {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", "Port": "443"}}
    stranger = {"Type": "forward", "TargetGroupArn": front.other}
    canary = {"Type": "forward", "TargetGroupArn": front.canary}
    for action, message in (
        (redirect, "has no forward action: its actions are: redirect"),
        (front.forward(80, 10, 10), "forwards to 3 target groups: .*; a canary moves"),
        (stranger, "forwards to 1 target groups: .*other"),
        (canary, "does not forward to the stable side's targetgroup/stable"),
    ):
        front.write(place, action)
        before = front.seen(place)
        with pytest.raises(PreflightFailed, match=message) as refusal:
            SPLITS.check(front.traffic(place), front.document)
        assert str(refusal.value).startswith("traffic.place: ")
        assert str(refusal.value).count("\n") == 0
        assert front.seen(place) == before
    for action in (redirect, front.forward(80, 10, 10), stranger):
        front.write(place, action)
        before = front.seen(place)
        with pytest.raises(TrafficElsewhere):
            SPLITS.read(front.traffic(place))
        with pytest.raises(SplitFailed):
            SPLITS.set(front.traffic(place), Weights(stable=50, canary=50))
        assert front.seen(place) == before


def test_what_does_not_exist_or_belong_together_is_refused_line_by_line(front: Front) -> None:
    traffic = Traffic(
        place=front.listener.replace("/split/", "/nowhere/"),
        stable=front.stable,
        canary=front.canary + "0",
    )
    with pytest.raises(PreflightFailed) as refusal:
        SPLITS.check(traffic, front.document)
    elsewhere, unknown, missing = str(refusal.value).splitlines()
    assert "does not belong to the workload's load balancer" in elsewhere
    assert unknown.startswith("traffic.canary: ")
    assert "TargetGroupNotFound" in unknown
    assert missing.startswith("traffic.place: ")
    assert "ListenerNotFound" in missing
    same = Traffic(place=front.rule, stable=front.stable, canary=front.stable)
    with pytest.raises(PreflightFailed, match="stable and canary are the same targetgroup/stable"):
        SPLITS.check(same, front.document)


@pytest.mark.parametrize("place", ["nonsense", "arn:aws:elasticloadbalancing:x:1:listener/net/a/b"])
def test_a_place_that_is_no_listener_is_refused(front: Front, place: str) -> None:
    with pytest.raises(PreflightFailed, match="neither a listener nor a listener rule of an Appl"):
        SPLITS.check(front.traffic(place), front.document)


def test_a_listeners_default_rule_is_named_by_the_listener(front: Front) -> None:
    rules = front.elb.describe_rules(ListenerArn=front.listener)["Rules"]
    (default,) = [rule["RuleArn"] for rule in rules if rule["IsDefault"]]
    with pytest.raises(PreflightFailed, match="default rule: give the listener's ARN"):
        SPLITS.check(front.traffic(default), front.document)


def test_the_drain_is_the_groups_deregistration_delay(front: Front) -> None:
    assert SPLITS.drain_seconds(front.stable) == 300
    attribute = {"Key": "deregistration_delay.timeout_seconds", "Value": "5"}
    front.elb.modify_target_group_attributes(TargetGroupArn=front.other, Attributes=[attribute])
    assert SPLITS.drain_seconds(front.other) == 5
    with pytest.raises(SplitFailed, match="TargetGroupNotFound"):
        SPLITS.drain_seconds(front.other + "0")


def test_throttling_passes_and_a_refusal_does_not(front: Front, place: str) -> None:
    operation = "modify_listener" if place == front.listener else "modify_rule"
    before = front.seen(place)
    for code, error in (("Throttling", TransientError), ("AccessDenied", SplitFailed)):
        with Stubber(aws.client("elbv2", once=True)) as stub:
            stub.add_client_error(operation, code, "you may not")
            with pytest.raises(error, match=code) as told:
                SPLITS.set(front.traffic(place), Weights(stable=50, canary=50))
        if error is SplitFailed:
            assert str(told.value).startswith(place)
            assert "you may not" in str(told.value)
    assert front.seen(place) == before


def test_what_is_gone_is_told_from_what_may_not_be_read(front: Front, place: str) -> None:
    """An undo leaves alone what somebody deleted, and owes what it may not read."""
    gone = front.traffic(f"{place[:-1]}{'0' if place[-1] != '0' else '1'}")
    for act in (lambda: SPLITS.read(gone), lambda: SPLITS.set(gone, SPLITS.read(gone))):
        with pytest.raises(TrafficElsewhere, match="NotFound"):
            act()
    operation = "describe_listeners" if place == front.listener else "describe_rules"
    with Stubber(aws.client("elbv2")) as stub:
        stub.add_client_error(operation, "AccessDenied", "you may not")
        with pytest.raises(SplitFailed, match="AccessDenied: you may not") as told:
            SPLITS.read(front.traffic(place))
    assert not isinstance(told.value, TrafficElsewhere)


def _listening(front: Front, weights: tuple[int, int]) -> Any:
    return {"Listeners": [{"DefaultActions": [front.forward(*weights)]}]}


def test_weights_that_come_late_are_waited_for(front: Front) -> None:
    pauses: list[float] = []
    moments = iter([0.0, 0.1, 0.2])
    splits = ElbTrafficSplits(clock=lambda: next(moments), sleep=pauses.append)
    with (
        Stubber(aws.client("elbv2")) as reads,
        Stubber(aws.client("elbv2", once=True)) as writes,
    ):
        for weights in ((100, 0), (100, 0), (100, 0), (90, 10)):
            reads.add_response("describe_listeners", _listening(front, weights))
        writes.add_response("modify_listener", {})
        wanted = Weights(stable=90, canary=10)
        assert splits.set(front.traffic(front.listener), wanted) == wanted
        reads.assert_no_pending_responses()
    assert len(pauses) == 2


def test_weights_that_are_not_read_back_are_told_and_not_taken_for_set(front: Front) -> None:
    moments = iter([0.0, READ_BACK_SECONDS - 0.1, READ_BACK_SECONDS])
    splits = ElbTrafficSplits(clock=lambda: next(moments), sleep=lambda _: None)
    with (
        Stubber(aws.client("elbv2")) as reads,
        Stubber(aws.client("elbv2", once=True)) as writes,
    ):
        for _ in range(3):
            reads.add_response("describe_listeners", _listening(front, (100, 0)))
        writes.add_response("modify_listener", {})
        with pytest.raises(TransientError, match="90/10 was set, but 100/0 is read back"):
            splits.set(front.traffic(front.listener), Weights(stable=90, canary=10))
