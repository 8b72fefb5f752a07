"""What is struck and shifted: two workloads, as far as the account knows them.

`shop` and `kiosk` stand behind one balancer. Canaries of `shop` move a listener's weights, those of
`kiosk` a rule's. A task of `shop` is on the canary's side.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from tests.sweep.place import REGION, Place

WORKLOAD: Final = """
document: steadystate/workload/v1
name: {name}
load_balancer: {{arn: "{balancer}", target_group: "{blue}"}}
traffic: {{place: "{place}", stable: "{blue}", canary: "{green}"}}
probe: {{url: "{door}", requests: 5}}
alarms: ["{alarm}"]
targets:
  database: {{resource: "aws:rds:db", identifier: shop}}
  instances: {{resource: "aws:ec2:instance", auto_scaling_group: shop}}
  tasks: {{resource: "aws:ecs:task", cluster: shop, service: shop}}
slis:
  failed_probes: {{source: probe, measure: error_rate}}
  healthy: {{source: target_health}}
  errors: {{source: load_balancer, measure: error_rate}}
"""
EXPERIMENT: Final = """
document: steadystate/experiment/v1
name: {name}
workload: {name}
objectives:
  answers: {{sli: failed_probes, bound: "< 50 %"}}
  errors: {{sli: errors, bound: "< 50 %"}}
recovery: {{target: 20s, limit: 30s, good: 1s}}
method: {method}
guardrails:
  none-left: {{sli: healthy, bound: "> 0", points: 3}}
"""
CANARY: Final = """
document: steadystate/canary/v1
name: {name}
workload: {name}
steps: [{step}, 100]
bake: 4s
final_bake: 1s
history: 1m
hold_limit: {hold}
promotion: {{acceptable_rate: 20 %, minimum_requests: 10, confidence: 0.51}}
metrics: {{errors: {{measure: errors}}}}
"""
METHODS: Final = {
    "shop": '{restart: {action: "aws:ecs:stop-task", target: tasks}}',
    "kiosk": '{restart: {action: "aws:rds:reboot-db-instances", target: database}, '
    'stop: {action: "aws:ec2:stop-instances", target: instances}}',
}
ALLOWED: Final = {"Key": "steadystate:allow", "Value": "true"}
TRAFFIC_SECONDS: Final = 600
SECRET: Final = "slack"
"""The secret with the address that Slack is told at."""


def open_shop(place: Place) -> None:
    """Both workloads, with their documents, and customers without a complaint for 10 minutes."""
    subnets, group = _network(place)
    task = _task(place, subnets, group)
    names = _balance(place, subnets, task) | {"alarm": _alarm(place), "door": place.door}
    place.client("secretsmanager").create_secret(Name=SECRET, SecretString=place.door)
    _add_database(place)
    _add_instance(place, subnets[0])
    _serve(place, names)
    for name, steps, hold, split in (
        ("shop", "{weight: 50, experiment: shop, approve: true}", "1h", names["listener"]),
        ("kiosk", "{weight: 50, approve: true}", "3s", names["rule"]),
    ):
        for folder, text in (
            ("workloads", WORKLOAD.format(name=name, **names | {"place": split})),
            ("experiments", EXPERIMENT.format(name=name, method=METHODS[name])),
            ("canaries", CANARY.format(name=name, step=steps, hold=hold)),
        ):
            place.store(folder, name, text)


def _network(place: Place) -> tuple[list[str], str]:
    """Two subnets and a security group."""
    ec2 = place.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.8.{n}.0/24", AvailabilityZone=REGION + zone)
        for n, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="shop", Description="shop", VpcId=vpc)
    return [subnet["Subnet"]["SubnetId"] for subnet in subnets], group["GroupId"]


def _task(place: Place, subnets: list[str], group: str) -> str:
    """A running task; its address."""
    ecs = place.client("ecs")
    configuration = {"subnets": subnets[:1], "securityGroups": [group]}
    launch: dict[str, Any] = {
        "cluster": "shop",
        "taskDefinition": "shop",
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": configuration},
    }
    ecs.create_cluster(clusterName="shop")
    ecs.register_task_definition(
        family="shop",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "shop", "image": "shop"}],
    )
    ecs.create_service(serviceName="shop", desiredCount=1, **launch)
    tag = {"key": ALLOWED["Key"], "value": ALLOWED["Value"]}
    (task,) = ecs.run_task(group="service:shop", tags=[tag], **launch)["tasks"]
    place.post(f"/lab/containers/{task['taskArn'].rpartition('/')[2]}", {"status": "RUNNING"})
    details = task["attachments"][0]["details"]
    return next(str(one["value"]) for one in details if one["name"] == "privateIPv4Address")


def _balance(place: Place, subnets: list[str], task: str) -> dict[str, str]:
    """A balancer with a healthy target on either side; the ARNs by name."""
    elb = place.client("elbv2")
    (made,) = elb.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"]
    balancer = made["LoadBalancerArn"]
    groups = {}
    for side, address in (("blue", "10.8.0.250"), ("green", task)):
        arn = elb.create_target_group(
            Name=side, Protocol="HTTP", Port=80, VpcId=made["VpcId"], TargetType="ip"
        )["TargetGroups"][0]["TargetGroupArn"]
        elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": address, "Port": 80}])
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "1"}
        elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
        place.post("/lab/target-health", {arn: [{"id": address, "port": 80, "state": "healthy"}]})
        groups[side] = arn
    split = {
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": [
                {"TargetGroupArn": groups["blue"], "Weight": 100},
                {"TargetGroupArn": groups["green"], "Weight": 0},
            ]
        },
    }
    listener = elb.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[split]
    )["Listeners"][0]["ListenerArn"]
    rule = elb.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/kiosk/*"]}],
        Actions=[split],
    )["Rules"][0]["RuleArn"]
    return groups | {"balancer": balancer, "listener": listener, "rule": rule}


def _alarm(place: Place) -> str:
    """An alarm that is quiet; its ARN."""
    api = place.client("cloudwatch")
    api.put_metric_alarm(
        AlarmName="shop",
        Namespace="Shop",
        MetricName="Lost",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    api.set_alarm_state(AlarmName="shop", StateValue="OK", StateReason="quiet")
    arn: str = api.describe_alarms(AlarmNames=["shop"])["MetricAlarms"][0]["AlarmArn"]
    return arn


def _add_database(place: Place) -> None:
    place.client("rds").create_db_instance(
        DBInstanceIdentifier="shop",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="shop",
        MasterUserPassword="not-used-here",
        Tags=[ALLOWED],
    )


def _add_instance(place: Place, subnet: str) -> None:
    template = place.client("ec2").create_launch_template(
        LaunchTemplateName="shop",
        LaunchTemplateData={"ImageId": "ami-12345678", "InstanceType": "t4g.micro"},
    )["LaunchTemplate"]
    place.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="shop",
        MinSize=1,
        MaxSize=1,
        DesiredCapacity=1,
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"]},
        VPCZoneIdentifier=subnet,
        Tags=[ALLOWED | {"PropagateAtLaunch": True}],
    )


def _serve(place: Place, names: dict[str, str]) -> None:
    """Publish what the balancer counts, the time to come included."""
    balancer = {"Name": "LoadBalancer", "Value": names["balancer"].split(":loadbalancer/")[1]}
    sides = [
        {"Name": "TargetGroup", "Value": names[side].rpartition(":")[2]}
        for side in ("blue", "green")
    ]

    def counted() -> Iterator[dict[str, Any]]:
        now = int(time.time())
        for at in range(now - 90, now + TRAFFIC_SECONDS):
            for dimensions in ([balancer], *([balancer, side] for side in sides)):
                yield {
                    "MetricName": "RequestCount",
                    "Dimensions": dimensions,
                    "Timestamp": datetime.fromtimestamp(at, UTC),
                    "Value": 2000.0,
                }

    data = list(counted())
    for first in range(0, len(data), 1000):
        place.client("cloudwatch").put_metric_data(
            Namespace="AWS/ApplicationELB", MetricData=data[first : first + 1000]
        )
