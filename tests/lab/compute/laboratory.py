"""An account, a stack in it, and the compute process that makes it real."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psutil  # type: ignore[import-untyped]

from lab import processes

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
T = TypeVar("T")


def wait_for(look: Callable[[], T], timeout_seconds: float = 60.0) -> T:
    """The first truthy answer of `look`."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not seen in {timeout_seconds} s; last: {found!r}"
        time.sleep(0.05)


def get(url: str, timeout_seconds: float = 30.0) -> str:
    with urllib.request.urlopen(url, timeout=timeout_seconds) as answer:
        content: bytes = answer.read()
        return content.decode()


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@dataclass
class Laboratory:
    """What tests use to look at and change the lab."""

    environment: dict[str, str]
    directory: Path
    compute: processes.Process
    directory_url: str
    target_group: str = ""

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name=self.environment["AWS_REGION"],
            aws_access_key_id="lab",
            aws_secret_access_key="lab",
        )

    def instances(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = json.loads(get(self.directory_url))
        return found

    def running(self, count: int = 2) -> dict[str, str]:
        """Id -> address of the running instances, when there are `count`."""

        def look() -> dict[str, str]:
            found = {
                identifier: f"http://127.0.0.1:{item['port']}"
                for identifier, item in self.instances().items()
                if item["state"] == "running"
            }
            return found if len(found) == count else {}

        return wait_for(look)

    def truth(self, identifier: str | None = None) -> list[dict[str, Any]]:
        lines = (self.directory / "truth.jsonl").read_text().splitlines()
        parsed = [json.loads(line) for line in lines]
        return [line for line in parsed if identifier in (None, line["id"])]

    def set_unhealthy(self, identifier: str) -> None:
        """Say what a load balancer says whose health checks fail."""
        target = {"id": identifier, "port": 80, "state": "unhealthy"}
        request = urllib.request.Request(
            f"{self.environment['AWS_ENDPOINT_URL']}/lab/target-health",
            data=json.dumps({self.target_group: [target]}).encode(),
        )
        urllib.request.urlopen(request, timeout=30).close()

    def registered(self) -> set[str]:
        health = self.client("elbv2").describe_target_health(TargetGroupArn=self.target_group)
        return {item["Target"]["Id"] for item in health["TargetHealthDescriptions"]}

    def members(self) -> set[str]:
        answer = self.client("autoscaling").describe_auto_scaling_groups()
        return {item["InstanceId"] for item in answer["AutoScalingGroups"][0]["Instances"]}


def start_compute(directory: Path, environment: dict[str, str]) -> tuple[processes.Process, str]:
    ready = directory / f"compute-{time.monotonic_ns()}.json"
    compute = processes.start(
        processes.python(
            "lab.compute", "--ready", ready, "--workload", HERE / "shop.yaml",
            "--state", directory, "--truth", directory / "truth.jsonl",
            "--metric-period-seconds", "1",
        ),
        env=environment,
        log_path=directory / "compute.log",
        name="compute",
    )  # fmt: skip
    return compute, processes.wait_ready(ready, compute)["directory"]


@contextmanager
def laboratory(directory: Path) -> Iterator[Laboratory]:
    """Two instances behind a target group, one database; all is gone afterwards."""
    account = processes.start(
        processes.python(
            "lab.account", "--ready", directory / "account.json", "--state", directory / "account"
        ),
        log_path=directory / "account.log",
        name="account",
    )
    url = processes.wait_ready(directory / "account.json", account)["url"]
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "ap-northeast-2",
        "AWS_DEFAULT_REGION": "ap-northeast-2",
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
    }
    compute, directory_url = start_compute(directory, environment)
    lab = Laboratory(environment, directory, compute, directory_url)
    try:
        create_stack(lab)
        lab.running()
        yield lab
    finally:
        lab.compute.stop()
        account.stop()


def create_stack(lab: Laboratory) -> None:
    ec2, elbv2 = lab.client("ec2"), lab.client("elbv2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    lab.target_group = elbv2.create_target_group(
        Name="shop", Protocol="HTTP", Port=80, VpcId=subnet["VpcId"]
    )["TargetGroups"][0]["TargetGroupArn"]
    ec2.create_launch_template(
        LaunchTemplateName="shop",
        LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"},
    )
    lab.client("rds").create_db_instance(
        DBInstanceIdentifier="shop-db",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        DBName="shop",
        MasterUsername="shop",
        MasterUserPassword="not-used-here",
        AllocatedStorage=20,
        Tags=[{"Key": "steadystate:allow", "Value": "true"}],
    )
    lab.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="shop",
        LaunchTemplate={"LaunchTemplateName": "shop", "Version": "$Latest"},
        MinSize=0,
        MaxSize=5,
        DesiredCapacity=2,
        TargetGroupARNs=[lab.target_group],
        VPCZoneIdentifier=subnet["SubnetId"],
        Tags=[{"Key": "steadystate:allow", "Value": "true", "PropagateAtLaunch": True}],
    )
