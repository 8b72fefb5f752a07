"""Workloads for canaries: two target groups behind a listener, customers in numbers, a person.

The customers are metrics, the same in every second and put ahead of it, so that no canary goes back
because a machine was busy; the person says yes to whatever waits. What is tested is the machinery,
and not the judge.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.sweep.place import EXPERIMENT, REGION, Place

HISTORY_SECONDS: Final = 20
AHEAD_SECONDS: Final = 30

REQUESTS: Final = 20_000
"""How many requests each side has in a second, whatever its weight."""

BAD: Final = 40
WORSE_BAD: Final = 6_000
"""How many of them fail: so steady, and so many, that one second is evidence enough."""

WORSE: Final = "-worse"

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
workload: {workload}
steps: [{{weight: 50, {gate}}}, 100]
bake: 2s
final_bake: 1s
history: 10s
promotion: {{acceptable_rate: 3 %, minimum_requests: 100, confidence: 0.51}}
metrics:
  errors: {{measure: errors}}
guardrails:
  all-fail: {{sli: failed_probes, bound: "< 100 %", points: 3}}
"""
SIDES: Final = {"": BAD, WORSE: WORSE_BAD}
"""The workloads of each name, by ending, and how many of the canary's requests fail in a second."""


class Side:
    """One workload: its listener and its two target groups, of which the canary does so badly."""

    def __init__(
        self, place: Place, name: str, number: int, subnets: list[str], vpc: str, bad: int
    ) -> None:
        self.name, self.run_id, self._elb = name, "", place.client("elbv2")
        self._bad = bad
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
        workload = WORKLOAD.format(
            name=name,
            url=place.door,
            balancer=self.balancer,
            listener=self.listener,
            stable=stable,
            canary=canary,
        )
        place.store("workloads", name, workload)
        gate = f"{name}-gate"
        fault = '"aws:fis:wait", duration: 2s'
        place.store("experiments", gate, EXPERIMENT.format(name=gate, workload=name, fault=fault))
        for scenario, asks in (
            (name, "approve: true"),
            (f"{name}-gated", f"experiment: {gate}"),
        ):
            text = CANARY.format(name=scenario, workload=name, gate=asks)
            place.store("canaries", scenario, text)

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

    def begin(self, run_id: str) -> None:
        """Give everything to stable, for a run."""
        self.run_id = run_id
        self._elb.modify_listener(
            ListenerArn=self.listener, DefaultActions=[_forward(self.groups, 100)]
        )

    def metrics(self, second: int) -> list[dict[str, Any]]:
        """Return what a balancer publishes of a second."""
        data = []
        for group in self.groups:
            bad = self._bad if group == self.groups[1] else BAD
            names = {
                "LoadBalancer": self.balancer.rpartition(":loadbalancer/")[2],
                "TargetGroup": group.rpartition(":")[2],
            }
            dimensions = [{"Name": n, "Value": v} for n, v in names.items()]
            data += [
                {"MetricName": name, "Dimensions": dimensions, "Value": value, "Timestamp": second}
                for name, value in (("RequestCount", REQUESTS), ("HTTPCode_Target_5XX_Count", bad))
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
        sides = [(f"c{n}{ending}", bad) for n in range(count) for ending, bad in SIDES.items()]
        self.sides = {
            name: Side(place, name, number, subnets, vpc, bad)
            for number, (name, bad) in enumerate(sides)
        }
        self._told_until = int(time.time()) - HISTORY_SECONDS
        self._tell()

    def run(self) -> None:
        while not self._ended.wait(0.5):
            self._tell()
            for side in self.sides.values():
                self._say_yes(side.run_id)

    def _tell(self) -> None:
        """Put the metrics of all seconds up to AHEAD_SECONDS from now."""
        until = int(time.time()) + AHEAD_SECONDS
        for second in range(self._told_until, until):
            data = [one for side in self.sides.values() for one in side.metrics(second)]
            self._place.client("cloudwatch").put_metric_data(
                Namespace="AWS/ApplicationELB", MetricData=data
            )
        self._told_until = until

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _say_yes(self, run_id: str) -> None:
        """Answer the run's canary, if it waits for a person."""
        key = {"pk": {"S": f"RUN#{run_id}"}, "sk": {"S": "RUN"}}
        table = self._place.outputs["TableName"]
        item = self._place.client("dynamodb").get_item(TableName=table, Key=key).get("Item")
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
    """`count` workloads for canaries named c0, c1, … each with a worse one, and their customers."""
    sides = Sides(place, count)
    sides.start()
    try:
        yield sides.sides
    finally:
        sides.stop()
