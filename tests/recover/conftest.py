"""The stack in the lab's account, without a workload; and a stand-in for FIS's executor."""

import json
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from lab import processes
from lab.account.deploy import deploy
from steadystate.adapters import aws
from tests.definitions.stack import ROOT

REGION = "ap-northeast-2"
STACK = "steadystate-recover"


@dataclass(frozen=True)
class Stack:
    """The deployed stack."""

    url: str
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        session: Any = boto3
        keys = {"aws_access_key_id": "lab", "aws_secret_access_key": "lab"}
        return session.client(service, region_name=REGION, endpoint_url=self.url, **keys)

    def recover(self, ended: str = "") -> str:
        """Start the machine as a person does, or as the rule when an execution has ended."""
        machine = self.outputs["RecoverStateMachineArn"]
        detail = {"executionArn": f"arn:aws:states:::execution:x:{ended}", "name": ended}
        given = json.dumps({"detail": detail} if ended else {})
        answer = self.client("stepfunctions").start_execution(stateMachineArn=machine, input=given)
        return str(answer["executionArn"])

    def reports_of(self, run_id: str) -> int:
        """How often the report of a run was begun."""
        machine = self.outputs["ReportStateMachineArn"]
        listed = self.client("stepfunctions").list_executions(stateMachineArn=machine)
        return [e["name"] for e in listed["executions"]].count(run_id)

    def end_of(self, execution: str, seconds: float = 120.0) -> dict[str, Any]:
        until, api = time.monotonic() + seconds, self.client("stepfunctions")
        while (found := api.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < until, "recover has no end"
            time.sleep(0.05)
        return dict(found)

    def recoveries(self) -> list[str]:
        """How all executions of `recover` have ended, the newest first."""
        found = self.client("stepfunctions").list_executions(
            stateMachineArn=self.outputs["RecoverStateMachineArn"]
        )
        return [self.end_of(one["executionArn"])["status"] for one in found["executions"]]

    def wait_for_sweep(self, before: int = 0) -> str:
        """How the execution ends that the schedule starts at once, as a new or changed one does."""
        until = time.monotonic() + 120
        while len(ends := self.recoveries()) <= before:
            assert time.monotonic() < until, "the sweep does not come round"
            time.sleep(0.2)
        return ends[0]

    def sweep(self, state: str, every: str = "rate(5 minutes)") -> None:
        """Turn the schedule of `recover` on or off."""
        api = self.client("scheduler")
        (name,) = [s["Name"] for s in api.list_schedules()["Schedules"] if "Sweep" in s["Name"]]
        schedule = api.get_schedule(Name=name)
        kept = {key: schedule[key] for key in ("Name", "FlexibleTimeWindow", "Target")}
        api.update_schedule(**kept, State=state, ScheduleExpression=every)

    def role_of(self, function: str) -> str:
        """The name of a function's role."""
        listed = self.client("lambda").list_functions()["Functions"]
        (role,) = [f["Role"] for f in listed if f["FunctionName"].startswith(f"{STACK}-{function}")]
        return str(role).rpartition("/")[2]


@contextmanager
def account(state: Path) -> Iterator[str]:
    """The lab's account, empty; its URL."""
    process = processes.start(
        processes.python("lab.account", "--ready", state / "ready.json", "--state", state),
        log_path=state / "account.log",
        name="account",
        cwd=ROOT,
        env={"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION},
    )
    try:
        yield processes.wait_ready(state / "ready.json", process, 60)["url"]
    finally:
        process.stop(5)


def deployed(url: str) -> Stack:
    """The stack in an account, with its sweep off: it would close what a test is about to make."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    words = config["lab"]["deploy"]["parameters"]["parameter_overrides"].split()
    parameters = dict(word.split("=", 1) for word in words)
    outputs = deploy(ROOT / "template.yaml", STACK, parameters, endpoint_url=url, region=REGION)
    stack = Stack(url, outputs)
    stack.wait_for_sweep()
    stack.sweep("DISABLED")
    return stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with account(tmp_path_factory.mktemp("account")) as url:
        yield deployed(url)


@pytest.fixture
def connected(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The adapters' clients lead to the account."""
    for name, value in {
        "AWS_ENDPOINT_URL": stack.url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    aws.client.cache_clear()
    yield stack
    aws.client.cache_clear()


@pytest.fixture(autouse=True)
def executor(stack: Stack) -> Iterator[None]:
    """Starts what is new and ends what is stopping, as the lab's compute does, with no effect."""
    over = threading.Event()

    def work() -> None:
        import urllib.request

        fis = stack.client("fis")
        while not over.wait(0.05):
            for one in fis.list_experiments()["experiments"]:
                status = one["state"]["status"]
                following = {"initiating": "running", "stopping": "stopped"}.get(status)
                if following:
                    body = json.dumps({"state": {"status": following, "reason": "asked"}})
                    place = f"{stack.url}/lab/experiments/{one['id']}"
                    urllib.request.urlopen(
                        urllib.request.Request(place, data=body.encode()), timeout=30
                    ).close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()
