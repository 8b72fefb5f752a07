"""DynamoDB, Redis and two instances (blue and green) for the session; rooms of its own a test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat import tables
from chat_testing.processes import DynamoDB, Instance, Redis, StartInstance

_serial = itertools.count(1)


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[DynamoDB]:
    server = DynamoDB()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in server.environment.items():
            environment.setenv(name, value)
        tables.create("chat-")
    yield server
    server.stop()


@pytest.fixture
def store_environment(dynamodb: DynamoDB, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in dynamodb.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis") / "log")
    yield server
    server.stop()


def start(dynamodb: DynamoDB, redis_url: str, log: Path, **environment: str) -> Instance:
    given = {"REDIS_URL": redis_url, **dynamodb.environment, **environment}
    return Instance(log, given)


@pytest.fixture(scope="session")
def blue(
    dynamodb: DynamoDB, redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instance]:
    log = tmp_path_factory.mktemp("blue") / "log"
    instance = start(dynamodb, redis.url, log, CHAT_INSTANCE_ID="blue-1", CHAT_VERSION="blue")
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def green(
    dynamodb: DynamoDB, redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instance]:
    log = tmp_path_factory.mktemp("green") / "log"
    instance = start(dynamodb, redis.url, log, CHAT_INSTANCE_ID="green-1", CHAT_VERSION="green")
    yield instance
    instance.stop()


@pytest.fixture
def start_instance(dynamodb: DynamoDB, redis: Redis, tmp_path: Path) -> Iterator[StartInstance]:
    """Starts an instance for this test alone; `redis_url` may name another Redis."""
    started: list[Instance] = []

    def make(redis_url: str | None = None, **environment: str) -> Instance:
        log = tmp_path / f"instance-{len(started)}.log"
        started.append(start(dynamodb, redis_url or redis.url, log, **environment))
        return started[-1]

    yield make
    for instance in started:
        instance.stop()


@pytest.fixture
def room() -> str:
    return f"room-{next(_serial)}"
