"""What a fault could hit, as the account knows it: tags, states, parameters, target health."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from steadystate.adapters import aws
from steadystate.adapters.resources import ALLOW_TAG, AwsTargets, ElbTargetHealth, SsmParameters
from steadystate.documents.workload import DatabaseTarget, InstancesTarget, TasksTarget
from steadystate.errors import TransientError

REGION, ACCOUNT = "ap-northeast-2", "123456789012"
TARGETS = AwsTargets(REGION, ACCOUNT)


def test_all_parameters_of_a_workload_are_read_over_several_pages(connected: Any) -> None:
    ssm = connected.client("ssm")
    for n in range(12):
        name = f"/steadystate/workloads/paged/key-{n:02}"
        ssm.put_parameter(Name=name, Value=f"value {n}", Type="String")
    ssm.put_parameter(Name="/steadystate/workloads/paged-not/key", Value="x", Type="String")
    found = SsmParameters().of("paged")
    assert found == {f"key-{n:02}": f"value {n}" for n in range(12)}
    assert SsmParameters().of("nowhere") == {}


@pytest.fixture(scope="module")
def group(account: Any) -> dict[str, list[str]]:
    """Groups of instances by name: `allowed` and `mixed` of two, the second without the tag."""
    ec2, scaling = account.client("ec2"), account.client("autoscaling")
    image = ec2.register_image(Name="bank")["ImageId"]
    scaling.create_launch_configuration(
        LaunchConfigurationName="bank", ImageId=image, InstanceType="t3.micro"
    )
    found = {}
    for name in ("allowed", "mixed"):
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchConfigurationName="bank",
            MinSize=2,
            MaxSize=2,
            AvailabilityZones=[f"{REGION}a"],
            Tags=[{"Key": ALLOW_TAG, "Value": "true", "PropagateAtLaunch": True}],
        )
        described = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        instances = described["AutoScalingGroups"][0]["Instances"]
        found[name] = [i["InstanceId"] for i in instances]
    ec2.delete_tags(Resources=[found["mixed"][1]], Tags=[{"Key": ALLOW_TAG}])
    return found


def instances(name: str) -> InstancesTarget:
    return InstancesTarget(resource="aws:ec2:instance", auto_scaling_group=name)


def arn(instance: str) -> str:
    return f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{instance}"


def test_the_instances_of_a_group_are_found_with_whether_they_may_be_hit(
    connected: Any, group: dict[str, list[str]]
) -> None:
    assert {r.arn: r.allowed for r in TARGETS.resolve(instances("allowed"))} == dict.fromkeys(
        map(arn, group["allowed"]), True
    )
    mixed = {r.arn: r.allowed for r in TARGETS.resolve(instances("mixed"))}
    assert mixed == {arn(group["mixed"][0]): True, arn(group["mixed"][1]): False}
    assert TARGETS.resolve(instances("nowhere")) == []


@pytest.mark.parametrize("value", ["True", "yes", "false", ""])
def test_only_the_very_tag_permits(connected: Any, group: dict[str, list[str]], value: str) -> None:
    ec2 = connected.client("ec2")
    second = group["mixed"][1]
    ec2.create_tags(Resources=[second], Tags=[{"Key": ALLOW_TAG, "Value": value}])
    found = {r.arn: r.allowed for r in TARGETS.resolve(instances("mixed"))}
    ec2.delete_tags(Resources=[second], Tags=[{"Key": ALLOW_TAG}])
    assert found[arn(second)] is False


def test_an_instance_that_is_not_running_is_no_target(
    connected: Any, group: dict[str, list[str]]
) -> None:
    ec2 = connected.client("ec2")
    ec2.stop_instances(InstanceIds=[group["mixed"][0]])
    found = [r.arn for r in TARGETS.resolve(instances("mixed"))]
    ec2.start_instances(InstanceIds=[group["mixed"][0]])
    assert arn(group["mixed"][0]) not in found


def test_a_database_is_a_target_while_it_is_available(connected: Any) -> None:
    rds = connected.client("rds")
    made = rds.create_db_instance(
        DBInstanceIdentifier="targets-db",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="bank",
        MasterUserPassword="not-a-secret",
        Tags=[{"Key": ALLOW_TAG, "Value": "true"}],
    )["DBInstance"]
    target = DatabaseTarget(resource="aws:rds:db", identifier="targets-db")
    connected.post("/lab/databases/targets-db", {"status": "available"})
    assert [(r.arn, r.allowed) for r in TARGETS.resolve(target)] == [(made["DBInstanceArn"], True)]
    rds.remove_tags_from_resource(ResourceName=made["DBInstanceArn"], TagKeys=[ALLOW_TAG])
    assert [r.allowed for r in TARGETS.resolve(target)] == [False]
    rds.reboot_db_instance(DBInstanceIdentifier="targets-db")
    assert TARGETS.resolve(target) == []
    nowhere = DatabaseTarget(resource="aws:rds:db", identifier="nowhere")
    assert TARGETS.resolve(nowhere) == []


@pytest.fixture
def service(connected: Any) -> Any:
    """Start a task of the service `tasks/front`; returns a function (status, tags) -> ARN."""
    ec2, ecs = connected.client("ec2"), connected.client("ecs")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="front", Description="d", VpcId=vpc)["GroupId"]
    ecs.create_cluster(clusterName="tasks")
    ecs.register_task_definition(
        family="front",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        memory="512",
        containerDefinitions=[{"name": "front", "image": "used-in-place"}],
    )

    def start(status: str, tags: dict[str, str], service: str = "front") -> str:
        network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}}
        task: str = ecs.run_task(
            cluster="tasks",
            taskDefinition="front",
            launchType="FARGATE",
            group=f"service:{service}",
            tags=[{"key": k, "value": v} for k, v in tags.items()],
            networkConfiguration=network,
        )["tasks"][0]["taskArn"]
        connected.post(f"/lab/containers/{task.rsplit('/', 1)[-1]}", {"status": status})
        return task

    return start


def test_the_running_tasks_of_a_service_are_found_with_whether_they_may_be_hit(
    connected: Any, service: Any
) -> None:
    allowed = service("RUNNING", {ALLOW_TAG: "true"})
    barred = service("RUNNING", {ALLOW_TAG: "yes"})
    service("PENDING", {ALLOW_TAG: "true"})
    service("RUNNING", {ALLOW_TAG: "true"}, "back")
    stopping = service("RUNNING", {ALLOW_TAG: "true"})
    connected.client("ecs").stop_task(cluster="tasks", task=stopping)
    front = TasksTarget(resource="aws:ecs:task", cluster="tasks", service="front")
    found = TARGETS.resolve(front)
    assert {r.arn: r.allowed for r in found} == {allowed: True, barred: False}
    described = connected.client("ecs").describe_tasks(cluster="tasks", tasks=[allowed, barred])
    addresses = {
        detail["value"]
        for task in described["tasks"]
        for detail in task["attachments"][0]["details"]
        if detail["name"] == "privateIPv4Address"
    }
    assert {resource.target_id for resource in found} == addresses
    assert len(addresses) == 2
    for target in (
        TasksTarget(resource="aws:ecs:task", cluster="tasks", service="none"),
        TasksTarget(resource="aws:ecs:task", cluster="none", service="front"),
    ):
        assert TARGETS.resolve(target) == []


def test_a_service_that_is_not_there_has_no_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    ecs: Any = boto3.client("ecs", region_name=REGION)
    monkeypatch.setattr("steadystate.adapters.resources.client", lambda _: ecs)
    front = TasksTarget(resource="aws:ecs:task", cluster="tasks", service="front")
    with Stubber(ecs) as stub:
        stub.add_client_error("list_tasks", "ServiceNotFoundException", "Service not found.")
        assert TARGETS.resolve(front) == []
        stub.add_client_error("list_tasks", "AccessDeniedException", "no")
        with pytest.raises(ClientError, match="AccessDenied"):
            TARGETS.resolve(front)


def test_only_healthy_targets_count(connected: Any, group: dict[str, list[str]]) -> None:
    ec2, elb = connected.client("ec2"), connected.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    group_arn = elb.create_target_group(Name="health", Protocol="HTTP", Port=80, VpcId=vpc)[
        "TargetGroups"
    ][0]["TargetGroupArn"]
    targets = [*group["allowed"], *group["mixed"]]
    elb.register_targets(TargetGroupArn=group_arn, Targets=[{"Id": t} for t in targets])
    for states in (["healthy", "unhealthy", "initial", "healthy"], ["draining"] * 4):
        health = [
            {"id": target, "port": 80, "state": state}
            for target, state in zip(targets, states, strict=True)
        ]
        connected.post("/lab/target-health", {group_arn: health})
        assert ElbTargetHealth().healthy(group_arn) == states.count("healthy")
        members = {t for t, state in zip(targets, states, strict=True) if state != "draining"}
        assert ElbTargetHealth().members(group_arn) == members
    with pytest.raises(LookupError, match="target health of"):
        ElbTargetHealth().healthy(group_arn.replace("health", "nowhere"))
    with pytest.raises(LookupError, match="target health of"):
        ElbTargetHealth().members(group_arn.replace("health", "nowhere"))
    known = {resource.target_id for resource in TARGETS.resolve(instances("allowed"))}
    assert known == set(group["allowed"])


def test_throttling_is_a_passing_fault(connected: Any) -> None:
    cases: list[tuple[str, str, Any]] = [
        ("ssm", "get_parameters_by_path", lambda: SsmParameters().of("bank")),
        ("ec2", "describe_instances", lambda: TARGETS.resolve(instances("allowed"))),
        ("elbv2", "describe_target_health", lambda: ElbTargetHealth().healthy("arn")),
    ]
    for service, operation, call in cases:
        with Stubber(aws.client(service)) as stub:
            stub.add_client_error(operation, "Throttling")
            with pytest.raises(TransientError):
                call()
