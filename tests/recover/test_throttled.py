"""The machine `recover` while the services that it needs refuse calls that come too fast."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from steadystate.adapters import aws
from tests.recover import test_canaries, test_recover
from tests.recover.conftest import Stack

SERVICES = ("dynamodb", "fis", "elasticloadbalancing")
REFUSED = 10
"""Calls of each service: more than a client tries one of them, twice over."""


@contextmanager
def throttled(stack: Stack, calls: int) -> Iterator[None]:
    """Let each service refuse that many calls of functions."""
    _throttle(stack, dict.fromkeys(SERVICES, calls))
    try:
        yield
    finally:
        _throttle(stack, {})


def _throttle(stack: Stack, calls: dict[str, int]) -> None:
    url, data = f"{stack.url}/lab/throttles", json.dumps(calls).encode()
    urllib.request.urlopen(url, data=data, timeout=30).close()


def refused(stack: Stack) -> dict[str, int]:
    """How many calls of each service were refused."""
    with urllib.request.urlopen(f"{stack.url}/lab/throttles", timeout=30) as answer:
        told: dict[str, int] = json.load(answer)
    return told


def failures(stack: Stack, execution: str) -> list[str]:
    """Why tasks of an execution failed, in the words of their errors."""
    pages = stack.client("stepfunctions").get_paginator("get_execution_history")
    events: list[Any] = [
        event for page in pages.paginate(executionArn=execution) for event in page["events"]
    ]
    failed = [e["taskFailedEventDetails"] for e in events if e["type"] == "TaskFailed"]
    return [f"{one['error']}: {json.loads(one['cause'])['errorMessage']}" for one in failed]


def left_behind(stack: Stack) -> tuple[test_recover.Dead, test_canaries.Dead]:
    """A fault that still acts, and weights that are still shifted."""
    fault = test_recover.LEFT["experiment"](test_recover.Dead(stack, "throttled"))
    return fault, test_canaries.Dead(stack, "throttled").answered()


def test_recover_ends_clean_though_each_service_refuses_calls_of_its_tasks(
    connected: Stack,
) -> None:
    """They refuse more than clients try by themselves, so that the machine must try again."""
    attempts = aws.client("fis").meta.config.retries["total_max_attempts"]
    assert 2 * attempts <= REFUSED
    fault, canary = left_behind(connected)
    with throttled(connected, REFUSED):
        execution = connected.recover()
        ended = connected.end_of(execution, 240)
        assert refused(connected) == dict.fromkeys(SERVICES, REFUSED)
    assert ended["status"] == "SUCCEEDED", ended
    test_recover.nothing_is_left(fault)
    test_canaries.closed(canary)
    assert canary.weights() == test_canaries.ORIGINAL
    why = failures(connected, execution)
    assert {one.partition(":")[0] for one in why} == {"TransientError"}


def test_services_that_refuse_everything_are_named_and_the_next_sweep_mends_it(
    connected: Stack,
) -> None:
    fault, canary = left_behind(connected)
    _throttle(connected, {"fis": 1_000_000, "elasticloadbalancing": 1_000_000})
    try:
        ended = connected.end_of(connected.recover(), 360)
    finally:
        _throttle(connected, {})
    assert ended["status"] == "FAILED"
    for part in (fault.run_id, canary.run_id, "docs/recovery.md"):
        assert part in ended["cause"]
    assert connected.end_of(connected.recover())["status"] == "SUCCEEDED"
    test_recover.nothing_is_left(fault)
    test_canaries.closed(canary)
    assert canary.weights() == test_canaries.ORIGINAL
