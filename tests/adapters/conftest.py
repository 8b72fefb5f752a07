"""The adapters talk to the lab's account, a process on loopback; its table is the template's."""

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import boto3
import pytest

from lab import processes
from steadystate.adapters import aws
from tests.definitions.stack import ROOT, resources

REGION = "ap-northeast-2"
_NUMBERS = count()


@dataclass(frozen=True)
class Account:
    """A running account, and its own endpoints."""

    url: str

    def client(self, service: str) -> Any:
        session: Any = boto3
        keys = {"aws_access_key_id": "lab", "aws_secret_access_key": "lab"}
        return session.client(service, region_name=REGION, endpoint_url=self.url, **keys)

    def post(self, path: str, body: Any) -> None:
        request = urllib.request.Request(self.url + path, data=json.dumps(body).encode())
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    state = tmp_path_factory.mktemp("account")
    process = processes.start(
        processes.python("lab.account", "--ready", state / "ready.json", "--state", state),
        log_path=state / "account.log",
        name="account",
        cwd=ROOT,
        env={"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION},
    )
    try:
        yield Account(processes.wait_ready(state / "ready.json", process, 60)["url"])
    finally:
        process.stop(5)


@pytest.fixture
def connected(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """The adapters' clients lead to the account."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lab")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    aws.client.cache_clear()
    yield account
    aws.client.cache_clear()


@pytest.fixture
def table(connected: Account) -> str:
    """A new table of the template's shape."""
    (properties,) = resources("AWS::DynamoDB::Table").values()
    name = f"runs-{next(_NUMBERS)}"
    shape = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    connected.client("dynamodb").create_table(
        TableName=name, **{key: properties[key] for key in shape}
    )
    return name
