"""Listeners and rules answer as an ALB's: what was written comes back, with AWS's additions."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab.account.conftest import Account

STICKY = {"Enabled": True, "DurationSeconds": 60}


class Balancer:
    """A load balancer with one listener and two target groups, `blue` and `green`."""

    def __init__(self, account: Account) -> None:
        self.elb = account.client("elbv2")
        ec2 = account.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.8.{n}.0/24", AvailabilityZone=zone)
            for n, zone in enumerate(("ap-northeast-2a", "ap-northeast-2b"))
        ]
        ids = [subnet["Subnet"]["SubnetId"] for subnet in subnets]
        made = self.elb.create_load_balancer(Name="actions", Subnets=ids)["LoadBalancers"][0]
        self.blue, self.green = (
            self.elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc)[
                "TargetGroups"
            ][0]["TargetGroupArn"]
            for name in ("blue", "green")
        )
        self.listener = self.elb.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.blue}],
        )["Listeners"][0]["ListenerArn"]

    def modify(self, *actions: dict[str, Any]) -> None:
        self.elb.modify_listener(ListenerArn=self.listener, DefaultActions=list(actions))

    def actions(self) -> list[dict[str, Any]]:
        (listener,) = self.elb.describe_listeners(ListenerArns=[self.listener])["Listeners"]
        found: list[dict[str, Any]] = listener["DefaultActions"]
        return found

    def split(self, blue: int, green: int, **more: Any) -> dict[str, Any]:
        groups = [
            {"TargetGroupArn": self.blue, "Weight": blue},
            {"TargetGroupArn": self.green, "Weight": green},
        ]
        return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups, **more}}


@pytest.fixture(scope="module")
def balancer(account: Account) -> Balancer:
    return Balancer(account)


@pytest.mark.parametrize("written", ["TargetGroupArn", "ForwardConfig"])
def test_a_forward_to_one_group_is_told_in_both_ways(balancer: Balancer, written: str) -> None:
    group = {"TargetGroupArn": balancer.blue}
    either = {
        "TargetGroupArn": group,
        "ForwardConfig": {"ForwardConfig": {"TargetGroups": [group]}},
    }
    balancer.modify({"Type": "forward", **either[written]})
    config = {
        "TargetGroups": [group | {"Weight": 1}],
        "TargetGroupStickinessConfig": {"Enabled": False},
    }
    assert balancer.actions() == [{"Type": "forward", **group, "ForwardConfig": config}]


def test_weights_order_and_stickiness_come_back_as_they_were_written(balancer: Balancer) -> None:
    action = balancer.split(90, 10, TargetGroupStickinessConfig=STICKY) | {"Order": 1}
    balancer.modify(action)
    assert balancer.actions() == [action]
    balancer.modify(*balancer.actions())
    assert balancer.actions() == [action]


def test_a_rule_keeps_its_conditions_and_priority_when_its_actions_change(
    balancer: Balancer,
) -> None:
    elb = balancer.elb
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}}]
    rule = elb.create_rule(
        ListenerArn=balancer.listener,
        Priority=7,
        Conditions=conditions,
        Actions=[balancer.split(100, 0)],
    )["Rules"][0]
    elb.modify_rule(RuleArn=rule["RuleArn"], Actions=[balancer.split(50, 50)])
    (found,) = elb.describe_rules(RuleArns=[rule["RuleArn"]])["Rules"]
    weights = [g["Weight"] for g in found["Actions"][0]["ForwardConfig"]["TargetGroups"]]
    assert weights == [50, 50]
    assert found["Priority"] == "7"
    assert found["Conditions"] == rule["Conditions"] == conditions
    elb.delete_rule(RuleArn=rule["RuleArn"])


def test_a_secret_is_never_told_and_must_be_given_or_kept(balancer: Balancer) -> None:
    config = {
        "Issuer": "https://id.example",
        "AuthorizationEndpoint": "https://id.example/authorize",
        "TokenEndpoint": "https://id.example/token",
        "UserInfoEndpoint": "https://id.example/user",
        "ClientId": "bank",
    }
    ask: dict[str, Any] = {"Type": "authenticate-oidc", "Order": 1}
    forward = balancer.split(100, 0) | {"Order": 2}
    balancer.modify(ask | {"AuthenticateOidcConfig": config | {"ClientSecret": "s"}}, forward)
    assert balancer.actions()[0] == ask | {"AuthenticateOidcConfig": config}
    with pytest.raises(ClientError, match="client secret"):
        balancer.modify(*balancer.actions())
    balancer.modify(
        ask | {"AuthenticateOidcConfig": config | {"UseExistingClientSecret": True}}, forward
    )
    assert balancer.actions()[0] == ask | {"AuthenticateOidcConfig": config}


def test_what_an_alb_refuses_is_refused_and_changes_nothing(balancer: Balancer) -> None:
    balancer.modify(balancer.split(100, 0))
    before = balancer.actions()
    two = balancer.split(1, 1)["ForwardConfig"]
    for action, message in (
        (balancer.split(1000, 0), "between 0 and 999"),
        (balancer.split(-1, 0), "between 0 and 999"),
        ({"Type": "forward", "TargetGroupArn": balancer.blue, "ForwardConfig": two}, "same target"),
        ({"Type": "forward", "TargetGroupArn": balancer.blue + "0"}, "TargetGroupNotFound"),
        ({"Type": "forward"}, "must be specified"),
    ):
        with pytest.raises(ClientError, match=message):
            balancer.modify(action)
    assert balancer.actions() == before


def test_a_template_may_split_traffic(account: Account, balancer: Balancer) -> None:
    (described,) = balancer.elb.describe_listeners(ListenerArns=[balancer.listener])["Listeners"]
    listener = {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": described["LoadBalancerArn"],
            "Protocol": "HTTP",
            "Port": 8080,
            "DefaultActions": [balancer.split(100, 0, TargetGroupStickinessConfig=STICKY)],
        },
    }
    account.client("cloudformation").create_stack(
        StackName="split", TemplateBody=json.dumps({"Resources": {"Listener": listener}})
    )
    arn = account.client("cloudformation").describe_stack_resource(
        StackName="split", LogicalResourceId="Listener"
    )["StackResourceDetail"]["PhysicalResourceId"]
    (found,) = balancer.elb.describe_listeners(ListenerArns=[arn])["Listeners"]
    assert found["DefaultActions"] == listener["Properties"]["DefaultActions"]
