"""Runs in which the machinery breaks, or that have nothing to measure."""

import contextlib
import time

import psutil

from steadystate.domain.verdict import Verdict
from tests.e2e.conftest import HISTORY_SECONDS, Runs, nothing_is_left
from tests.e2e.test_stop import entered


def workers_of(runs: Runs, function: str) -> list[psutil.Process]:
    """The processes in which a function runs."""
    account = psutil.Process(runs.lab.processes["account"].pid)
    found = []
    for child in account.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            if child.cwd().endswith(f"functions/{function}"):
                found.append(child)
    return found


def crash_in(runs: Runs, arn: str, function: str) -> None:
    """Kill the function's processes until the state machine has seen one of its tasks fail.

    A process that is idle just then is replaced without anybody noticing.
    """
    until = time.monotonic() + 120.0
    while time.monotonic() < until:
        for worker in workers_of(runs, function):
            worker.kill()
        history = runs.sfn.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        if any(event["type"] == "TaskFailed" for event in history):
            return
        time.sleep(0.3)
    raise AssertionError(f"no task of {function} failed")


def test_a_task_that_crashes_ends_in_error_with_the_undo_done(runs: Runs) -> None:
    arn = runs.start("bank-latency", {"method.slow-network.duration": "30s"})
    entered(runs, arn, "Watch Window", 2)
    crash_in(runs, arn, "watch_window")
    ended = runs.wait(arn)
    assert ended.status == "FAILED"
    assert ended.evidence is not None
    assert ended.evidence.verdict is Verdict.ERROR
    assert "Watch Window" in ended.evidence.verdict_reason
    assert {u.what for u in ended.evidence.undo} == {"fis-experiment", "fis-template"}
    nothing_is_left(runs, ended.run_id)
    report = runs.report(ended.run_id)
    assert report["status"] == "SUCCEEDED", report


def test_a_run_without_traffic_is_inconclusive_and_injects_nothing(runs: Runs) -> None:
    runs.lab.stop_traffic()
    try:
        time.sleep(HISTORY_SECONDS + 3)  # until no request is left in the history
        ended = runs.wait(runs.start("bank-instance-loss"))
    finally:
        runs.lab.start_traffic()
    assert ended.status == "SUCCEEDED"
    assert ended.evidence is not None
    assert ended.evidence.verdict is Verdict.INCONCLUSIVE
    assert "points of history" in ended.evidence.verdict_reason
    assert ended.evidence.fault is None
    assert not ended.evidence.undo
    nothing_is_left(runs, ended.run_id)
