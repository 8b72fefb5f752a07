"""The stack, created in moto: what experiments need to find is there."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse

from bank_testing.processes import BANK

REGION = "ap-northeast-2"
# What moto's CloudFormation does not create, and what names it.
UNKNOWN_TO_MOTO = ("ScaleOnCpu", "StopAlarm", "StopAlarmParameter")


def template() -> dict[str, Any]:
    content: dict[str, Any] = yaml_parse(  # type: ignore[no-untyped-call]
        (BANK / "template.yaml").read_text()
    )
    return content


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def test_the_stack_publishes_names_of_what_really_exists() -> None:
    with mock_aws():
        cloudformation = boto3.client("cloudformation", region_name=REGION)
        content = template()
        for name in UNKNOWN_TO_MOTO:
            del content["Resources"][name]
        forward = content["Resources"]["HttpListener"]["Properties"]["DefaultActions"][0]
        # moto's CloudFormation knows forwards to one group alone.
        forward["Fn::If"][2] = {"Type": "forward", "TargetGroupArn": {"Ref": "TargetGroup"}}
        cloudformation.create_stack(
            StackName="bank",
            TemplateBody=json.dumps(content),
            Capabilities=["CAPABILITY_IAM"],
        )
        ssm = boto3.client("ssm", region_name=REGION)
        path = "/steadystate/workloads/bank/"
        named = {
            parameter["Name"].removeprefix(path): parameter["Value"]
            for parameter in ssm.get_parameters_by_path(Path=path)["Parameters"]
        }
        balancing = boto3.client("elbv2", region_name=REGION)
        balancer = balancing.describe_load_balancers(LoadBalancerArns=[named["load-balancer-arn"]])[
            "LoadBalancers"
        ][0]
        url = f"http://{balancer['DNSName']}"
        assert named["url"] == url
        assert named["health-url"] == f"{url}/health/deep"
        assert named["integrity-url"] == f"{url}/api/integrity"
        listener = balancing.describe_listeners(ListenerArns=[named["listener-arn"]])["Listeners"][
            0
        ]
        assert listener["DefaultActions"][0]["TargetGroupArn"] == named["target-group-arn"]
        group = boto3.client("autoscaling", region_name=REGION).describe_auto_scaling_groups(
            AutoScalingGroupNames=[named["auto-scaling-group"]]
        )["AutoScalingGroups"][0]
        assert len(group["Instances"]) == 3
        assert group["TargetGroupARNs"] == [named["target-group-arn"]]
        databases = boto3.client("rds", region_name=REGION).describe_db_instances(
            DBInstanceIdentifier=named["database-id"]
        )
        database = databases["DBInstances"][0]
        assert (database["StorageEncrypted"], database["PubliclyAccessible"]) == (True, False)
        instances = [
            instance
            for reservation in boto3.client("ec2", region_name=REGION).describe_instances()[
                "Reservations"
            ]
            for instance in reservation["Instances"]
        ]
    allowed = {"Key": "steadystate:allow", "Value": "true"}
    assert len(instances) == 3
    assert all(allowed in instance["Tags"] for instance in instances)
    assert allowed in database["TagList"]


def test_all_traffic_goes_to_the_stable_side_and_the_canary_costs_nothing() -> None:
    content = template()
    resources = content["Resources"]
    http = resources["HttpListener"]["Properties"]["DefaultActions"][0]["Fn::If"][2]
    https = resources["HttpsListener"]["Properties"]["DefaultActions"][0]
    for action in (http, https):
        assert action["ForwardConfig"]["TargetGroups"] == [
            {"TargetGroupArn": {"Ref": "TargetGroup"}, "Weight": 100},
            {"TargetGroupArn": {"Ref": "CanaryTargetGroup"}, "Weight": 0},
        ]
    published = {
        r["Properties"]["Name"].rpartition("/")[2]: r["Properties"]["Value"]
        for r in resources.values()
        if r["Type"] == "AWS::SSM::Parameter"
    }
    assert published["stable-target-group-arn"] == published["target-group-arn"]
    assert published["stable-target-group-arn"] == {"Ref": "TargetGroup"}
    assert published["canary-target-group-arn"] == {"Ref": "CanaryTargetGroup"}
    assert content["Parameters"]["CanaryCapacity"]["Default"] == 0
    group = resources["CanaryGroup"]["Properties"]
    assert group["MinSize"] == group["DesiredCapacity"] == {"Ref": "CanaryCapacity"}
    assert group["TargetGroupARNs"] == [{"Ref": "CanaryTargetGroup"}]


def test_a_canary_instance_differs_from_a_stable_one_by_its_bundle_alone() -> None:
    resources = template()["Resources"]
    stable, canary = (
        dict(resources[name]["Properties"]["LaunchTemplateData"])
        for name in ("LaunchTemplate", "CanaryLaunchTemplate")
    )
    one, (other, values) = (d.pop("UserData")["Fn::Base64"]["Fn::Sub"] for d in (stable, canary))
    assert canary == stable
    assert set(values) == {"Key"}

    def done(script: str) -> list[str]:
        return [w for w in script.splitlines() if not w.startswith(("trap", "# Fetches"))]

    assert done(other.replace("${Key}", "${BundleKey}")) == done(one)
    groups = [resources[name]["Properties"] for name in ("TargetGroup", "CanaryTargetGroup")]
    assert groups[0] == groups[1]


def test_nothing_but_the_balancer_is_reached_from_outside() -> None:
    groups = {
        name: resource["Properties"]["SecurityGroupIngress"]
        for name, resource in template()["Resources"].items()
        if resource["Type"] == "AWS::EC2::SecurityGroup"
    }
    open_to_addresses = {
        name for name, rules in groups.items() if any("CidrIp" in r for r in rules)
    }
    assert open_to_addresses == {"BalancerGroup"}
    assert [rule["FromPort"] for rule in groups["InstanceGroup"]] == [8080]
    assert [rule["FromPort"] for rule in groups["DatabaseGroup"]] == [5432]


def test_the_load_balancers_addresses_that_are_published_are_its_subnets() -> None:
    resources = template()["Resources"]
    subnets = [resources[f"PublicSubnet{zone}"]["Properties"]["CidrBlock"] for zone in "AB"]
    published = resources["LoadBalancerCidrsParameter"]["Properties"]["Value"]
    assert published == ",".join(subnets)
