"""The balancer process with the lab's own account: what is changed there happens to requests."""

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.config import Config

from lab import processes

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "lab",
    "AWS_SECRET_ACCESS_KEY": "lab",
    "AWS_REGION": "ap-northeast-2",
    "AWS_DEFAULT_REGION": "ap-northeast-2",
}


def until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError("did not come true in time")


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = str(self.connection.getsockname()[1]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@dataclass
class Stack:
    """A running account and balancer, and the names of what was created."""

    clients: Callable[[str], Any]
    url: str
    balancer_arn: str
    listener_arn: str
    groups: dict[str, str]
    ports: dict[str, int]
    access_log: Path
    process: processes.Process

    def ask(self, times: int) -> Counter[int | str]:
        """How often each target answered, and each error came."""
        answers: Counter[int | str] = Counter()
        for _ in range(times):
            try:
                with urllib.request.urlopen(self.url, timeout=60) as answer:
                    answers[int(answer.read())] += 1
            except urllib.error.HTTPError as error:
                answers[f"HTTP {error.code}"] += 1
        return answers

    def health(self, group: str) -> list[str]:
        found = self.clients("elbv2").describe_target_health(TargetGroupArn=self.groups[group])
        return [one["TargetHealth"]["State"] for one in found["TargetHealthDescriptions"]]

    def weigh(self, blue: int, green: int) -> None:
        weights = {"blue": blue, "green": green}
        self.clients("elbv2").modify_listener(
            ListenerArn=self.listener_arn,
            DefaultActions=[
                {
                    "Type": "forward",
                    "ForwardConfig": {
                        "TargetGroups": [
                            {"TargetGroupArn": self.groups[name], "Weight": weight}
                            for name, weight in weights.items()
                        ]
                    },
                }
            ],
        )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("balancer")
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Answering) for _ in range(2)]
    for server in servers:
        Thread(target=server.serve_forever, daemon=True).start()
    account = processes.start(
        processes.python(
            "lab.account", "--ready", directory / "account", "--state", directory / "state"
        ),
        log_path=directory / "account.log",
        name="account",
    )
    balancer = None
    try:
        endpoint = processes.wait_ready(directory / "account", account)["url"]
        balancer = processes.start(
            processes.python(
                "lab.balancer",
                *("--ready", directory / "balancer"),
                *("--access-log", directory / "access.jsonl", "--metric-period-seconds", "1"),
            ),
            log_path=directory / "balancer.log",
            name="balancer",
            env={**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint},
        )
        yield _create(endpoint, servers, directory / "access.jsonl", balancer)
    finally:
        if balancer:
            balancer.stop()
        account.stop()
        for server in servers:
            server.shutdown()
            server.server_close()


def _create(
    endpoint: str, servers: list[ThreadingHTTPServer], log: Path, process: processes.Process
) -> Stack:
    session: Any = boto3.Session("lab", "lab", region_name="ap-northeast-2")

    def clients(service: str) -> Any:
        # A health check every two seconds is more often than AWS takes, or boto3 lets through.
        return session.client(
            service, endpoint_url=endpoint, config=Config(parameter_validation=False)
        )

    elb, ec2 = clients("elbv2"), clients("ec2")
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"][:2]]
    balancer = elb.create_load_balancer(Name="bank", Subnets=subnets)["LoadBalancers"][0]
    groups = {}
    for name, server in zip(("blue", "green"), servers, strict=True):
        groups[name] = elb.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=80,
            VpcId=ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
            TargetType="ip",
            HealthCheckIntervalSeconds=2,
            HealthCheckTimeoutSeconds=1,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=10,
            HealthCheckPath="/h",
        )["TargetGroups"][0]["TargetGroupArn"]
        elb.register_targets(
            TargetGroupArn=groups[name],
            Targets=[{"Id": "127.0.0.1", "Port": server.server_address[1]}],
        )
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": groups["blue"]}],
    )["Listeners"][0]
    ports = {name: one.server_address[1] for name, one in zip(groups, servers, strict=True)}
    stack = Stack(
        clients,
        f"http://{balancer['DNSName']}",
        balancer["LoadBalancerArn"],
        listener["ListenerArn"],
        groups,
        ports,
        log,
        process,
    )
    stack.weigh(1, 1)
    until(lambda: stack.health("blue") + stack.health("green") == ["healthy", "healthy"])
    return stack


def test_weights_set_in_the_account_split_requests_exactly_from_the_next_poll_on(
    stack: Stack,
) -> None:
    stack.weigh(90, 10)
    blue, green = stack.ports["blue"], stack.ports["green"]
    until(lambda: stack.ask(10) == {blue: 9, green: 1})
    assert stack.ask(50) == {blue: 45, green: 5}
    stack.weigh(0, 100)
    until(lambda: stack.ask(10) == {green: 10})
    assert stack.ask(20) == {green: 20}


def test_rules_set_in_the_account_are_followed(stack: Stack) -> None:
    rule = stack.clients("elbv2").create_rule(
        ListenerArn=stack.listener_arn,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/"]}],
        Actions=[
            {
                "Type": "fixed-response",
                "FixedResponseConfig": {"StatusCode": "503", "MessageBody": "closed"},
            }
        ],
    )["Rules"][0]
    until(lambda: stack.ask(1) == {"HTTP 503": 1})
    stack.clients("elbv2").delete_rule(RuleArn=rule["RuleArn"])
    until(lambda: "HTTP 503" not in stack.ask(1))


def test_metrics_arrive_in_cloudwatch_and_agree_with_the_access_log(stack: Stack) -> None:
    stack.weigh(1, 0)
    until(lambda: stack.ask(2) == {stack.ports["blue"]: 2})
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    until(lambda: datetime.now(UTC) > start)
    assert stack.ask(25) == {stack.ports["blue"]: 25}
    end = datetime.now(UTC)

    def total(name: str, group: str | None = None, statistic: str = "Sum") -> float:
        dimensions = {"LoadBalancer": stack.balancer_arn.partition("loadbalancer/")[2]}
        if group:
            dimensions["TargetGroup"] = stack.groups[group].rpartition(":")[2]
        points = stack.clients("cloudwatch").get_metric_statistics(
            Namespace="AWS/ApplicationELB",
            MetricName=name,
            Dimensions=[{"Name": n, "Value": v} for n, v in dimensions.items()],
            StartTime=start,
            EndTime=end + timedelta(seconds=1),
            Period=1,
            Statistics=[statistic],
        )["Datapoints"]
        return float(sum(point[statistic] for point in points))

    until(lambda: total("RequestCount") == 25)
    until(lambda: total("RequestCount", "blue") == 25)
    until(lambda: total("HTTPCode_Target_2XX_Count", "blue") == 25)
    until(lambda: total("TargetResponseTime", "blue", "SampleCount") == 25)
    assert total("RequestCount", "green") == 0
    lines = [json.loads(line) for line in stack.access_log.read_text().splitlines()]
    logged = [line for line in lines if line["at"] >= start.timestamp()]
    assert [line["status"] for line in logged] == [200] * 25
    assert {line["target_group"] for line in logged} == {stack.groups["blue"]}


def test_a_deregistered_target_leaves_and_can_come_back(stack: Stack) -> None:
    stack.weigh(1, 0)
    elb, blue = stack.clients("elbv2"), stack.groups["blue"]
    target = {"Id": "127.0.0.1", "Port": stack.ports["blue"]}
    elb.deregister_targets(TargetGroupArn=blue, Targets=[target])
    until(lambda: stack.ask(1) == {"HTTP 503": 1})
    until(lambda: stack.health("blue") == [])
    elb.register_targets(TargetGroupArn=blue, Targets=[target])
    until(lambda: stack.health("blue") == ["healthy"])
    assert stack.ask(4) == {stack.ports["blue"]: 4}


def test_without_an_account_it_says_what_is_missing(tmp_path: Path) -> None:
    process = processes.start(
        processes.python("lab.balancer", "--ready", tmp_path / "r", "--access-log", tmp_path / "a"),
        log_path=tmp_path / "log",
        name="balancer",
        env={"AWS_ENDPOINT_URL": ""},
    )
    assert process.wait(60) == 2
    assert process.stop() == 2
    assert "AWS_ENDPOINT_URL is not set" in process.log_tail()
