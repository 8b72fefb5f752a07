"""ECS and ElastiCache of the account: what runs them says how they are."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.account.conftest import Account

CLUSTER = "pond"


@pytest.fixture(scope="module")
def service(account: Account) -> dict[str, Any]:
    """A cluster with one service, which a stack creates."""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="pond", Description="d", VpcId=vpc)["GroupId"]
    template = {
        "Resources": {
            "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": CLUSTER}},
            "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": definition("one")},
            "Service": {
                "Type": "AWS::ECS::Service",
                "Properties": {
                    "ServiceName": "frog",
                    "Cluster": {"Ref": "Cluster"},
                    "TaskDefinition": {"Ref": "Task"},
                    "LaunchType": "FARGATE",
                    "DesiredCount": 2,
                    "HealthCheckGracePeriodSeconds": 7,
                    "DeploymentConfiguration": {"MinimumHealthyPercent": 50},
                    "NetworkConfiguration": {
                        "AwsvpcConfiguration": {"Subnets": [subnet], "SecurityGroups": [group]}
                    },
                    "Tags": [{"Key": "steadystate:allow", "Value": "true"}],
                },
            },
        },
        "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Service", "Name"]}}},
    }
    api = account.client("cloudformation")
    api.create_stack(StackName=CLUSTER, TemplateBody=json.dumps(template))
    outputs = api.describe_stacks(StackName=CLUSTER)["Stacks"][0]["Outputs"]
    assert outputs[0]["OutputValue"] == "frog"
    return described(account)


def definition(image: str) -> dict[str, Any]:
    container = {"Name": "frog", "Image": image, "PortMappings": [{"ContainerPort": 80}]}
    return {
        "Family": "frog",
        "RequiresCompatibilities": ["FARGATE"],
        "NetworkMode": "awsvpc",
        "Cpu": "256",
        "Memory": "512",
        "ContainerDefinitions": [container],
    }


def described(account: Account) -> dict[str, Any]:
    answer = account.client("ecs").describe_services(cluster=CLUSTER, services=["frog"])
    found: dict[str, Any] = answer["services"][0]
    return found


def run(account: Account, service: dict[str, Any]) -> dict[str, Any]:
    """One more task of the service, as its scheduler starts it."""
    answer = account.client("ecs").run_task(
        cluster=CLUSTER,
        taskDefinition=service["taskDefinition"],
        launchType="FARGATE",
        group="service:frog",
        startedBy=service["deployments"][0]["id"],
        networkConfiguration=service["networkConfiguration"],
    )
    task: dict[str, Any] = answer["tasks"][0]
    return task


def seen(account: Account, task: dict[str, Any]) -> dict[str, Any]:
    api = account.client("ecs")
    found: dict[str, Any] = api.describe_tasks(cluster=CLUSTER, tasks=[task["taskArn"]])["tasks"][0]
    return found


def say(account: Account, task: dict[str, Any], **body: str) -> int:
    return account.post(f"/lab/containers/{task['taskArn'].rsplit('/', 1)[-1]}", body)[0]


@pytest.fixture(autouse=True)
def no_task_is_left(account: Account, service: dict[str, Any]) -> Iterator[None]:
    yield
    for arn in account.client("ecs").list_tasks(cluster=CLUSTER)["taskArns"]:
        account.post(f"/lab/containers/{arn.rsplit('/', 1)[-1]}", {"status": "STOPPED"})


def test_a_service_keeps_what_its_scheduler_goes_by(service: dict[str, Any]) -> None:
    assert service["healthCheckGracePeriodSeconds"] == 7
    assert service["deploymentConfiguration"]["minimumHealthyPercent"] == 50
    assert (service["desiredCount"], service["runningCount"]) == (2, 0)


def test_a_task_moves_when_its_runner_says_so_and_its_service_counts_it(
    account: Account, service: dict[str, Any]
) -> None:
    task = run(account, described(account))
    assert task["lastStatus"] == "PENDING"
    assert described(account)["pendingCount"] == 1
    assert say(account, task, status="RUNNING") == 200
    assert [seen(account, task)["lastStatus"] for _ in range(3)] == ["RUNNING"] * 3
    now = described(account)
    assert (now["runningCount"], now["pendingCount"]) == (1, 0)
    assert now["deployments"][0]["runningCount"] == 1
    say(account, task, status="STOPPED", stop_code="EssentialContainerExited", reason="gone")
    stopped = seen(account, task)
    assert (stopped["desiredStatus"], stopped["stopCode"]) == (
        "STOPPED",
        "EssentialContainerExited",
    )
    assert described(account)["runningCount"] == 0


def test_stop_task_only_asks_for_the_end(account: Account, service: dict[str, Any]) -> None:
    task = run(account, service)
    say(account, task, status="RUNNING")
    api = account.client("ecs")
    api.stop_task(cluster=CLUSTER, task=task["taskArn"], reason="a test")
    asked = seen(account, task)
    assert (asked["lastStatus"], asked["desiredStatus"]) == ("RUNNING", "STOPPED")
    assert (asked["stopCode"], asked["stoppedReason"]) == ("UserInitiated", "a test")
    say(account, task, status="STOPPED", reason="not this one")
    assert seen(account, task)["stoppedReason"] == "a test"
    with pytest.raises(api.exceptions.InvalidParameterException, match="task was not found"):
        api.stop_task(cluster=CLUSTER, task="0123")


def test_tasks_are_listed_by_service_and_without_those_that_stop(
    account: Account, service: dict[str, Any]
) -> None:
    task, api = run(account, service), account.client("ecs")

    def listed(**by: str) -> list[str]:
        arns: list[str] = api.list_tasks(cluster=CLUSTER, **by)["taskArns"]
        return arns

    assert listed(serviceName="frog") == [task["taskArn"]]
    assert listed(serviceName="toad") == []
    api.stop_task(cluster=CLUSTER, task=task["taskArn"])
    assert listed(serviceName="frog") == []
    assert task["taskArn"] in listed(desiredStatus="STOPPED")


def test_a_new_task_definition_is_a_new_deployment_until_the_old_tasks_are_gone(
    account: Account, service: dict[str, Any]
) -> None:
    old, api = run(account, service), account.client("ecs")
    new = api.register_task_definition(
        family="frog",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "frog", "image": "two"}],
    )["taskDefinition"]["taskDefinitionArn"]
    api.update_service(cluster=CLUSTER, service="frog", taskDefinition="frog")
    first, second = described(account)["deployments"]
    assert (first["status"], first["taskDefinition"]) == ("PRIMARY", new)
    assert (second["status"], second["pendingCount"]) == ("ACTIVE", 1)
    assert first["rolloutState"] == "IN_PROGRESS"
    say(account, old, status="STOPPED")
    tasks = [run(account, described(account)) for _ in range(2)]
    for task in tasks:
        say(account, task, status="RUNNING")
    only = described(account)["deployments"]
    assert [(d["id"], d["rolloutState"]) for d in only] == [(first["id"], "COMPLETED")]
    api.update_service(cluster=CLUSTER, service="frog", desiredCount=1)
    assert described(account)["runningCount"] == 2  # until somebody stops one
    for task in tasks:
        say(account, task, status="STOPPED")


@pytest.mark.parametrize("body", [{}, {"status": "FINE"}, []])
def test_a_bad_report_of_a_task_is_refused(
    account: Account, service: dict[str, Any], body: Any
) -> None:
    task = run(account, service)
    identifier = task["taskArn"].rsplit("/", 1)[-1]
    assert account.post(f"/lab/containers/{identifier}", body)[0] == 400
    assert account.post("/lab/containers/none", {"status": "RUNNING"})[0] == 404
    say(account, task, status="STOPPED")


def test_a_cache_gets_its_token_out_of_a_secret_and_its_status_from_its_runner(
    account: Account,
) -> None:
    secret = account.client("secretsmanager").create_secret(Name="word", SecretString="open-sesame")
    template = {
        "Resources": {
            "Cache": {
                "Type": "AWS::ElastiCache::ReplicationGroup",
                "Properties": {
                    "ReplicationGroupId": "pond",
                    "ReplicationGroupDescription": "d",
                    "TransitEncryptionEnabled": True,
                    "AuthToken": f"{{{{resolve:secretsmanager:{secret['ARN']}}}}}",
                },
            },
            "Url": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {
                    "Type": "String",
                    "Value": {"Fn::Sub": "rediss://${Cache.PrimaryEndPoint.Address}:6379"},
                },
            },
        },
        "Outputs": {"Url": {"Value": {"Fn::GetAtt": ["Url", "Value"]}}},
    }
    stacks, caches = account.client("cloudformation"), account.client("elasticache")
    stacks.create_stack(StackName="cache", TemplateBody=json.dumps(template))
    url = stacks.describe_stacks(StackName="cache")["Stacks"][0]["Outputs"][0]["OutputValue"]
    assert url.startswith("rediss://master.pond.")

    def status() -> str:
        found = caches.describe_replication_groups(ReplicationGroupId="pond")
        first: str = found["ReplicationGroups"][0]["Status"]
        return first

    assert account.get("/lab/caches/pond") == (200, '{"auth_token": "open-sesame"}')
    assert account.get("/lab/caches/none")[0] == 404
    assert status() == "creating"
    assert account.post("/lab/caches/pond", {"status": "available"})[0] == 200
    assert status() == "available"
    assert account.post("/lab/caches/pond", {})[0] == 400
