"""The kill switch: `stop --all` halts and waits until all is undone; `resume` lets runs start."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from botocore.exceptions import ClientError

from cli.output import Output
from cli.place import Place
from cli.problems import BROKEN, Problem
from cli.progress import PLAN_SECONDS, SETTLE_SECONDS
from steadystate.adapters.aws import client, passing_faults
from steadystate.adapters.switch import KillSwitch
from steadystate.contracts import Halt
from steadystate.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_fis import FISClient
    from mypy_boto3_stepfunctions import SFNClient

LOOK_SECONDS: Final = 1.0
LEVER_LOOKS: Final = 20

SafetyLever = Annotated[
    bool,
    typer.Option(
        "--safety-lever", help="FIS's own lever too: it is the account's, for all of its stacks."
    ),
]


def halt_all(place: Place, who: str, why: str, *, safety_lever: bool, output: Output) -> None:
    """Pull the switch, stop all executions, and wait until everything is undone and read back.

    Raises
    ------
    Problem
        Something is left, or the lever could not be engaged; runs are halted all the same.
    """
    switch = KillSwitch(place.halt_parameter)
    halt = Halt(who=who or "a person", why=why, when=datetime.now(UTC).replace(microsecond=0))
    switch.set(halt)
    output.line(f"no run starts any more: {halt} ({place.halt_parameter})")
    problems = _engage(output, str(halt)) if safety_lever else []
    cause = f"stopped by {who or 'a person'}" + (f": {why}" if why else "")
    open_before = set(place.store.open_runs())
    stopped = _stop_running(place, cause, output)
    if stopped or open_before:
        _start_recover(place, output)
    problems += _wait_until_undone(place, cause, stopped | open_before, output)
    if problems:
        raise Problem(*problems, exit_code=BROKEN)
    words = f"{place.option} --safety-lever" if safety_lever else place.option
    output.line(f"nothing runs. To let runs start again: steadystate resume {words}")


def resume(place: Place, *, safety_lever: bool, output: Output) -> None:
    """Clear the switch. Raises Problem."""
    switch = KillSwitch(place.halt_parameter)
    halt = switch.halt()
    problems = _move_lever("disengaged", "steadystate resume") if safety_lever else []
    switch.clear()
    output.line("runs were not halted" if halt is None else f"runs may start again; were {halt}")
    if safety_lever and not problems:
        output.line("FIS's safety lever is disengaged, read back")
    if problems:
        raise Problem(*problems, exit_code=BROKEN)


def _stop_running(place: Place, cause: str, output: Output) -> set[str]:
    """Stop what runs; return the runs that were stopped."""
    sfn: SFNClient = client("stepfunctions")
    stopped = set()
    for machine in place.acting_machines:
        with passing_faults():
            pages = sfn.get_paginator("list_executions").paginate(
                stateMachineArn=machine, statusFilter="RUNNING"
            )
            running = [one for page in pages for one in page["executions"]]
        for one in running:
            with passing_faults():
                sfn.stop_execution(executionArn=one["executionArn"], cause=cause)
            output.line(f"stopped {one['name']}")
            stopped.add(one["name"])
    return stopped


def _start_recover(place: Place, output: Output) -> None:
    """Start `recover` at once; its rule and its schedule do the same, so it may be refused."""
    sfn: SFNClient = client("stepfunctions")
    try:
        with passing_faults():
            sfn.start_execution(stateMachineArn=place.recover_arn, input="{}")
    except (ClientError, TransientError) as error:
        output.line(f"recover was not started from here ({error}); its rule starts it")


def _wait_until_undone(place: Place, cause: str, runs: set[str], output: Output) -> list[str]:
    """Wait until no run is open, and stop what began meanwhile; return what is left at the end."""
    if not runs:
        output.line("nothing was running")
    told: set[str] = set()
    began = time.monotonic()
    while True:
        try:
            late = _stop_running(place, cause, output)
            runs |= late
            still = set(place.store.open_runs())
            for run_id in sorted(runs - still - told):
                _tell(place, run_id, output)
                told.add(run_id)
            planning = [r for r in runs if place.store.get(r) is None]
        except TransientError as error:
            output.line(f"no answer: {error}; asked again")
            late, still, planning = set(), {"?"}, []
        waited = time.monotonic() - began
        quiet = not late and not still and (not planning or waited > PLAN_SECONDS)
        if quiet:
            return []
        if waited > SETTLE_SECONDS:
            return _left(place, still)
        time.sleep(LOOK_SECONDS)


def _tell(place: Place, run_id: str, output: Output) -> None:
    if place.store.get(run_id) is None:
        output.line(f"{run_id}: was not planned, nothing was touched")
        return
    records = place.store.undo_records(run_id)
    done = "; ".join(f"{r.what} undone, read back: {r.found}" for r in records)
    output.line(f"{run_id}: {done or 'nothing to undo'}; its workload is free")


def _left(place: Place, still: set[str]) -> list[str]:
    lines = []
    for run_id in sorted(still):
        records = place.store.undo_records(run_id)
        left = ", ".join(r.what for r in records if r.state == "open") or "its lease"
        lines.append(f"run {run_id} still holds {left}: docs/recovery.md says what to do")
    return [*lines, "runs are halted all the same; recover goes on every five minutes"]


def _engage(output: Output, why: str) -> list[str]:
    problems = _move_lever("engaged", why)
    if not problems:
        output.line("FIS's safety lever is engaged, read back: no experiment runs or starts here")
    return problems


def _move_lever(status: str, why: str) -> list[str]:
    """Move FIS's lever and read it back; return what is wrong, if anything is."""
    fis: FISClient = client("fis")
    seen = ""
    try:
        with passing_faults():
            fis.update_safety_lever_state(
                id="default",
                state={"status": status, "reason": why[:512]},  # type: ignore[typeddict-item]
            )
            for look in range(LEVER_LOOKS):
                if look:
                    time.sleep(LOOK_SECONDS)
                seen = fis.get_safety_lever(id="default")["safetyLever"]["state"]["status"]
                if seen == status:
                    return []
    except (ClientError, TransientError) as error:
        return [f"FIS's safety lever is not {status}: {error}"]
    return [f"FIS's safety lever is not {status}: it is {seen}"]
