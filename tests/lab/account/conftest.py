"""One account process for all tests of this folder, and one stack in it."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from lab import processes
from lab.account.deploy import deploy

HERE = Path(__file__).parent
REGION = "ap-northeast-2"


@dataclass(frozen=True)
class Account:
    """The running account: its URL, its process, its state directory."""

    url: str
    process: processes.Process
    state: Path

    def client(self, service: str, **credentials: str) -> Any:
        keys = credentials or {"aws_access_key_id": "lab", "aws_secret_access_key": "lab"}
        session: Any = boto3
        return session.client(service, region_name=REGION, endpoint_url=self.url, **keys)

    def as_role(self, service: str, role_arn: str) -> Any:
        sts = self.client("sts")
        got = sts.assume_role(RoleArn=role_arn, RoleSessionName="tests")["Credentials"]
        return self.client(
            service,
            aws_access_key_id=got["AccessKeyId"],
            aws_secret_access_key=got["SecretAccessKey"],
            aws_session_token=got["SessionToken"],
        )

    def post(self, path: str, body: Any) -> tuple[int, str]:
        """POST to the account's own endpoints: status and text."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._answer(urllib.request.Request(self.url + path, data=data))

    def get(self, path: str) -> tuple[int, str]:
        """GET one of the account's own endpoints: status and text."""
        return self._answer(urllib.request.Request(self.url + path))

    def _answer(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def start_account(state: Path) -> Account:
    """Start an account process. Whoever starts it stops it."""
    ready = state / "ready.json"
    process = processes.start(
        processes.python("lab.account", "--ready", ready, "--state", state),
        log_path=state / "account.log",
        name="account",
        cwd=HERE.parents[2],
        env={"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION},
    )
    return Account(processes.wait_ready(ready, process, 60)["url"], process, state)


def wait_for(check: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """The first true value that `check` gives. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)
    return value


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    started = start_account(tmp_path_factory.mktemp("account"))
    yield started
    started.process.stop()


@pytest.fixture(scope="session")
def app(account: Account) -> dict[str, str]:
    """The outputs of the test application's stack."""
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    return deploy(
        HERE / "app" / "template.yaml",
        "app",
        {"Stage": "lab"},
        endpoint_url=account.url,
        region=REGION,
    )


class Hold:
    """Keeps an invocation of the test application's function under way until it is released."""

    def __init__(self, directory: Path, name: str = "") -> None:
        self._begun, self._go = directory / f"begun{name}", directory / f"go{name}"

    def event(self, **more: Any) -> dict[str, Any]:
        """The function's input; with an `id` it writes the record when it is released."""
        return {"do": "hold", "begun": str(self._begun), "go": str(self._go), **more}

    def wait_until_begun(self) -> None:
        wait_for(self._begun.exists, "the function's begin")

    def release(self) -> None:
        self._go.touch()


@dataclass(frozen=True)
class Machine:
    """A state machine of the stack, as tests use it."""

    account: Account
    arn: str

    def start(self, event: Any, name: str | None = None) -> str:
        api = self.account.client("stepfunctions")
        named = {"name": name} if name else {}
        answer = api.start_execution(stateMachineArn=self.arn, input=json.dumps(event), **named)
        arn: str = answer["executionArn"]
        return arn

    def end_of(self, execution: str, seconds: float = 120.0) -> dict[str, Any]:
        api = self.account.client("stepfunctions")

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = api.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        end: dict[str, Any] = wait_for(ended, f"the end of {execution}", seconds)
        return end

    def run(self, event: Any) -> dict[str, Any]:
        return self.end_of(self.start(event))


@pytest.fixture
def main_machine(account: Account, app: dict[str, str]) -> Machine:
    return Machine(account, app["MainStateMachine"])


@pytest.fixture
def parent_machine(account: Account, app: dict[str, str]) -> Machine:
    return Machine(account, app["ParentStateMachine"])
