"""The commands of people on canaries: `approve`, `reject`, `rollback`."""

import time
from typing import Annotated, Literal

import typer

from cli.library import rollback_input
from cli.output import Output
from cli.place import Place
from cli.problems import Problem
from cli.progress import start_and_follow, stop_and_follow
from cli.runs import (
    AsJson,
    InLab,
    Profile,
    Reason,
    Region,
    RequestedBy,
    Stack,
    conclude,
    known,
    new_run_id,
    place_of,
    progress_output,
    user_name,
)
from cli.views import view_on
from steadystate.adapters.control import StepFunctions
from steadystate.canary_contracts import Answer, CanaryRun

By = Annotated[str, typer.Option(help="Who answers; default: your user name.")]
CanaryName = Annotated[str, typer.Argument(metavar="RUN", help="The canary's run id.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (approve, reject, rollback):
        app.command()(command)


def approve(
    run: CanaryName,
    stack: Stack = None,
    lab: InLab = False,
    region: Region = None,
    profile: Profile = None,
    by: By = "",
    reason: Reason = "",
) -> None:
    """Let a canary that waits for a person go on."""
    _answer("approve", run, place_of(stack, lab, region, profile), by, reason)


def reject(
    run: CanaryName,
    stack: Stack = None,
    lab: InLab = False,
    region: Region = None,
    profile: Profile = None,
    by: By = "",
    reason: Reason = "",
) -> None:
    """Let a canary that waits for a person go back."""
    _answer("reject", run, place_of(stack, lab, region, profile), by, reason)


def _answer(
    decision: Literal["approve", "reject"], run_id: str, place: Place, by: str, reason: str
) -> None:
    """Answer the execution that waits. Raises Problem where none does."""
    run = _canary(run_id, place)
    gate = run.progress.gate
    if gate is None:
        stands = f"it ended with {run.verdict}" if run.verdict else f"it is {run.progress.phase}"
        raise Problem(f"run {run_id} does not wait for an answer: {stands}")
    said = Answer(decision=decision, by=by or user_name() or "not stated", reason=reason)
    if not StepFunctions().answer(gate.token, said.model_dump_json()):
        raise Problem(
            f"run {run_id} waits for an answer no more: steadystate show {run_id} {place.option}"
        )
    follows = "goes on" if decision == "approve" else "goes back"
    Output.stdout().line(f"run {run_id} {follows}: steadystate watch {run_id} {place.option}")


def rollback(
    run: CanaryName,
    stack: Stack = None,
    lab: InLab = False,
    region: Region = None,
    profile: Profile = None,
    reason: Reason = "",
    requested_by: RequestedBy = "",
    json: AsJson = False,
) -> None:
    """Take a canary back: stop it while it goes on, else restore the weights that it found."""
    who = requested_by or user_name()
    wanted = rollback_input(run, reason, who)
    place = place_of(stack, lab, region, profile)
    scenario = _canary(run, place).plan.scenario
    output = progress_output(json)
    with view_on(output, since=time.time()) as view:
        if place.execution(run).status == "RUNNING":
            cause = f"rolled back by {who or 'a person'}" + (f": {reason}" if reason else "")
            snapshot = stop_and_follow(place, run, view, cause)
        else:
            back = new_run_id(f"{scenario[:46]}-rollback")
            view.say(f"run {back}")
            snapshot = start_and_follow(place, back, wanted, view, "canary")
    raise typer.Exit(conclude(place, snapshot, json))


def _canary(run_id: str, place: Place) -> CanaryRun:
    """Return a canary as the table keeps it. Raises Problem."""
    known(run_id, place)
    run = place.store.get(run_id)
    if run is None:
        place.execution(run_id)  # says that there is no such run
        raise Problem(f"run {run_id} is not planned yet; stop it: steadystate stop {run_id}")
    if not isinstance(run, CanaryRun):
        raise Problem(
            f"run {run_id} is an experiment, and no canary: "
            f"steadystate stop {run_id} {place.option} ends it"
        )
    return run
