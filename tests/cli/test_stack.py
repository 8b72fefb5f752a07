"""Runs of a deployed stack: an account on loopback, with the stack's own table and bucket."""

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from cli.library import execution_input
from cli.place import Place
from cli.progress import Follower
from steadystate.contracts import ExecutionInput, Failure
from steadystate.evidence import Evidence
from steadystate.run.judgement import ABORTED
from tests.cli.conftest import REGION, ROOT, STACK, Invoke, close, keep
from tests.cli.made import made_run

AT = ("--stack", STACK, "--region", REGION)


def wanted() -> ExecutionInput:
    return execution_input("bank-instance-loss", {}, "", "")


def going_on(place: Place, run_id: str, error_rate: float = 0.5) -> None:
    """Start an execution, and write its run as the tasks would."""
    place.start(run_id, wanted())
    keep(place, made_run(run_id, machine_arn=place.machine_arn, error_rate=error_rate))


def when_stopped(place: Place, run_id: str) -> threading.Thread:
    """Do what the machine recover does, once the execution is stopped."""

    def recover() -> None:
        until = time.monotonic() + 60
        while place.execution(run_id).status == "RUNNING" and time.monotonic() < until:
            time.sleep(0.05)
        cause = place.execution(run_id).cause
        close(place, run_id, Failure(error=ABORTED, cause=cause))

    thread = threading.Thread(target=recover, daemon=True)
    thread.start()
    return thread


def test_a_run_that_passed_is_shown_and_listed(place: Place, invoke: Invoke) -> None:
    going_on(place, "passed-1")
    close(place, "passed-1")
    place.stop("passed-1", "the embedded machine never ends by itself")
    shown = invoke("show", "passed-1", *AT)
    assert shown.exit_code == 0, shown.output
    assert "verdict PASS: all 7 objectives kept" in shown.stdout
    assert "recovery PASS: 1.9 to 3.0 s after the fault" in shown.stdout
    listed = invoke("list", *AT)
    assert listed.stdout == "passed-1\t2023-11-14 22:13:20\tPASS\tpytest\n"


def test_json_prints_the_stored_evidence_and_nothing_else(place: Place, invoke: Invoke) -> None:
    going_on(place, "json-1")
    close(place, "json-1")
    place.stop("json-1", "over")
    shown = invoke("show", "json-1", "--json", *AT)
    assert shown.stdout == place.evidence("runs/json-1/run.json") + "\n"
    watched = invoke("watch", "json-1", "--json", *AT)
    assert Evidence.model_validate_json(watched.stdout).run_id == "json-1"
    assert "planned: actions: 1, targets: 1" in watched.stderr
    assert watched.exit_code == 0


def test_watching_a_failed_run_tells_each_look_and_exits_1(place: Place, invoke: Invoke) -> None:
    going_on(place, "failed-1", error_rate=40.0)
    close(place, "failed-1")
    place.stop("failed-1", "over")
    watched = invoke("watch", "failed-1", *AT)
    assert watched.exit_code == 1
    assert (
        "look 2 recovering: probes 10 of 100 failed; errors 40 % (< 5 %) MISSED" in watched.stdout
    )
    assert "objective errors FAIL: 40 % misses < 5 %" in watched.stdout
    assert "\x1b" not in watched.stdout


def test_stop_waits_until_the_run_is_undone_and_released(place: Place, invoke: Invoke) -> None:
    going_on(place, "stopped-1")
    recovering = when_stopped(place, "stopped-1")
    stopped = invoke("stop", "stopped-1", "--reason", "seen enough", *AT)
    recovering.join()
    assert stopped.exit_code == 2, stopped.output
    assert "seen enough" in stopped.stdout
    assert "undo fis-experiment undone, read back at 22:14:05 UTC: EXP1 stopped" in stopped.stdout
    assert place.store.holder("bank", time.time()) is None
    assert Follower(place, "stopped-1").look().over


def test_a_run_that_is_not_closed_is_not_over(place: Place) -> None:
    going_on(place, "open-1")
    place.stop("open-1", "pulled")
    looked = Follower(place, "open-1").look()
    assert looked.ended
    assert not looked.over
    close(place, "open-1", Failure(error=ABORTED))
    assert Follower(place, "open-1").look().over


def test_a_stopped_run_whose_plan_may_still_go_on_is_not_over(place: Place) -> None:
    place.start("unplanned-1", wanted())
    place.stop("unplanned-1", "at once")
    looked = Follower(place, "unplanned-1").look()
    assert looked.ended
    assert not looked.over


@pytest.mark.parametrize("command", ["show", "watch", "stop"])
def test_an_unknown_run_gets_one_line(place: Place, invoke: Invoke, command: str) -> None:
    result = invoke(command, "never-was", *AT)
    assert result.exit_code == 64
    assert result.stderr == (
        f"steadystate: there is no run 'never-was'; see `steadystate list {' '.join(AT)}`\n"
    )
    assert invoke(command, "a b/../c", *AT).exit_code == 64


def test_an_unknown_stack_gets_one_line(place: Place, invoke: Invoke) -> None:
    result = invoke("list", "--stack", "nowhere", "--region", REGION)
    assert result.exit_code == 64
    assert result.stderr == (
        "steadystate: there is no stack 'nowhere' in ap-northeast-2: "
        "check --stack, --region and --profile\n"
    )


def test_detach_starts_and_prints_the_run_alone(place: Place, invoke: Invoke) -> None:
    started = invoke("run", "bank-latency", "--detach", "--override", "recovery.good=20s", *AT)
    assert started.exit_code == 0, started.output
    run_id = started.stdout.strip()
    assert run_id.startswith("bank-latency-")
    assert place.execution(run_id).status == "RUNNING"
    place.stop(run_id, "over")


def test_ctrl_c_stops_a_started_run_and_waits_for_its_undo(place: Place, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": ""}
    process = subprocess.Popen(
        [ROOT / "bin/steadystate", "run", "bank-instance-loss", "--requested-by", "kim", *AT],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    run_id = process.stdout.readline().split()[-1]
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if place.execution(run_id).status == "RUNNING":
                break
        except Exception:  # noqa: S110 - it is not started yet
            pass
        time.sleep(0.05)
    keep(place, made_run(run_id, machine_arn=place.machine_arn))
    recovering = when_stopped(place, run_id)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    recovering.join()
    assert process.returncode == 2, (out, err)
    assert "verdict INCONCLUSIVE: stopped before it was over: kim interrupted" in out
    assert "released" in out
    assert err == ""


def test_no_place_or_two_places_is_bad_usage(invoke: Invoke) -> None:
    for words in ([], ["--stack", "a", "--lab"], ["--lab", "--region", "b"]):
        result = invoke("list", *words)
        assert result.exit_code == 64
        assert len(result.stderr.splitlines()) == 1


def test_evidence_of_the_bucket_is_the_same_when_it_is_judged_again(
    place: Place, invoke: Invoke, tmp_path: Path
) -> None:
    going_on(place, "again-1")
    close(place, "again-1")
    place.stop("again-1", "over")
    path = tmp_path / "run.json"
    path.write_text(invoke("show", "again-1", "--json", *AT).stdout, encoding="utf-8")
    result = invoke("judge", path)
    assert result.exit_code == 0
    assert result.stdout.endswith("judged again: the same as stored\n")
    assert json.loads(path.read_text(encoding="utf-8"))["schema"] == "steadystate/run/v1"
