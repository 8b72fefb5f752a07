"""The charts of a run: its time axis, its marks, and a picture for each indicator."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reportlab.lib.colors import Color
from reportlab.platypus import Flowable, KeepTogether, Spacer

from reporting import figures
from reporting.chart import Limit, Mark, MarksKey, Picture, Spell, TimeChart, Trace
from reporting.scales import TimeAxis
from reporting.series import Indicator
from reporting.style import AMBER, BLUE, FAULT, GREEN, INK, RED, TEAL
from reporting.tables import note
from reporting.words import Words
from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence, RecoveryEvidence, instant

SMALL: Final = 104.0
LARGE: Final = 326.0


@dataclass(frozen=True)
class Stage:
    """What all charts of a run have in common."""

    axis: TimeAxis
    marks: list[Mark]
    spells: list[Spell]
    origin: str
    words: Words


def stage_of(evidence: Evidence, recovery: RecoveryEvidence, words: Words) -> Stage:
    """Return the time axis of the run, from its first sample to its last, and its moments."""
    fault = evidence.fault
    injected = recovery.injected_at or (instant(fault.started_at) if fault else None)
    origin = injected or evidence.started_at
    times = [t for s in evidence.samples for t in (s.started_at, s.ended_at)]
    times += [p.at for s in evidence.samples for points in s.points.values() for p in points]
    times = times or [evidence.started_at.timestamp(), evidence.ended_at.timestamp()]
    start, end = min(times), max(times)
    axis = TimeAxis(start, max(end, start + 1.0), origin.timestamp())
    over = fault.ended_at if fault else None
    stopped = evidence.stop.at if evidence.stop and injected else None
    moments = [
        ("fault", injected.timestamp() if injected else None, INK),
        ("breach", _epoch(recovery.first_breach_at), RED),
        ("stopped", stopped, AMBER),
        ("mitigated", over, TEAL),
        ("recovered", _epoch(recovery.recovered_at), GREEN),
    ]
    known = sorted(((at, name, colour) for name, at, colour in moments if at is not None), key=_at)
    marks = []
    for number, (at, name, colour) in enumerate(known, 1):
        clock, since = figures.clock(origin), figures.since(at - axis.origin, words)
        text = words[f"mark.{name}"].format(time=clock if name == "fault" else since)
        marks.append(Mark(number, at, text, colour))
    spells = []
    if injected and fault:
        spells = [Spell(injected.timestamp(), over or axis.end, FAULT)]
    text = words["origin.fault" if injected else "origin.start"]
    return Stage(axis, marks, spells, text.format(at=figures.clock(origin) + " UTC"), words)


def picture_of(indicator: Indicator, stage: Stage, title: str = "") -> Picture:
    """Return the chart of an indicator, against its bounds and its baseline."""
    words, unit = stage.words, indicator.unit
    limits = []
    for objective in indicator.objectives:
        if objective.limit is not None:
            bound = figures.bound(objective.bound)
            limit = figures.value(objective.limit, unit, words)
            shown = f"{bound} = {limit}" if "×" in bound else bound
            below = objective.bound.startswith(">")
            limits.append(Limit(objective.limit, f"{objective.name} {shown}", not below))
    for name, number, upper in indicator.guardrails:
        limit = figures.value(number, unit, words)
        label = words["charts.guardrail"].format(name=name, limit=limit)
        limits.append(Limit(number, label, upper, AMBER))
    base = indicator.baseline
    return Picture(
        title=title or title_of(indicator, words),
        unit=unit,
        axis=stage.axis,
        traces=[Trace(indicator.dots, BLUE, "", indicator.period_seconds)],
        limits=limits,
        usual=(base.mean, base.standard_deviation) if base else None,
        marks=stage.marks,
        spells=stage.spells,
    )


def title_of(indicator: Indicator, words: Words) -> str:
    """Return the name of an indicator and where it is from."""
    if indicator.source == "probe" and indicator.name == "probe_errors":
        return words["probe_errors"]
    return f"{indicator.name} · {words.named('source', indicator.source)}"


def key_indicator(indicators: list[Indicator], failed: bool) -> Indicator | None:
    """Return the indicator that tells most: a missed one, failed probes, or the one of what
    customers felt that came nearest to its bound."""

    def missed(one: Indicator) -> bool:
        return any(o.verdict is Verdict.FAIL for o in one.objectives)

    drawn = [i for i in indicators if len(i.points) > 1]
    probes = [i for i in drawn if i.source == "probe" and i.unit == "percent"]
    felt = [i for i in drawn if i.objectives and i.source in ("load_balancer", "probe")]
    choice = [i for i in drawn if missed(i)]
    choice += probes if failed else []
    choice += [*sorted(felt, key=_margin_left), *drawn]
    return choice[0] if choice else None


def _margin_left(indicator: Indicator) -> float:
    """Return the smallest margin of an indicator's objectives, as a share of the limit."""
    shares = [
        o.margin / abs(o.limit) for o in indicator.objectives if o.limit and o.margin is not None
    ]
    return min(shares, default=1.0)


def large_chart(indicator: Indicator | None, stage: Stage) -> list[Flowable]:
    """Return the chart of the first page with the key of its marks."""
    if indicator is None:
        picture = Picture("", "count", stage.axis, [], marks=stage.marks, spells=stage.spells)
    else:
        picture = picture_of(indicator, stage)
    chart = TimeChart(picture, stage.words, LARGE)
    return [chart, MarksKey(stage.marks, stage.origin, stage.words)]


def small_charts(indicators: list[Indicator], stage: Stage) -> list[Flowable]:
    """Return a chart for each indicator, the key of the marks above the first.

    What was measured at most once is not drawn, but named.
    """
    words = stage.words
    key = MarksKey(stage.marks, stage.origin, words)
    charts: list[Flowable] = []
    drawn = [i for i in indicators if len(i.points) > 1]
    for number, indicator in enumerate(drawn):
        chart = TimeChart(picture_of(indicator, stage), stage.words, SMALL)
        together: list[Flowable] = [key, Spacer(1, 4), chart] if number == 0 else [chart]
        charts += [KeepTogether(together), Spacer(1, 10)]
    for key_of_words, points in (("charts.once", 1), ("charts.never", 0)):
        names = [i.name for i in indicators if len(i.points) == points]
        if names:
            charts.append(note(words[key_of_words].format(names=", ".join(names))))
    return charts


def _at(moment: tuple[float, str, Color]) -> float:
    return moment[0]


def _epoch(at: datetime | None) -> float | None:
    return at.timestamp() if at else None
