"""`stop --all` and `resume`: everything is halted, stopped, undone and read back, and told."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore.stub import ANY, Stubber

from cli import halt as halting
from cli.place import Place
from steadystate.adapters import aws
from steadystate.adapters.switch import KillSwitch
from steadystate.contracts import Halt
from tests.cli.conftest import STACK, Invoke
from tests.cli.test_stack import AT, going_on, wanted, when_stopped

PARAMETER = f"/steadystate/{STACK}/halt"


@pytest.fixture(autouse=True)
def soon(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of these tests are planned at once, and looks come at once."""
    monkeypatch.setattr(halting, "PLAN_SECONDS", 0.5)
    monkeypatch.setattr(halting, "LOOK_SECONDS", 0.05)
    KillSwitch(PARAMETER).clear()
    for name in place.machines.values():
        sfn = place._machine
        for one in sfn.list_executions(stateMachineArn=name, statusFilter="RUNNING")["executions"]:
            sfn.stop_execution(executionArn=one["executionArn"])


def test_everything_is_halted_stopped_undone_and_told(place: Place, invoke: Invoke) -> None:
    names = ["all-1", "all-2"]
    for name in names[:1]:
        going_on(place, name)
    place.start("all-2", wanted())  # it is being planned
    recovering = when_stopped(place, "all-1")
    stopped = invoke("stop", "--all", "--reason", "customers call", *AT)
    recovering.join()
    assert stopped.exit_code == 0, stopped.output
    lines = stopped.stdout.splitlines()
    assert lines[0].startswith("no run starts any more: halted by ")
    assert f"customers call ({PARAMETER})" in lines[0]
    for name in names:
        assert f"stopped {name}" in lines
        assert place.execution(name).status == "ABORTED"
        assert "customers call" in place.execution(name).cause
    assert "all-1: fis-experiment undone, read back: EXP1 stopped; its workload is free" in lines
    assert "all-2: was not planned, nothing was touched" in lines
    assert lines[-1] == f"nothing runs. To let runs start again: steadystate resume {' '.join(AT)}"
    halt = KillSwitch(PARAMETER).halt()
    assert halt is not None
    assert halt.why == "customers call"
    sfn = place._machine
    recovered = sfn.list_executions(stateMachineArn=place.recover_arn)["executions"]
    assert recovered, "recover was not started"


def test_it_halts_though_nothing_runs_and_resume_clears_it(place: Place, invoke: Invoke) -> None:
    stopped = invoke("stop", "--all", *AT)
    assert stopped.exit_code == 0
    assert "nothing was running" in stopped.stdout
    assert KillSwitch(PARAMETER).halt() is not None
    KillSwitch(PARAMETER).set(Halt(who="kim", why="storm", when=datetime(2026, 11, 21, tzinfo=UTC)))
    resumed = invoke("resume", *AT)
    assert resumed.exit_code == 0
    told = "runs may start again; were halted by kim since 2026-11-21 00:00:00 UTC: storm\n"
    assert resumed.stdout == told
    assert KillSwitch(PARAMETER).halt() is None
    assert invoke("resume", *AT).stdout == "runs were not halted\n"


def test_what_stays_open_is_named_and_runs_stay_halted(
    place: Place, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halting, "SETTLE_SECONDS", 0.3)
    going_on(place, "open-all-1")
    stopped = invoke("stop", "--all", *AT)
    assert stopped.exit_code == 3
    assert "run open-all-1 still holds fis-experiment: docs/recovery.md" in stopped.stderr
    assert "runs are halted all the same" in stopped.stderr
    assert KillSwitch(PARAMETER).halt() is not None


def test_a_lever_that_cannot_be_moved_is_told_and_everything_else_is_done(
    place: Place, invoke: Invoke
) -> None:
    """The lab's account has none; on AWS a role may lack the permission."""
    place.start("lever-1", wanted())
    stopped = invoke("stop", "--all", "--safety-lever", *AT)
    assert stopped.exit_code == 3
    assert "FIS's safety lever is not engaged" in stopped.stderr
    assert place.execution("lever-1").status == "ABORTED"
    assert KillSwitch(PARAMETER).halt() is not None
    resumed = invoke("resume", "--safety-lever", *AT)
    assert resumed.exit_code == 3
    assert "FIS's safety lever is not disengaged" in resumed.stderr
    assert KillSwitch(PARAMETER).halt() is None


@pytest.fixture
def fis(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """FIS, whose lever the account does not have."""
    stubbed = aws.client("fis")
    monkeypatch.setattr(halting, "client", lambda s: stubbed if s == "fis" else aws.client(s))
    with Stubber(stubbed) as stub:
        yield stub


def lever(stub: Stubber, moved_to: str, *seen: str, why: str = "") -> None:
    """FIS's answers: to the move, and to each look at the lever afterwards."""
    state = {"status": moved_to, "reason": why or ANY}
    stub.add_response("update_safety_lever_state", {}, {"id": "default", "state": state})
    for status in seen:
        answer = {"safetyLever": {"id": "default", "state": {"status": status}}}
        stub.add_response("get_safety_lever", answer, {"id": "default"})


def test_the_lever_is_engaged_and_read_back_and_resume_puts_it_back(
    fis: Stubber, invoke: Invoke
) -> None:
    lever(fis, "engaged", "engaging", "engaged")
    stopped = invoke("stop", "--all", "--safety-lever", "--reason", "storm", *AT)
    assert stopped.exit_code == 0, stopped.output
    assert "FIS's safety lever is engaged, read back" in stopped.stdout
    words = stopped.stdout.splitlines()[-1].rpartition("steadystate ")[2].split()
    assert words == ["resume", *AT, "--safety-lever"]
    lever(fis, "disengaged", "disengaged", why="steadystate resume")
    resumed = invoke(*words)
    assert resumed.exit_code == 0, resumed.output
    assert "FIS's safety lever is disengaged, read back" in resumed.stdout
    fis.assert_no_pending_responses()


def test_a_lever_that_does_not_come_to_be_engaged_is_told(
    fis: Stubber, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halting, "LEVER_LOOKS", 2)
    lever(fis, "engaged", "engaging", "engaging")
    stopped = invoke("stop", "--all", "--safety-lever", *AT)
    assert stopped.exit_code == 3
    assert "FIS's safety lever is not engaged: it is engaging" in stopped.stderr
    assert KillSwitch(PARAMETER).halt() is not None


@pytest.mark.parametrize("words", [[], ["run-1", "--all"], ["run-1", "--safety-lever"]])
def test_one_run_or_all_must_be_named(place: Place, invoke: Invoke, words: list[str]) -> None:
    result = invoke("stop", *words, *AT)
    assert result.exit_code == 64
    assert len(result.stderr.splitlines()) == 1
    assert KillSwitch(PARAMETER).halt() is None
