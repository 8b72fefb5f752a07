"""The commands of people on canaries: `rollback`."""

import time
from typing import Annotated

import typer

from cli.library import rollback_input
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
from steadystate.canary_contracts import CanaryRun

CanaryName = Annotated[str, typer.Argument(metavar="RUN", help="The canary's run id.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(rollback)


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
    scenario = _canary(run, place)
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


def _canary(run_id: str, place: Place) -> str:
    """Return the scenario of a canary. Raises Problem."""
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
    return run.plan.scenario
