"""The commands that bring up a lab: `lab up` and `lab run`."""

import contextlib
import json as jsons
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.junit import JUnitFile, check_junit, write_junit
from cli.lab_history import wait_for_history
from cli.library import Files, execution_input, parse_overrides, read_any
from cli.outcome import show_outcome
from cli.output import Output
from cli.place import LABS, Kind, Place, enter_lab, read_evidence
from cli.problems import BROKEN, Problem, problem_of
from cli.progress import Snapshot, start_and_follow
from cli.reports import fetch_report
from cli.runs import (
    AsJson,
    Overrides,
    Reason,
    ReportLanguage,
    RequestedBy,
    evidence_text,
    new_run_id,
    progress_output,
    user_name,
    warn_of_the_open,
)
from cli.views import LiveView, PlainView, view_on
from lab.scenarios import Stage, stage_of
from steadystate.adapters.resources import SsmParameters
from steadystate.documents.canary import Canary
from steadystate.documents.experiment import Experiment
from steadystate.domain.verdict import EXIT_CODES
from steadystate.evidence import Evidence

if TYPE_CHECKING:
    from lab.up import Lab

SHORT_SECONDS: Final = 40.0
"""In the lab, faults that last longer are shortened to this, so that a run takes a minute."""

FIRST_BAKE_SECONDS: Final = 120.0
LATER_BAKE_SECONDS: Final = 60.0
"""Bakes are shortened to these. The first one needs longest: it has the least traffic, and finds
most of what is wrong."""

FINAL_BAKE_SECONDS: Final = 20.0

KEPT_LABS: Final = 3
"""How many ended labs keep their state directory, for their logs."""

app = typer.Typer(
    help="The whole stack, a workload and its customers on this machine.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def up(
    workload: Annotated[str, typer.Option(help="The workload to bring up.")] = "bank",
) -> None:
    """Bring up a lab and keep it until Ctrl-C."""
    _known_workload(workload)
    output = Output.stdout()
    with contextlib.ExitStack() as stack:
        try:
            with view_on(output) as view:
                lab = stack.enter_context(_lab(workload, view))
            place = _enter(lab)
            for line in _where(lab, place):
                output.line(line)
            _keep(lab)
        except KeyboardInterrupt:
            output.line("stopping the lab")
            raise typer.Exit(0) from None


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="The scenario's name; see `scenarios`.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where evidence and truth go.")] = Path(
        "out"
    ),
    json: AsJson = False,
    override: Overrides = None,
    reason: Reason = "",
    requested_by: RequestedBy = "",
    language: ReportLanguage = None,
    full_length: Annotated[
        bool, typer.Option("--full-length", help="Keep the durations of the scenario's faults.")
    ] = False,
    junit: JUnitFile = None,
) -> None:
    """Bring up a lab, run a scenario in it to its verdict, and take the lab down."""
    check_junit(junit)
    who = requested_by or user_name()
    overrides = parse_overrides(override or [])
    document, _ = read_any(execution_input(scenario, overrides, reason, who), Files())
    _known_workload(document.workload)
    shortened = {} if full_length else short_times(document, overrides)
    wanted = execution_input(scenario, overrides | shortened, reason, who, language)
    read_any(wanted, Files())
    kind: Kind = "canary" if isinstance(document, Canary) else "experiment"
    run_id = new_run_id(scenario)
    folder = out / run_id
    output = progress_output(json)
    with _made(folder), view_on(output) as view:
        if shortened:
            view.say(_told(shortened))
        stage = stage_of(scenario)
        if stage.green_defect:
            view.say(f"the new version has a defect in the lab: {stage.green_defect}")
        with _lab(document.workload, view, stage) as lab:
            place = _enter(lab)
            wait_for_history(wanted, kind, view)
            view.say(f"run {run_id}")
            snapshot = start_and_follow(place, run_id, wanted, view, kind)
            text = _take_home(lab, place, snapshot, folder, view)
            view.waiting("taking the lab down")
    evidence = read_evidence(text)
    write_junit(evidence, junit)
    if json:
        Output.stdout().raw(text)
    else:
        show_outcome(evidence, output)
    output.line(f"evidence  {folder / 'run.json'}")
    for report in sorted(folder.glob("report.*.pdf")):
        output.line(f"report    {report}")
    output.line(f"truth     {folder / 'truth.json'}")
    raise typer.Exit(EXIT_CODES[evidence.verdict])


def short_times(document: Experiment | Canary, given: Mapping[str, Any]) -> dict[str, str]:
    """Return overrides that shorten faults and bakes of minutes; what is overridden stays."""
    short = short_bakes(document) if isinstance(document, Canary) else short_faults(document)
    return {path: f"{seconds:g}s" for path, seconds in short.items() if path not in given}


def short_faults(experiment: Experiment) -> dict[str, float]:
    """Return the seconds of the faults that last too long for a lab, by path."""
    return {
        f"method.{name}.duration": SHORT_SECONDS
        for name, action in experiment.method.items()
        if action.duration is not None and action.duration > SHORT_SECONDS
    }


def short_bakes(canary: Canary) -> dict[str, float]:
    """Return the seconds of the bakes that last too long for a lab, by path."""
    short = {
        f"steps.{n}.bake": LATER_BAKE_SECONDS if n else FIRST_BAKE_SECONDS
        for n in range(len(canary.steps))
    }
    bakes = {f"steps.{n}.bake": s.bake or canary.bake for n, s in enumerate(canary.steps)}
    short["final_bake"], bakes["final_bake"] = FINAL_BAKE_SECONDS, canary.final_bake
    return {path: seconds for path, seconds in short.items() if bakes[path] > seconds}


def _told(shortened: Mapping[str, str]) -> str:
    times = ", ".join(f"{path} {seconds}" for path, seconds in shortened.items())
    return f"shortened in the lab: {times} (--full-length keeps them)"


def _known_workload(workload: str) -> None:
    from lab.up import WORKLOADS

    if workload not in WORKLOADS:
        known = ", ".join(WORKLOADS)
        raise Problem(f"workload {workload!r} does not run in the lab; allowed are {known}")


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make the folder of the results first: a run whose evidence cannot be kept is no use.

    It goes again when nothing was put into it.
    """
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise Problem(f"--out: {folder}: cannot be made: {error.strerror}") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def _lab(
    workload: str, view: "LiveView | PlainView", stage: Stage | None = None
) -> "Iterator[Lab]":
    """Bring up a lab in a state directory of its own. Raises Problem where it does not come up."""
    from lab.account.deploy import DeployError
    from lab.up import Lab, LabError

    started = time.monotonic()
    state = _state_directory()

    def say(text: str) -> None:
        view.waiting(f"lab: {text}")

    stage = stage or Stage()
    lab = Lab(
        workload,
        state,
        say=say,
        requests_per_second=stage.requests_per_second,
        workload_parameters=stage.workload_parameters,
        green_defect=stage.green_defect,
    )
    try:
        lab.__enter__()
    except (LabError, DeployError) as error:
        raise Problem(
            f"the lab did not come up; its logs are in {state}",
            *str(error).splitlines()[-15:],
            exit_code=BROKEN,
        ) from error
    try:
        view.say(f"lab up after {time.monotonic() - started:.0f} s, state in {state}")
        yield lab
    finally:
        lab.__exit__(None, None, None)


def _state_directory() -> Path:
    """Return a fresh directory; of ended labs, only the newest keep theirs."""
    ended = [p for p in sorted(LABS.glob("*")) if p.is_dir() and not (p / "lab.json").exists()]
    for old in ended[:-KEPT_LABS]:
        shutil.rmtree(old, ignore_errors=True)
    base = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    for suffix in ("", *(f"-{n}" for n in range(2, 100))):
        state = LABS / f"{base}{suffix}"
        with contextlib.suppress(FileExistsError):
            state.mkdir(parents=True)
            return state
    raise Problem(f"{LABS}: no free name for a state directory", exit_code=BROKEN)


def _enter(lab: "Lab") -> Place:
    from lab.up import REGION, STACK

    return enter_lab(lab.endpoint_url, REGION, STACK)


def _where(lab: "Lab", place: Place) -> list[str]:
    values = SsmParameters().of(lab.workload)
    return [
        f"{lab.workload}      {values.get('url', 'no url')}",
        f"account   {lab.endpoint_url} (AWS_ENDPOINT_URL; any credentials)",
        f"machine   {place.machine_arn}",
        f"table     {place.table}",
        f"bucket    {place.bucket}",
        f"logs      {lab.state}",
        "run       steadystate run bank-instance-loss --lab",
        "stop      Ctrl-C",
    ]


def _keep(lab: "Lab") -> None:
    """Wait for Ctrl-C, or for a part that ends by itself."""
    while True:
        for process in lab.processes.values():
            if process.poll() is not None:
                raise Problem(
                    f"the lab's {process.name} ended by itself; its log is {process.log_path}",
                    *process.log_tail().splitlines()[-5:],
                    exit_code=BROKEN,
                )
        time.sleep(1)


def _take_home(
    lab: "Lab", place: Place, snapshot: Snapshot, folder: Path, view: "LiveView | PlainView"
) -> str:
    """Write run.json, the report and truth.json, and return the first."""
    warn_of_the_open(place, snapshot)
    text = evidence_text(place, snapshot)
    evidence = read_evidence(text)
    (folder / "run.json").write_text(text, encoding="utf-8")
    _take_report(place, evidence, folder, view)
    view.waiting("the last customers finish, and check what was promised to them")
    try:
        lab.stop_traffic()
    except KeyboardInterrupt:
        view.say("not waited for: the truth lacks what the customers check at their end")
    truth = lab.truth(evidence.started_at.timestamp(), evidence.ended_at.timestamp())
    content = jsons.dumps(truth, indent=1, ensure_ascii=False) + "\n"
    (folder / "truth.json").write_text(content, encoding="utf-8")
    return text


def _take_report(
    place: Place, evidence: Evidence, folder: Path, view: "LiveView | PlainView"
) -> None:
    """Write the report; whatever becomes of it, the run has its verdict."""
    language = evidence.plan.language
    try:
        content = fetch_report(evidence.run_id, language, place, view.waiting)
        (folder / f"report.{language}.pdf").write_bytes(content)
    except KeyboardInterrupt:
        view.say("not waited for: the report")
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        view.say(f"no report: {'; '.join(problem.lines)}")
