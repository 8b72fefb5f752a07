"""The commands on runs of a deployed stack or a running lab."""

import getpass
import re
import secrets
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from cli.halt import SafetyLever, halt_all
from cli.halt import resume as clear_halt
from cli.junit import JUnitFile, check_junit, write_junit
from cli.library import execution_input, parse_overrides
from cli.outcome import STYLES, show_outcome, undo_text
from cli.output import Output
from cli.place import Place, deployed, read_evidence, running_lab
from cli.problems import BROKEN, Problem
from cli.progress import Follower, Snapshot, follow, start_and_follow, stop_and_follow
from cli.views import picture, view_on
from steadystate.canary_contracts import AnyRun
from steadystate.contracts import UndoRecord
from steadystate.domain.verdict import EXIT_CODES, Verdict
from steadystate.evidence import UndoEvidence, instant

REFUSALS: Final = ("InvalidDocument", "WorkloadBusy", "PreflightFailed", "InBlackout", "Halted")
LISTED: Final = 20

Stack = Annotated[str | None, typer.Option(help="The deployed CloudFormation stack.")]
InLab = Annotated[bool, typer.Option("--lab", help="The lab that runs on this machine.")]
Region = Annotated[str | None, typer.Option(help="The stack's AWS region.")]
Profile = Annotated[str | None, typer.Option(help="The AWS profile to sign in with.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the evidence on stdout, and nothing else there.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--override", metavar="PATH=VALUE", help="Replace a value, as recovery.target=5m."
    ),
]
Reason = Annotated[str, typer.Option(help="Why; kept with the run.")]
ReportLanguage = Annotated[
    str | None,
    typer.Option("--language", metavar="en|ko", help="The report's; default: the scenario's own."),
]
RequestedBy = Annotated[str, typer.Option(help="Who; default: your user name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (run, watch, stop, resume, show):
        app.command()(command)
    app.command("list")(list_runs)


def run(
    scenario: Annotated[str, typer.Argument(help="The scenario's name; see `scenarios`.")],
    stack: Stack = None,
    lab: InLab = False,
    region: Region = None,
    profile: Profile = None,
    override: Overrides = None,
    reason: Reason = "",
    requested_by: RequestedBy = "",
    language: ReportLanguage = None,
    detach: Annotated[bool, typer.Option(help="Start only; print the run's id.")] = False,
    json: AsJson = False,
    junit: JUnitFile = None,
) -> None:
    """Start a run and watch it to its end; Ctrl-C stops it and waits for the undo."""
    check_junit(junit)
    who = requested_by or user_name()
    wanted = execution_input(scenario, parse_overrides(override or []), reason, who, language)
    place = place_of(stack, lab, region, profile)
    run_id = new_run_id(scenario)
    kind = place.kind_of(scenario)
    if detach:
        place.start(run_id, wanted, kind)
        Output.stdout().line(run_id)
        Output.stderr().line(f"watch it: steadystate watch {run_id} {place.option}")
        return
    output = progress_output(json)
    with view_on(output) as view:
        view.say(f"run {run_id}")
        snapshot = start_and_follow(place, run_id, wanted, view, kind)
    raise typer.Exit(conclude(place, snapshot, json, junit))


def watch(
    run: RunName,
    stack: Stack = None,
    lab: InLab = False,
    region: Region = None,
    profile: Profile = None,
    json: AsJson = False,
    junit: JUnitFile = None,
) -> None:
    """Watch a run to its end; Ctrl-C leaves it running."""
    check_junit(junit)
    place = place_of(stack, lab, region, profile)
    known(run, place)
    output = progress_output(json)
    try:
        with view_on(output) as view:
            snapshot = follow(place, run, view)
    except KeyboardInterrupt:
        output.line(f"the run goes on; stop it: steadystate stop {run} {place.option}")
        raise
    raise typer.Exit(conclude(place, snapshot, json, junit))


def stop(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="The run's id.")] = None,
    stack: Stack = None,
    lab: InLab = False,
    region: Region = None,
    profile: Profile = None,
    reason: Reason = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Stop all runs, and let none start until `resume`.")
    ] = False,
    safety_lever: SafetyLever = False,
) -> None:
    """Stop a run, or all, and wait until it is undone and the workload is given back."""
    if (run is None) != everything:
        raise Problem("say what to stop: RUN for one run, or --all for everything")
    if safety_lever and not everything:
        raise Problem("--safety-lever goes with --all")
    place = place_of(stack, lab, region, profile)
    if run is None:
        halt_all(place, user_name(), reason, safety_lever=safety_lever, output=Output.stdout())
        return
    known(run, place)
    cause = f"stopped by {user_name() or 'a person'}" + (f": {reason}" if reason else "")
    with view_on(Output.stdout(), since=time.time()) as view:
        if place.execution(run).status == "RUNNING":
            snapshot = stop_and_follow(place, run, view, cause)
        else:
            view.say(f"run {run} was over already")
            snapshot = follow(place, run, view)
    raise typer.Exit(conclude(place, snapshot, False))


def resume(
    stack: Stack = None,
    lab: InLab = False,
    region: Region = None,
    profile: Profile = None,
    safety_lever: SafetyLever = False,
) -> None:
    """Let runs start again after `stop --all`."""
    place = place_of(stack, lab, region, profile)
    clear_halt(place, safety_lever=safety_lever, output=Output.stdout())


def show(
    run: RunName,
    stack: Stack = None,
    lab: InLab = False,
    region: Region = None,
    profile: Profile = None,
    json: AsJson = False,
) -> None:
    """Show a run: its end, or how it stands."""
    place = place_of(stack, lab, region, profile)
    known(run, place)
    snapshot = Follower(place, run).look()
    if snapshot.ended or (snapshot.run and snapshot.run.evidence):
        conclude(place, snapshot, json)
        return
    if json:
        raise Problem(
            f"run {run} goes on and has no evidence yet: steadystate watch {run} {place.option}"
        )
    output = Output.stdout()
    if output.terminal:
        output.console.print(picture(snapshot, output.console.width))
    else:
        with view_on(output) as view:
            view.show(snapshot)


def list_runs(
    stack: Stack = None, lab: InLab = False, region: Region = None, profile: Profile = None
) -> None:
    """List the latest runs, newest first."""
    place = place_of(stack, lab, region, profile)
    output = Output.stdout()
    runs = place.store.recent(LISTED)
    if not runs:
        output.line("no run yet")
        return
    if not output.terminal:
        for one in runs:
            output.line("\t".join(_row(one)))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    whole = {"run": max(len(one.plan.run_id) for one in runs), "verdict": 12}
    for title in ("run", "started (UTC)", "verdict", "by"):
        table.add_column(title, no_wrap=True, min_width=whole.get(title))
    for one in runs:
        name, started, verdict, who = _row(one)
        style = STYLES[one.verdict] if one.verdict else "dim"
        table.add_row(Text(name), started[5:], Text(verdict, style=style), Text(who))
    output.console.print(table)


def _row(one: AnyRun) -> tuple[str, str, str, str]:
    started = f"{datetime.fromtimestamp(one.plan.started_at, UTC):%Y-%m-%d %H:%M:%S}"
    return one.plan.run_id, started, one.verdict or one.progress.phase, one.plan.requested_by


def place_of(stack: str | None, lab: bool, region: str | None, profile: str | None) -> Place:
    """Return the place that the options name. Raises Problem."""
    if (stack is None) != lab:
        raise Problem("say where: --stack NAME for a deployed stack, or --lab for the running lab")
    if stack is not None:
        return deployed(stack, region, profile)
    if region or profile:
        raise Problem("--region and --profile go with --stack; the lab has its own")
    return running_lab()


def new_run_id(scenario: str) -> str:
    """Return a new run's id, which is the execution's name: at most 80 characters."""
    return f"{scenario[:55]}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def user_name() -> str:
    """Return the name of the person at the terminal; empty where the system knows none."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return ""


def progress_output(json: bool) -> Output:
    """Return where progress goes: standard output belongs to the document alone."""
    return Output.stderr() if json else Output.stdout()


def conclude(place: Place, snapshot: Snapshot, json: bool, junit: Path | None = None) -> int:
    """Show how a run ended, and return its exit code."""
    text = evidence_text(place, snapshot)
    write_junit(read_evidence(text), junit)
    if json:
        Output.stdout().raw(text)
    else:
        show_outcome(read_evidence(text), Output.stdout())
    warn_of_the_open(place, snapshot)
    return EXIT_CODES[read_evidence(text).verdict]


def evidence_text(place: Place, snapshot: Snapshot) -> str:
    """Return the run.json of a run that is over.

    Raises
    ------
    Problem
        The run was refused, or broke before it could be judged.
    """
    run, execution = snapshot.run, snapshot.execution
    if run is not None and run.evidence:
        return place.evidence(run.evidence)
    cause = execution.cause or "no cause given"
    if run is None and execution.error in REFUSALS:
        raise Problem(*cause.splitlines())
    if run is None and execution.status == "ABORTED":
        raise Problem(
            f"run {snapshot.run_id} was stopped before it was planned: nothing was touched",
            exit_code=EXIT_CODES[Verdict.INCONCLUSIVE],
        )
    undo = [undo_text(_shown(record)) for record in snapshot.undo]
    raise Problem(
        f"run {snapshot.run_id} has no verdict: {execution.status} {execution.error}".rstrip(),
        *cause.splitlines()[:5],
        *undo,
        exit_code=BROKEN,
    )


def _shown(record: UndoRecord) -> UndoEvidence:
    return UndoEvidence(
        what=record.what,
        state=record.state,
        verified_at=instant(record.verified_at),
        found=record.found,
    )


def warn_of_the_open(place: Place, snapshot: Snapshot) -> None:
    """Say what a run still holds when waiting for it was given up."""
    if snapshot.over or not snapshot.ended or snapshot.run is None:
        return
    left = ", ".join(r.what for r in snapshot.undo if r.state == "open") or "its lease"
    Output.stderr().line(
        f"run {snapshot.run_id} still holds {left}; the sweep goes on with it: "
        f"steadystate show {snapshot.run_id} {place.option}"
    )


def known(run_id: str, place: Place) -> None:
    """Refuse what cannot be a run's id. Raises Problem."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", run_id):
        raise Problem(f"there is no run {run_id!r}; see `steadystate list {place.option}`")
