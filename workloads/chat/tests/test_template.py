"""The stack, read: what canaries need to find is there, and nothing is open or in the clear."""

from __future__ import annotations

from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from chat.settings import read
from chat.tables import TABLES
from chat_testing.processes import CHAT

ALLOWED = {"Key": "steadystate:allow", "Value": "true"}


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    template = yaml_parse((CHAT / "template.yaml").read_text())  # type: ignore[no-untyped-call]
    found: dict[str, Any] = template["Resources"]
    return found


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    found = {n: r["Properties"] for n, r in resources.items() if r["Type"] == kind}
    assert found, kind
    return found


def test_the_tables_are_those_that_the_program_creates_elsewhere(
    resources: dict[str, Any],
) -> None:
    tables = of_type(resources, "AWS::DynamoDB::Table")
    assert len(tables) == len(TABLES)
    for properties in tables.values():
        name = properties["TableName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        for key, value in TABLES[name].items():
            assert properties[key] == value, (name, key)
        assert properties["SSESpecification"]["SSEEnabled"] is True
        more = {key for key in properties if key.endswith(("Indexes", "Definitions", "Schema"))}
        assert more == set(TABLES[name])


def test_blue_and_green_are_the_same_program_and_differ_in_version_and_defect(
    resources: dict[str, Any],
) -> None:
    environments = {}
    for side in ("Blue", "Green"):
        [container] = resources[f"{side}Task"]["Properties"]["ContainerDefinitions"]
        environments[side] = {e["Name"]: e["Value"] for e in container["Environment"]}
        assert [s["Name"] for s in container["Secrets"]] == ["CHAT_SECRET", "REDIS_PASSWORD"]
    blue, green = environments["Blue"], environments["Green"]
    assert green.pop("CHAT_DEFECT") == {"Ref": "GreenDefect"}
    assert (blue.pop("CHAT_VERSION"), green.pop("CHAT_VERSION")) == ("blue", "green")
    assert blue == green
    known = {"CHAT_SECRET": "s", "CHAT_DRAIN_SECONDS": "20"} | {
        name: value for name, value in blue.items() if isinstance(value, str)
    }
    settings = read(known | {"REDIS_URL": blue["REDIS_URL"]["Fn::Sub"]})
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)  # noqa: S104
    assert settings.redis_url.startswith("rediss://")


def test_traffic_goes_to_blue_until_weights_are_moved(resources: dict[str, Any]) -> None:
    http = resources["HttpListener"]["Properties"]["DefaultActions"][0]["Fn::If"][2]
    https = resources["HttpsListener"]["Properties"]["DefaultActions"][0]
    for action in (http, https):
        assert action["ForwardConfig"]["TargetGroups"] == [
            {"TargetGroupArn": {"Ref": "BlueTargetGroup"}, "Weight": 100},
            {"TargetGroupArn": {"Ref": "GreenTargetGroup"}, "Weight": 0},
        ]
    blue, green = (resources[f"{side}TargetGroup"]["Properties"] for side in ("Blue", "Green"))
    assert blue == green


def test_services_and_their_tasks_may_be_experimented_on(resources: dict[str, Any]) -> None:
    for name, service in of_type(resources, "AWS::ECS::Service").items():
        assert ALLOWED in service["Tags"], name
        assert service["PropagateTags"] == "SERVICE", name
        side = name.removesuffix("Service")
        assert service["LoadBalancers"][0]["TargetGroupArn"] == {"Ref": f"{side}TargetGroup"}


def test_the_names_that_canaries_ask_for_are_published(resources: dict[str, Any]) -> None:
    path = "/steadystate/workloads/chat/"
    published = {
        properties["Name"].removeprefix(path)
        for properties in of_type(resources, "AWS::SSM::Parameter").values()
    }
    wanted = "load-balancer-arn listener-arn stable-target-group-arn canary-target-group-arn url"
    wanted += " health-url blue-service green-service cluster stop-alarm-arn redis-id"
    assert published == set(wanted.split())


def test_nothing_but_the_balancer_is_reached_from_outside(resources: dict[str, Any]) -> None:
    groups = of_type(resources, "AWS::EC2::SecurityGroup")
    ingress = {name: group["SecurityGroupIngress"] for name, group in groups.items()}
    assert {n for n, rules in ingress.items() if any("CidrIp" in r for r in rules)} == {
        "BalancerGroup"
    }
    assert [rule["FromPort"] for rule in ingress["TaskGroup"]] == [8080]
    assert [rule["FromPort"] for rule in ingress["RedisGroup"]] == [6379]
    for bucket in of_type(resources, "AWS::S3::Bucket").values():
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert bucket["BucketEncryption"]


def test_redis_has_a_replica_in_the_other_zone_and_is_encrypted(
    resources: dict[str, Any],
) -> None:
    [redis] = of_type(resources, "AWS::ElastiCache::ReplicationGroup").values()
    assert redis["NumCacheClusters"] == 2
    wanted = ("AutomaticFailoverEnabled", "MultiAZEnabled", "AtRestEncryptionEnabled")
    assert all(redis[name] is True for name in (*wanted, "TransitEncryptionEnabled"))
    assert redis["AuthToken"]


def test_no_role_may_do_everything_to_anything(resources: dict[str, Any]) -> None:
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                actions = [actions] if isinstance(actions, str) else actions
                assert not any("*" in action for action in actions), (name, actions)
                if statement["Resource"] == "*":
                    assert actions == ["ecr:GetAuthorizationToken"]
