"""The whole lab: the account with the stack in it, one workload, and traffic.

    with Lab("bank", state) as lab:
        lab.execute({"scenario": "bank-instance-loss"})

One process tree: the account, compute (instances, databases, faults), the load balancer, and the
clients. All of it dies with the process that made the Lab, even by SIGKILL.
"""

import json
import os
import shutil
import time
import tomllib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import boto3

from lab import processes, truth
from lab.account.deploy import deploy

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

ROOT: Final = Path(__file__).resolve().parents[1]
REGION: Final = "ap-northeast-2"
STACK: Final = "steadystate-lab"
START_SECONDS: Final = 120.0


class LabError(Exception):
    """The lab did not come up; the message says which part, and ends with its log."""


@dataclass(frozen=True, slots=True)
class WorkloadSetup:
    """How a workload runs in the lab; `requests_per_second` is how many customers come.

    `defect` is the stack parameter that gives the new version of the workload a defect.
    """

    template: Path
    journeys: str
    requests_per_second: float
    parameters: Mapping[str, str] = field(default_factory=dict)
    defect: str | None = None


WORKLOADS: Final[dict[str, WorkloadSetup]] = {
    "bank": WorkloadSetup(
        template=ROOT / "workloads/bank/template.yaml",
        journeys="lab.journeys.bank",
        requests_per_second=25.0,
        parameters={
            "BundleBucket": "used-in-place",
            "HealthCheckIntervalSeconds": "5",
            "HealthCheckTimeoutSeconds": "2",
            "HealthyThreshold": "2",
            "UnhealthyThreshold": "2",
            "DeregistrationDelaySeconds": "5",
        },
    ),
    "chat": WorkloadSetup(
        template=ROOT / "workloads/chat/template.yaml",
        journeys="lab.journeys.chat",
        requests_per_second=25.0,
        parameters={
            "BlueImage": "used-in-place",
            "BlueCount": "2",
            "GreenCount": "2",
            "WithCdn": "false",
            "HealthCheckIntervalSeconds": "5",
            "HealthCheckTimeoutSeconds": "2",
            "HealthyThreshold": "2",
            "UnhealthyThreshold": "2",
            "DeregistrationDelaySeconds": "5",
            "DrainSeconds": "5",
        },
        defect="GreenDefect",
    ),
}


class Lab:
    """A running lab. `state` is a directory of its own, for logs, data and the truth.

    `say` is told what is being started, in a few words; `stack_parameters` go over those that
    samconfig.toml gives the lab, `workload_parameters` over those of WORKLOADS. `green_defect` is
    a defect of the workload's new version, such as `errors:0.05` or `slow:0.5`.
    """

    def __init__(
        self,
        workload: str,
        state: Path,
        *,
        traffic: bool = True,
        requests_per_second: float | None = None,
        stack_parameters: Mapping[str, str] | None = None,
        workload_parameters: Mapping[str, str] | None = None,
        green_defect: str | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.workload = workload
        self.state = state.resolve()
        self._setup = WORKLOADS[workload]
        self._rate = requests_per_second or self._setup.requests_per_second
        self._with_traffic = traffic
        self._say = say
        self._stack_parameters = dict(stack_parameters or {})
        self._workload_parameters = {**self._setup.parameters, **(workload_parameters or {})}
        if green_defect is not None:
            if self._setup.defect is None:
                raise ValueError(f"{workload} has no new version that could have a defect")
            self._workload_parameters[self._setup.defect] = green_defect
        self._stack = ExitStack()
        self._traffic: processes.Process | None = None
        self.processes: dict[str, processes.Process] = {}
        self.outputs: dict[str, str] = {}
        self.workload_outputs: dict[str, str] = {}
        self.endpoint_url = ""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def target_group(self) -> str:
        """The ARN of the target group that serves the workload's customers."""
        name = f"/steadystate/workloads/{self.workload}/target-group-arn"
        return str(self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])

    def client(self, service: str) -> Any:
        """Return a client of the account with all rights."""
        return boto3.client(service, **self._access())  # type: ignore[call-overload]

    def execute(self, request: Mapping[str, Any], name: str | None = None) -> str:
        """Start an execution as the console does; return its ARN."""
        arguments = {"name": name} if name else {}
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["ExperimentStateMachineArn"],
            input=json.dumps(request),
            **arguments,
        )
        return str(answer["executionArn"])

    def stop_traffic(self) -> None:
        """Let the customers finish, and check what the workload promised them."""
        if self._traffic is not None:
            self._traffic.stop(75)
            self._traffic = None

    def truth(self, started_at: float, ended_at: float) -> dict[str, Any]:
        """Return what really happened between two epoch seconds; see `lab.truth`."""
        logs = [p for p in (self.state / "truth").glob("*.jsonl") if p.is_file()]
        seen = truth.build_from_files(logs, started_at, ended_at)
        door = truth.front_door(self.state / "access.jsonl", started_at, ended_at)
        return {**seen, "front_door": door}

    def _start(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        self._say("account")
        account = self._process(
            "account",
            "lab.account",
            "--state",
            self.state / "account",
            "--layers-root",
            self._layers(),
        )
        self.endpoint_url = account["url"]
        self._say("stack")
        config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
        words = config["lab"]["deploy"]["parameters"]["parameter_overrides"].split()
        overrides = dict(word.split("=", 1) for word in words) | self._stack_parameters
        self.outputs = self._deploy(ROOT / "template.yaml", STACK, overrides)
        self._say(f"workload {self.workload}")
        self.workload_outputs = self._deploy(
            self._setup.template, self.workload, self._workload_parameters
        )
        period = overrides["MetricPeriodSeconds"]
        compute = self._process(
            "compute",
            "lab.compute",
            "--workload",
            ROOT / f"lab/workloads/{self.workload}.yaml",
            "--state",
            self.state / "compute",
            "--truth",
            self._truth("compute"),
            "--metric-period-seconds",
            period,
        )
        self._process(
            "balancer",
            "lab.balancer",
            "--access-log",
            self.state / "access.jsonl",
            "--metric-period-seconds",
            period,
            "--directory",
            compute["directory"],
        )
        self._say("instances")
        self._wait_until_healthy()
        if self._with_traffic:
            self.start_traffic()
        self._publish()

    def start_traffic(self) -> None:
        """Let the customers in."""
        self._say(f"customers: {self._rate:g} arrivals a second")
        url = self.client("ssm").get_parameter(Name=f"/steadystate/workloads/{self.workload}/url")
        self._process(
            "traffic",
            "lab.traffic",
            "--journeys",
            self._setup.journeys,
            "--base-url",
            url["Parameter"]["Value"],
            "--rate",
            str(self._rate),
            "--truth",
            self._truth("traffic"),
        )
        self._traffic = self.processes["traffic"]

    def _access(self) -> dict[str, str]:
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": REGION,
            "aws_access_key_id": "lab",
            "aws_secret_access_key": "lab",
        }

    def _environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "lab",
            "AWS_SECRET_ACCESS_KEY": "lab",
        }

    def _process(self, name: str, module: str, *arguments: str | Path) -> dict[str, Any]:
        ready = self.state / f"{name}.ready.json"
        ready.unlink(missing_ok=True)
        environment = self._environment() if self.endpoint_url else {"AWS_REGION": REGION}
        process = processes.start(
            processes.python(module, "--ready", ready, *arguments),
            env=environment,
            log_path=self.state / f"{name}.log",
            name=name,
        )
        self._stack.callback(process.stop)
        self.processes[name] = process
        try:
            return processes.wait_ready(ready, process, START_SECONDS)
        except processes.ProcessFailedError as error:
            raise LabError(str(error)) from error

    def _deploy(self, template: Path, stack: str, parameters: dict[str, str]) -> dict[str, str]:
        before = {k: os.environ.get(k) for k in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        os.environ |= {k: "lab" for k in before}
        try:
            return deploy(
                template, stack, parameters, endpoint_url=self.endpoint_url, region=REGION
            )
        finally:
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key)
                else:
                    os.environ[key] = value

    def _layers(self) -> Path:
        """Return the directory that stands for /opt: the shipped scenarios."""
        opt = self.state / "opt"
        shutil.rmtree(opt, ignore_errors=True)
        opt.mkdir(parents=True)
        for folder in (ROOT / "scenarios").iterdir():
            (opt / folder.name).symlink_to(folder)
        return opt

    def _truth(self, name: str) -> Path:
        path = self.state / "truth" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _wait_until_healthy(self) -> None:
        elb: ElasticLoadBalancingv2Client = self.client("elbv2")
        wanted = self._wanted_tasks()
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            groups = [g["TargetGroupArn"] for g in elb.describe_target_groups()["TargetGroups"]]
            states = [
                target["TargetHealth"]["State"]
                for group in groups
                for target in elb.describe_target_health(TargetGroupArn=group)[
                    "TargetHealthDescriptions"
                ]
            ]
            if states and len(states) >= wanted and all(state == "healthy" for state in states):
                return
            for process in self.processes.values():
                if process.poll() is not None:
                    raise LabError(f"{process.name} ended: {process.log_tail()}")
            time.sleep(0.1)
        raise LabError(
            f"{self.workload} is not healthy after {START_SECONDS:g} s; see {self.state}"
        )

    def _wanted_tasks(self) -> int:
        """How many tasks the services of the workload's cluster want."""
        if "Cluster" not in self.workload_outputs:
            return 0
        ecs, cluster = self.client("ecs"), self.workload_outputs["Cluster"]
        names = ecs.list_services(cluster=cluster)["serviceArns"]
        services = ecs.describe_services(cluster=cluster, services=names)["services"]
        return sum(service["desiredCount"] for service in services)

    def _publish(self) -> None:
        """Tell the command line of another terminal where this lab is."""
        place = {"endpoint_url": self.endpoint_url, "region": REGION, "stack": STACK}
        processes.write_ready(self.state / "lab.json", place)
        self._stack.callback((self.state / "lab.json").unlink, missing_ok=True)
