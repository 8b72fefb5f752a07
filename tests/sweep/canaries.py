"""Workloads for canaries: two target groups behind a listener, customers in numbers, a person.

The customers are metrics of both sides, put as the weights share them; the person says yes to
whatever waits. What is tested is the machinery, and not the judge.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.sweep.place import REGION, Place

HISTORY_SECONDS: Final = 10.0

REQUESTS: Final = 40_000
"""How many requests both sides have together, each time that metrics are put."""

WORKLOAD: Final = """
document: steadystate/workload/v1
name: {name}
load_balancer: {{arn: "{balancer}", target_group: "{stable}"}}
probe: {{url: "{url}", requests: 5}}
targets: {{}}
slis:
  failed_probes: {{source: probe, measure: error_rate}}
traffic: {{place: "{listener}", stable: "{stable}", canary: "{canary}"}}
"""
CANARY: Final = """
document: steadystate/canary/v1
name: {name}
workload: {name}
steps: [{{weight: 50, approve: true}}, 100]
bake: 4s
final_bake: 2s
history: 8s
promotion: {{acceptable_rate: 3 %, minimum_requests: 100, confidence: 0.51}}
metrics:
  errors: {{measure: errors}}
guardrails:
  all-fail: {{sli: failed_probes, bound: "< 100 %", points: 3}}
"""


class Side:
    """One workload: its listener and its two target groups."""

    def __init__(self, place: Place, name: str, number: int, subnets: list[str], vpc: str) -> None:
        self.name, self._elb = name, place.client("elbv2")
        self.bad_share = 0.0
        answer = self._elb.create_load_balancer(Name=name, Subnets=subnets)
        self.balancer: str = answer["LoadBalancers"][0]["LoadBalancerArn"]
        self.groups = [self._group(place, vpc, n, number) for n in range(2)]
        self.listener: str = self._elb.create_listener(
            LoadBalancerArn=self.balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[_forward(self.groups, 100)],
        )["Listeners"][0]["ListenerArn"]
        stable, canary = self.groups
        for folder, text in (("workloads", WORKLOAD), ("canaries", CANARY)):
            place.client("s3").put_object(
                Bucket=place.outputs["EvidenceBucketName"],
                Key=f"scenarios/{folder}/{name}.yaml",
                Body=text.format(
                    name=name,
                    url=place.door,
                    balancer=self.balancer,
                    listener=self.listener,
                    stable=stable,
                    canary=canary,
                ).encode(),
            )

    def _group(self, place: Place, vpc: str, side: int, number: int) -> str:
        arn: str = self._elb.create_target_group(
            Name=f"{self.name}-{side}", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip"
        )["TargetGroups"][0]["TargetGroupArn"]
        address = f"10.9.{number}.{10 + side}"
        self._elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": address, "Port": 80}])
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "1"}
        self._elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
        place.post("/lab/target-health", {arn: [{"id": address, "port": 80, "state": "healthy"}]})
        return arn

    def weights(self) -> dict[str, int]:
        """Return the weights that the listener has now, by target group."""
        action = self._elb.describe_listeners(ListenerArns=[self.listener])["Listeners"][0]
        groups = action["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
        return {group["TargetGroupArn"]: group.get("Weight", 1) for group in groups}

    def begin(self, *, bad_share: float) -> None:
        """Give everything to stable, and say how badly the canary will do."""
        self.bad_share = bad_share
        self._elb.modify_listener(
            ListenerArn=self.listener, DefaultActions=[_forward(self.groups, 100)]
        )

    def metrics(self) -> list[dict[str, Any]]:
        """Return what a balancer would publish now."""
        weights, data = self.weights(), []
        for group in self.groups:
            count = REQUESTS * weights.get(group, 0) // (sum(weights.values()) or 1)
            bad = int(count * self.bad_share) if group == self.groups[1] else 0
            names = {
                "LoadBalancer": self.balancer.rpartition(":loadbalancer/")[2],
                "TargetGroup": group.rpartition(":")[2],
            }
            dimensions = [{"Name": n, "Value": v} for n, v in names.items()]
            data += [
                {"MetricName": name, "Dimensions": dimensions, "Value": value}
                for name, value in (("RequestCount", count), ("HTTPCode_Target_5XX_Count", bad))
                if value
            ]
        return data


class Sides(threading.Thread):
    """The workloads, their customers and the person, until `stop`."""

    def __init__(self, place: Place, count: int) -> None:
        super().__init__(daemon=True)
        self._place, self._ended = place, threading.Event()
        ec2 = place.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.9.{200 + n}.0/24", AvailabilityZone=f"{REGION}{zone}"
            )["Subnet"]["SubnetId"]
            for n, zone in enumerate("ab")
        ]
        self.sides = {f"c{n}": Side(place, f"c{n}", n, subnets, vpc) for n in range(count)}

    def run(self) -> None:
        while not self._ended.wait(0.5):
            data = [one for side in self.sides.values() for one in side.metrics()]
            self._place.client("cloudwatch").put_metric_data(
                Namespace="AWS/ApplicationELB", MetricData=data
            )
            self._say_yes()

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _say_yes(self) -> None:
        """Answer every canary that waits for a person."""
        table = self._place.client("dynamodb")
        open_runs = table.query(
            TableName=self._place.outputs["TableName"],
            IndexName="open",
            KeyConditionExpression="#open = :run",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":run": {"S": "RUN"}},
        )["Items"]
        for found in open_runs:
            key = {"pk": found["pk"], "sk": {"S": "RUN"}}
            item = table.get_item(TableName=self._place.outputs["TableName"], Key=key).get("Item")
            gate = json.loads(item["progress"]["S"]).get("gate") if item else None
            if gate and gate.get("token"):
                self._answer(gate["token"])

    def _answer(self, token: str) -> None:
        sfn = self._place.client("stepfunctions")
        answer = {"decision": "approve", "by": "sweep", "reason": "looks good"}
        try:
            sfn.send_task_success(taskToken=token, output=json.dumps(answer))
        except (sfn.exceptions.TaskTimedOut, sfn.exceptions.InvalidToken):
            return  # answered before, or its execution is over


def _forward(groups: list[str], stable: int) -> dict[str, Any]:
    weights = (stable, 100 - stable)
    return {
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": [
                {"TargetGroupArn": group, "Weight": weight}
                for group, weight in zip(groups, weights, strict=True)
            ]
        },
    }


@contextmanager
def customers(place: Place, count: int) -> Iterator[dict[str, Side]]:
    """Workloads for canaries named c0, c1, … with as much history as a canary looks back on."""
    sides = Sides(place, count)
    sides.start()
    try:
        time.sleep(HISTORY_SECONDS)
        yield sides.sides
    finally:
        sides.stop()
