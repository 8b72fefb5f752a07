"""Runs that are stopped, refused, or that overlap."""

import time
from pathlib import Path

import pytest

from steadystate.domain.verdict import Verdict
from tests.e2e.conftest import Runs, nothing_is_left


def until_closed(runs: Runs, run_id: str, *, needs_evidence: bool = True) -> None:
    until = time.monotonic() + 120.0
    planned = runs.lab.state / "account/functions"
    while True:
        try:
            nothing_is_left(runs, run_id)
            if runs.evidence(run_id) or (not needs_evidence and has_ended(planned, run_id)):
                return
        except AssertionError:
            if time.monotonic() > until:
                raise
        assert time.monotonic() < until, "no evidence"
        time.sleep(0.3)


def has_ended(logs: Path, run_id: str) -> bool:
    """Whether the function that was at work when the plug was pulled has written its last line."""
    lines = [line for log in logs.glob("*PlanRun*") for line in log.read_text().splitlines()]
    return any(run_id in line and '"task ' in line for line in lines)


def entered(runs: Runs, arn: str, state: str, times: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        history = runs.sfn.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        names = [e.get("stateEnteredEventDetails", {}).get("name") for e in history]
        if names.count(state) >= times:
            return
        last = history[-1]
        assert not last["type"].startswith("Execution") or len(history) == 1, last
        time.sleep(0.05)
    raise AssertionError(f"{state} was never entered {times} times")


@pytest.mark.parametrize(
    ("state", "times"),
    [
        ("Plan Run", 1),
        ("Watch Window", 1),
        ("Start Fault", 1),
        ("Watch Window", 2),
        ("Undo Run", 1),
        ("Watch Window", 3),
        ("Evaluate Run", 1),
    ],
)
def test_an_execution_that_is_stopped_leaves_nothing_behind(
    runs: Runs, state: str, times: int
) -> None:
    arn = runs.start("bank-latency", {"method.slow-network.duration": "5s"})
    entered(runs, arn, state, times)
    runs.sfn.stop_execution(executionArn=arn, error="Stopped", cause="pulled the plug")
    run_id = arn.rsplit(":", 1)[1]
    if state == "Plan Run":  # a run that never began has no evidence, and keeps no lease
        until_closed(runs, run_id, needs_evidence=False)
        return
    until_closed(runs, run_id)
    evidence = runs.evidence(run_id)
    assert evidence is not None
    assert evidence.verdict in (Verdict.INCONCLUSIVE, Verdict.PASS)
    if evidence.verdict is Verdict.INCONCLUSIVE:
        assert "pulled the plug" in evidence.verdict_reason
    report = runs.report(run_id)
    assert report["status"] == "SUCCEEDED", report


def test_a_second_run_on_a_busy_workload_is_refused_and_names_the_holder(runs: Runs) -> None:
    first = runs.start("bank-process-kill", {"method.kill-application-server.duration": "5s"})
    entered(runs, first, "Watch Window", 1)
    second = runs.wait(runs.start("bank-instance-loss"))
    assert second.status == "FAILED"
    assert second.error == "WorkloadBusy"
    assert first.rsplit(":", 1)[1] in second.cause
    assert "since" in second.cause
    assert second.evidence is None
    assert runs.wait(first).status == "SUCCEEDED"


def test_a_wrong_input_ends_in_fail_with_words_that_name_the_field(runs: Runs) -> None:
    ended = runs.wait(runs.start("bank-instance-loss", {"recovery.tarpit": "5m"}))
    assert (ended.status, ended.error) == ("FAILED", "InvalidDocument")
    assert "recovery.tarpit" in ended.cause
    unknown = runs.wait(runs.start("bank-meteor"))
    assert (unknown.status, unknown.error) == ("FAILED", "InvalidDocument")
    assert "bank-meteor" in unknown.cause
    assert "bank-instance-loss" in unknown.cause
