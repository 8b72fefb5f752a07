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
from cli.library import SHIPPED, Files, execution_input, parse_overrides, read_scenario
from cli.outcome import show_outcome
from cli.output import Output
from cli.place import LABS, Place, enter_lab, read_evidence
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
from steadystate.adapters.aws import client
from steadystate.adapters.cloudwatch import CloudWatch
from steadystate.adapters.resources import SsmParameters
from steadystate.contracts import ExecutionInput
from steadystate.documents.experiment import Experiment
from steadystate.documents.workload import CloudWatchSli, LoadBalancerSli
from steadystate.domain.series import usable
from steadystate.domain.verdict import EXIT_CODES
from steadystate.evidence import Evidence
from steadystate.run.scenario import read_documents

if TYPE_CHECKING:
    from lab.up import Lab

SHORT_SECONDS: Final = 40.0
"""In the lab, faults that last longer are shortened to this, so that a run takes a minute."""

HISTORY_PERIODS: Final = 6
"""Metric periods of traffic that the baseline needs at least."""

HISTORY_SECONDS: Final = 120.0
"""How long the history is waited for; without it the run says itself that it has no baseline."""

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
    experiment, _ = read_scenario(execution_input(scenario, overrides, reason, who), Files())
    _known_workload(experiment.workload)
    shortened = {} if full_length else short_faults(experiment, overrides)
    wanted = execution_input(scenario, overrides | shortened, reason, who, language)
    read_scenario(wanted, Files())
    run_id = new_run_id(scenario)
    folder = out / run_id
    output = progress_output(json)
    with _made(folder), view_on(output) as view:
        if shortened:
            view.say(_told(shortened))
        with _lab(experiment.workload, view) as lab:
            place = _enter(lab)
            _wait_for_history(wanted, view)
            view.say(f"run {run_id}")
            snapshot = start_and_follow(place, run_id, wanted, view)
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


def short_faults(experiment: Experiment, given: Mapping[str, Any]) -> dict[str, str]:
    """Return overrides that shorten the faults of minutes; what is overridden already stays."""
    paths = {
        f"method.{name}.duration": action.duration
        for name, action in experiment.method.items()
        if action.duration is not None and action.duration > SHORT_SECONDS
    }
    return {path: f"{SHORT_SECONDS:g}s" for path in paths if path not in given}


def _told(shortened: Mapping[str, str]) -> str:
    faults = ", ".join(path.split(".")[1] for path in shortened)
    return f"shortened to {SHORT_SECONDS:g} s in the lab: {faults} (--full-length keeps it)"


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
def _lab(workload: str, view: "LiveView | PlainView") -> "Iterator[Lab]":
    """Bring up a lab in a state directory of its own. Raises Problem where it does not come up."""
    from lab.account.deploy import DeployError
    from lab.up import Lab, LabError

    started = time.monotonic()
    state = _state_directory()

    def say(text: str) -> None:
        view.waiting(f"lab: {text}")

    lab = Lab(workload, state, say=say)
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


def _wait_for_history(wanted: ExecutionInput, view: "LiveView | PlainView") -> None:
    """Wait until there are enough metric periods for the baseline."""
    experiment, workload = read_documents(wanted, Files(SHIPPED), SsmParameters())
    used = {objective.sli for objective in experiment.objectives.values()}
    slis = {
        name: sli
        for name, sli in workload.slis.items()
        if name in used and isinstance(sli, (LoadBalancerSli, CloudWatchSli))
    }
    if not slis:
        return
    period, delay = _timing()
    needed = max(HISTORY_PERIODS, experiment.baseline.minimum_points)
    until = time.monotonic() + HISTORY_SECONDS + needed * period
    seen = -1
    while time.monotonic() < until:
        settled = (time.time() - delay) // period * period
        points = CloudWatch().read(
            slis,
            workload.load_balancer,
            since=settled - experiment.baseline.duration,
            until=settled,
            period_seconds=period,
        )
        fewest = min(len(usable(points.get(name, []))) for name in slis)
        if fewest >= needed:
            return
        if fewest != seen:
            view.waiting(f"history for the baseline: {fewest} of {needed} periods of {period} s")
            seen = fewest
        time.sleep(1)
    view.say(f"there is too little history for a baseline: {seen} of {needed} periods")


def _timing() -> tuple[int, float]:
    """Return period and delay of the metrics, as the lab's stack was deployed with."""
    from lab.up import STACK

    stacks = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    values = {p["ParameterKey"]: p["ParameterValue"] for p in stacks[0]["Parameters"]}
    return int(values["MetricPeriodSeconds"]), float(values["MetricDelaySeconds"])


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
