"""The command `report`, and what it shares with `trend`: a PDF is had made, and fetched."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.output import Output
from cli.place import Place, read_evidence
from cli.problems import BROKEN, Problem
from cli.runs import InLab, Profile, Region, RunName, Stack, known, place_of
from cli.views import view_on
from steadystate.keys import evidence_key, report_key

LOOK_SECONDS: Final = 0.5
WAIT_SECONDS: Final = 930.0
"""A little longer than the machine `report` may take."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    run: RunName,
    language: Annotated[
        str | None, typer.Option(metavar="en|ko", help="Default: the run's own language.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: RUN.LANGUAGE.pdf, here.")
    ] = None,
    stack: Stack = None,
    lab: InLab = False,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Fetch the report of a run as PDF; an old run's is made first."""
    check_language(language)
    place = place_of(stack, lab, region, profile)
    known(run, place)
    wanted = language or _language_of(run, place)
    path = out or Path(f"{run}.{wanted}.pdf")
    check_out(path)
    with view_on(Output.stderr()) as view:
        content = fetch_report(run, wanted, place, view.waiting)
    write_out(path, content)
    Output.stdout().line(str(path))


def check_language(language: str | None) -> None:
    """Refuse a language that there is not. Raises Problem."""
    if language not in (None, "en", "ko"):
        raise Problem(f"--language: {language!r} is unknown; allowed are en, ko")


def check_out(path: Path) -> None:
    """Refuse a file that could not be written, before anything is made. Raises Problem."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise Problem(f"--out: {path}: must be a file in a folder that exists")


def write_out(path: Path, content: bytes) -> None:
    """Write a document. Raises Problem."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Problem(f"--out: {path}: cannot be written: {error.strerror}") from None


def fetch_trend(
    workload: str, language: str, place: Place, waiting: Callable[[str], None]
) -> bytes:
    """Have the trend of a workload drawn, and return it as PDF.

    Raises
    ------
    Problem
        The machine failed: its own words.
    """
    wanted = {"trends": True, "workload": workload, "language": language}
    execution = _made(wanted, f"the trend of {workload}", place, waiting)
    keys = json.loads(place.output_of(execution))["keys"]
    content = next((place.document(key) for key in keys if key.endswith(".pdf")), None)
    if content is None:
        raise Problem(
            f"the trend of {workload} is not in the bucket, though it was made", exit_code=BROKEN
        )
    return content


def fetch_report(run: str, language: str, place: Place, waiting: Callable[[str], None]) -> bytes:
    """Return the report of a run, which is made first where there is none.

    Raises
    ------
    Problem
        The machine failed: its own words.
    """
    key = report_key(run, language)
    content = place.document(key)
    if content is None:
        _have_it_made(run, language, place, waiting)
        content = place.document(key)
    if content is None:
        raise Problem(f"{key} is not in the bucket, though it was made", exit_code=BROKEN)
    return content


def _language_of(run: str, place: Place) -> str:
    """Return the language that the run was planned with. Raises Problem."""
    text = place.document(evidence_key(run))
    if text is not None:
        return read_evidence(text.decode("utf-8", "replace")).plan.language
    raise Problem(
        f"run {run!r} has no evidence, so there is nothing to report; "
        f"see `steadystate list {place.option}`"
    )


def _have_it_made(run: str, language: str, place: Place, waiting: Callable[[str], None]) -> None:
    """Wait for the report that the run has started itself, else start one. Raises Problem."""
    own = place.report_arn_of(run)
    if place.status_of(own) == "RUNNING":
        waiting("the run's own report is being made")
        _wait(own, place)
        if place.document(report_key(run, language)) is not None:
            return
    wanted = {"run_id": run, "language": language, "quiet": True}
    _made(wanted, f"the report of {run}", place, waiting)


def _made(
    wanted: dict[str, object], what: str, place: Place, waiting: Callable[[str], None]
) -> str:
    """Start the machine `report`, wait for it, and return its execution. Raises Problem."""
    started = place.start_report(json.dumps(wanted))
    waiting(f"{what} is being made")
    status, cause = _wait(started, place)
    if status != "SUCCEEDED":
        raise Problem(
            f"{what} could not be made: {status}", *cause.splitlines()[:5], exit_code=BROKEN
        )
    return started


def _wait(arn: str, place: Place) -> tuple[str, str]:
    until = time.monotonic() + WAIT_SECONDS
    while (status := place.status_of(arn)) == "RUNNING" and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    return status, place.cause_of(arn)
