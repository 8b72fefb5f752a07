"""What a workload consists of: its group replaces instances, its health and database are real."""

from typing import Any

import pytest

from tests.lab.account.conftest import Account

Names = dict[str, str]


@pytest.fixture(scope="module")
def workload(account: Account) -> Names:
    """A group of two instances over two zones, behind a load balancer, and a database."""
    ec2, elb = account.client("ec2"), account.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=zone)["Subnet"]
        for n, zone in enumerate(("ap-northeast-2a", "ap-northeast-2b"))
    ]
    ids = [subnet["SubnetId"] for subnet in subnets]
    balancer = elb.create_load_balancer(Name="work", Subnets=ids)["LoadBalancers"][0]
    group = elb.create_target_group(Name="work", Protocol="HTTP", Port=80, VpcId=vpc)
    arn = group["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )
    template = ec2.create_launch_template(
        LaunchTemplateName="work",
        LaunchTemplateData={"ImageId": "ami-1", "InstanceType": "t4g.micro"},
    )["LaunchTemplate"]["LaunchTemplateId"]
    account.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="work",
        LaunchTemplate={"LaunchTemplateId": template},
        MinSize=2,
        MaxSize=4,
        DesiredCapacity=2,
        VPCZoneIdentifier=",".join(ids),
        TargetGroupARNs=[arn],
        Tags=[{"Key": "steadystate:allow", "Value": "true", "PropagateAtLaunch": True}],
    )
    account.client("rds").create_db_instance(
        DBInstanceIdentifier="work-db", Engine="postgres", DBInstanceClass="db.t4g.micro"
    )
    return {"group": arn, "dns": balancer["DNSName"]}


def _members(account: Account) -> set[str]:
    api = account.client("autoscaling")
    group = api.describe_auto_scaling_groups(AutoScalingGroupNames=["work"])["AutoScalingGroups"][0]
    return {instance["InstanceId"] for instance in group["Instances"]}


def _health(account: Account, workload: Names) -> dict[str, Any]:
    api = account.client("elbv2")
    found = api.describe_target_health(TargetGroupArn=workload["group"])["TargetHealthDescriptions"]
    return {item["Target"]["Id"]: item["TargetHealth"] for item in found}


def test_a_load_balancer_is_on_this_machine(account: Account, workload: Names) -> None:
    host, port = workload["dns"].split(":")
    assert host == "127.0.0.1"
    assert 1024 < int(port) < 65536


def test_instances_are_spread_over_zones_and_carry_the_groups_tags(
    account: Account, workload: Names
) -> None:
    found = account.client("ec2").describe_instances(InstanceIds=sorted(_members(account)))
    instances = [i for r in found["Reservations"] for i in r["Instances"]]
    zones = {instance["Placement"]["AvailabilityZone"] for instance in instances}
    assert zones == {"ap-northeast-2a", "ap-northeast-2b"}
    for instance in instances:
        tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
        assert tags["aws:autoscaling:groupName"] == "work"
        assert tags["steadystate:allow"] == "true"


@pytest.mark.parametrize("by", ["ec2", "autoscaling"])
def test_a_terminated_instance_is_replaced_and_the_new_one_registered(
    account: Account, workload: Names, by: str
) -> None:
    before = _members(account)
    victim = sorted(before)[0]
    if by == "ec2":
        account.client("ec2").terminate_instances(InstanceIds=[victim])
    else:
        account.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=victim, ShouldDecrementDesiredCapacity=False
        )
    after = _members(account)
    assert len(after) == 2
    assert victim not in after
    assert set(_health(account, workload)) == after


def test_a_larger_group_registers_its_new_instances(account: Account, workload: Names) -> None:
    api = account.client("autoscaling")
    api.set_desired_capacity(AutoScalingGroupName="work", DesiredCapacity=3)
    three = _members(account)
    assert len(three) == 3
    assert set(_health(account, workload)) == three
    api.set_desired_capacity(AutoScalingGroupName="work", DesiredCapacity=2)
    left = [{"Id": instance_id} for instance_id in three - _members(account)]
    account.client("elbv2").deregister_targets(TargetGroupArn=workload["group"], Targets=left)


def test_target_health_is_what_the_balancer_reports(account: Account, workload: Names) -> None:
    one, other = sorted(_members(account))
    assert _health(account, workload)[one]["State"] == "initial"
    report = [
        {"id": one, "port": 80, "state": "healthy"},
        {
            "id": other,
            "port": 80,
            "state": "unhealthy",
            "reason": "Target.FailedHealthChecks",
            "description": "Health checks failed",
        },
        {"id": "i-0123", "port": 80, "state": "draining", "reason": "Target.Draining"},
    ]
    assert account.post("/lab/target-health", {workload["group"]: report}) == (200, "ok\n")
    health = _health(account, workload)
    assert health[one]["State"] == "healthy"
    assert health[other] == {
        "State": "unhealthy",
        "Reason": "Target.FailedHealthChecks",
        "Description": "Health checks failed",
    }
    assert health["i-0123"]["State"] == "draining"
    account.post("/lab/target-health", {workload["group"]: []})
    assert _health(account, workload)[one]["State"] == "initial"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "a JSON object by target group"),
        ({"arn:none": []}, "there is no target group arn:none"),
        ({"GROUP": {}}, "a list of targets"),
        ({"GROUP": [{"state": "healthy"}]}, "needs an id"),
        ({"GROUP": [{"id": "i-1", "state": "fine"}]}, "i-1: state must be one of"),
    ],
)
def test_a_bad_health_report_is_refused(
    account: Account, workload: Names, body: Any, message: str
) -> None:
    if isinstance(body, dict):
        body = {key.replace("GROUP", workload["group"]): value for key, value in body.items()}
    status, text = account.post("/lab/target-health", body)
    assert status == 400
    assert message in text


def test_a_reboot_waits_for_the_real_database(account: Account, workload: Names) -> None:
    api = account.client("rds")

    def database() -> dict[str, Any]:
        found = api.describe_db_instances(DBInstanceIdentifier="work-db")["DBInstances"]
        first: dict[str, Any] = found[0]
        return first

    api.reboot_db_instance(DBInstanceIdentifier="work-db")
    assert database()["DBInstanceStatus"] == "rebooting"
    body = {"status": "available", "address": "127.0.0.1", "port": 41000}
    assert account.post("/lab/databases/work-db", body)[0] == 200
    assert database()["DBInstanceStatus"] == "available"
    assert database()["Endpoint"]["Address"] == "127.0.0.1"
    assert database()["Endpoint"]["Port"] == 41000
    assert account.post("/lab/databases/none", body)[0] == 404
    assert account.post("/lab/databases/work-db", {"port": 1})[0] == 400
