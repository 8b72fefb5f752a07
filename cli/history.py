"""The commands over many runs: `history` and `trend`."""

import json as jsons
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from cli.outcome import STYLES
from cli.output import Output, printable
from cli.problems import Problem
from cli.reports import check_language, check_out, fetch_trend, write_out
from cli.runs import InLab, Profile, Region, Stack, place_of
from cli.views import view_on
from steadystate.domain.bounds import shown
from steadystate.domain.trend import (
    CONCLUSIVE,
    Comparison,
    RunRecord,
    ScenarioTrend,
    Trend,
    trend_of,
)
from steadystate.run.trends import RUNS_READ, document_of

LISTED: Final = 50

_TITLES: Final = ("run", "ended (UTC)", "workload", "verdict", "recovery")
_SPARED: Final = ("workload", "ended (UTC)")
_GAP: Final = 2

AsJson = Annotated[
    bool, typer.Option("--json", help="Print a JSON document on stdout, and nothing else there.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(history)
    app.command()(trend)


def history(
    workload: Annotated[
        str | None, typer.Option(metavar="NAME", help="The runs of one workload only.")
    ] = None,
    stack: Stack = None,
    lab: InLab = False,
    region: Region = None,
    profile: Profile = None,
    json: AsJson = False,
) -> None:
    """List the runs in the history, newest first."""
    kept = place_of(stack, lab, region, profile).history
    records = kept.of(workload, LISTED) if workload else kept.latest(LISTED)
    output = Output.stdout()
    if json:
        output.raw(jsons.dumps([asdict(r) for r in records], ensure_ascii=False))
    elif not records:
        output.line("no run in the history yet" + (f" of {workload}" if workload else ""))
    elif not output.terminal:
        for record in records:
            output.line("\t".join(_row(record)))
    else:
        output.console.print(listing(records, output.console.width))


def trend(
    workload: Annotated[str, typer.Argument(help="The workload's name.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Have it drawn as PDF, too.")
    ] = None,
    language: Annotated[str, typer.Option(metavar="en|ko", help="Of the PDF.")] = "en",
    stack: Stack = None,
    lab: InLab = False,
    region: Region = None,
    profile: Profile = None,
    json: AsJson = False,
) -> None:
    """Compare the last run of each scenario with those before, and score the workload."""
    check_language(language)
    if out is not None:
        check_out(out)
    place = place_of(stack, lab, region, profile)
    records = place.history.of(workload, RUNS_READ)
    if not records and (out is not None or not json):
        raise Problem(
            f"workload {workload!r} has no run in the history; "
            f"see `steadystate history {place.option}`"
        )
    if out is not None:
        with view_on(Output.stderr()) as view:
            content = fetch_trend(workload, language, place, view.waiting)
        write_out(out, content)
    found = trend_of(workload, records, time.time())
    output = Output.stdout()
    if json:
        output.raw(document_of(found))
        return
    if output.terminal:
        output.console.print(*drawn_trend(found), sep="\n")
        return
    for line in lines(found):
        output.line(line)


def lines(found: Trend) -> list[str]:
    """Return a trend as plain lines."""
    told = [_score(found)]
    for scenario in found.scenarios:
        told.append(_head(scenario))
        if scenario.verdict_worse:
            told.append("  worse   verdict: FAIL, where most runs before passed")
        told += [f"  {_word(c):7} {_compared(c)}" for c in scenario.comparisons]
    return told


def drawn_trend(found: Trend) -> list[Text | Table]:
    """Return a trend for a terminal: of each scenario a line, and a table of its numbers."""
    drawn: list[Text | Table] = [Text(printable(_score(found)), style="bold")]
    for scenario in found.scenarios:
        drawn.append(Text(""))
        drawn.append(Text(printable(_head(scenario))))
        if scenario.comparisons or scenario.verdict_worse:
            drawn.append(_table(scenario))
    return drawn


def _table(scenario: ScenarioTrend) -> Table:
    table = Table(box=None, padding=(0, _GAP, 0, 0), header_style="bold", pad_edge=False)
    for title in ("", "", "last run", "median before", "runs", "tolerance"):
        table.add_column(title, justify="right" if title else "left", no_wrap=bool(title))
    if scenario.verdict_worse:
        before = sum(r.verdict in CONCLUSIVE for r in scenario.runs) - 1
        table.add_row("worse", "verdict", "FAIL", "mostly PASS", str(before), "", style="yellow")
    for c in scenario.comparisons:
        figures = ("–" if v is None else _shown(v, c.unit) for v in (c.last, c.median, c.tolerance))
        last, usual, within = figures
        cells = (_word(c), Text(printable(_what(c))), last, usual, str(c.runs_before), within)
        table.add_row(*cells, style="yellow" if c.worse else None)
    return table


def _score(found: Trend) -> str:
    score = "none: no run gave PASS or FAIL yet" if found.score is None else f"{found.score:.0f}"
    return f"{found.workload}: resilience score {score} (of 100)"


def _head(scenario: ScenarioTrend) -> str:
    verdicts = " ".join(r.verdict for r in scenario.runs[-10:])
    share = ""
    if scenario.quality is not None and scenario.freshness is not None:
        kept, fresh = (f"{100 * part:.0f} %" for part in (scenario.quality, scenario.freshness))
        share = f", quality {kept}, freshness {fresh}"
    count = "1 run" if len(scenario.runs) == 1 else f"{len(scenario.runs)} runs"
    return f"{scenario.scenario}: {count}{share}; {verdicts}"


def _word(c: Comparison) -> str:
    return "worse" if c.worse else "ok" if c.runs_before else "first"


def _compared(c: Comparison) -> str:
    last = "not measured" if c.last is None else _shown(c.last, c.unit)
    if not c.runs_before:
        return f"{_what(c)}: {last}"
    usual = "none" if c.median is None else _shown(c.median, c.unit)
    within = "" if c.tolerance is None else f", tolerance {_shown(c.tolerance, c.unit)}"
    return f"{_what(c)}: {last}; median of {c.runs_before} before {usual}{within}"


def _what(c: Comparison) -> str:
    return c.what if c.what == "recovery" else f"{c.what}, margin"


def _shown(value: float, unit: str) -> str:
    return f"{value:.1f} s" if unit == "seconds" else shown(value, unit)


def _row(record: RunRecord) -> tuple[str, str, str, str, str]:
    ended = f"{datetime.fromtimestamp(record.ended_at, UTC):%Y-%m-%d %H:%M:%S}"
    return record.run_id, ended, record.workload, record.verdict, _recovery(record)


def _recovery(record: RunRecord) -> str:
    low, high = record.recovery_low_seconds, record.recovery_high_seconds
    if low is None:
        return "–"
    return f"at least {low:.1f} s" if high is None else f"{low:.1f} to {high:.1f} s"


def listing(records: Sequence[RunRecord], width: int) -> Table:
    """Return runs as a table of so many characters, whose ids can be copied.

    Where that is too narrow, it lacks the workload and then the time: an id tells of both.
    """
    rows = [dict(zip(_TITLES, _row(record), strict=True)) for record in records]
    wide = {t: max(len(t), *(len(row[t]) for row in rows)) for t in _TITLES}
    titles = list(_TITLES)
    for title in _SPARED:
        if sum(wide[t] + _GAP for t in titles) - _GAP > width:
            titles.remove(title)
    table = Table(box=None, padding=(0, _GAP, 0, 0), header_style="bold", pad_edge=False)
    for title in titles:
        whole = wide[title] if title in ("run", "verdict") else None
        table.add_column(title, no_wrap=True, min_width=whole)
    for record, row in zip(records, rows, strict=True):
        cells = [
            Text(printable(row[t]), style=STYLES[record.verdict] if t == "verdict" else "")
            for t in titles
        ]
        table.add_row(*cells)
    return table
