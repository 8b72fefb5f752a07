"""The document of a workload over its runs: score, verdicts, and what got worse."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from reportlab.lib.colors import Color
from reportlab.platypus import Flowable, KeepTogether, Spacer

from reporting import figures
from reporting.chart import Limit, Picture, TimeChart, Trace
from reporting.front import Banner, Number, Numbers, Title
from reporting.lanes import Lanes
from reporting.scales import DateAxis
from reporting.sheet import ROOM_FOR_A_CHART, ROOM_FOR_A_PART, Cover, Heading, build, part
from reporting.style import AMBER, BLUE, GREEN, INK, RED, SLATE
from reporting.tables import note, table, text, verdict_cell
from reporting.words import Words, words_of
from steadystate.documents.fields import Language
from steadystate.domain.trend import (
    CONCLUSIVE,
    DAY,
    Comparison,
    ObjectiveRecord,
    RunRecord,
    ScenarioTrend,
    Trend,
)
from steadystate.domain.verdict import Verdict
from steadystate.evidence import IntervalEvidence

_LANES: Final = 15
_RUNS: Final = 12
_CHART: Final = 104.0


def render_trend(trend: Trend, language: Language) -> bytes:
    """Return the trend of a workload as PDF; the same arguments give the same bytes."""
    words = words_of(language)
    at = datetime.fromtimestamp(trend.at, UTC)
    title = words["trend.title"].format(workload=trend.workload)
    cover = Cover(title, f"{words['report.trend']} · {trend.workload}", f"{at:%Y-%m-%d}", at, words)
    axis = _axis_of(trend)
    story: list[Flowable] = [
        Title(words["report.trend"], title),
        _banner(trend, words),
        Spacer(1, 12),
        Numbers(_numbers(trend, words)),
        Spacer(1, 18),
        Lanes(trend.scenarios[:_LANES], axis, words),
    ]
    more = len(trend.scenarios) - _LANES
    if more > 0:
        story.append(note(words["trend.lanes_more"].format(count=more)))
    story += [*part(words["part.scenarios"]), _overview(trend, words)]
    for scenario in trend.scenarios:
        story += _scenario(scenario, axis, words)
    days = f"{trend.half_life_days:g}"
    story += part(words["part.score"])
    story += [text(words["trend.formula"].format(days=days)), text(words["trend.worse_rule"])]
    return build(story, cover)


def _axis_of(trend: Trend) -> DateAxis:
    times = [r.ended_at for s in trend.scenarios for r in s.runs] or [trend.at]
    start, end = min(times), max(*times, trend.at)
    room = max((end - start) * 0.02, 1800.0)
    return DateAxis(start - room, end + room, start // DAY * DAY)


def _banner(trend: Trend, words: Words) -> Banner:
    runs = [r for s in trend.scenarios for r in s.runs]
    colour, name = _grade(trend)
    sentences = [words["trend.nothing"]]
    if runs:
        last = datetime.fromtimestamp(max(r.ended_at for r in runs), UTC)
        summary = words["trend.summary"].format(
            runs=len(runs), scenarios=len(trend.scenarios), last=f"{last:%Y-%m-%d}"
        )
        worse = ", ".join(s.scenario for s in trend.scenarios if s.worse)
        change = words["trend.worse"].format(names=worse) if worse else words["trend.steady"]
        sentences = [summary, change if trend.score is not None else words["trend.nothing"]]
    score = figures.NOTHING if trend.score is None else f"{trend.score:.0f}"
    return Banner(f"{score} / 100", colour, words[f"trend.{name}"], " ".join(sentences))


def _grade(trend: Trend) -> tuple[Color, str]:
    """Return the colour of the trend: red where something got worse, amber for a score under 50."""
    if trend.score is None:
        return SLATE, "unknown"
    if any(s.worse for s in trend.scenarios):
        return RED, "poor"
    return (GREEN, "fine") if trend.score >= 50 else (AMBER, "weak")


def _numbers(trend: Trend, words: Words) -> list[Number]:
    runs = [r for s in trend.scenarios for r in s.runs]
    counted = [r for r in runs if r.verdict in CONCLUSIVE]
    passed = sum(r.verdict is Verdict.PASS for r in counted)
    worse = sum(s.worse for s in trend.scenarios)
    score = figures.NOTHING if trend.score is None else f"{trend.score:.0f}"
    caption = words["trend.passed_caption"]
    return [
        Number(
            words["trend.score"],
            score,
            words["trend.out_of"].format(days=f"{trend.half_life_days:g}"),
            _grade(trend)[0],
        ),
        Number(
            words["trend.passed"],
            figures.count(passed),
            caption.format(counted=len(counted), rest=len(runs) - len(counted)),
        ),
        Number(
            words["trend.got_worse"],
            figures.count(worse),
            words["trend.got_worse_caption"].format(all=len(trend.scenarios)),
            RED if worse else INK,
        ),
    ]


def _overview(trend: Trend, words: Words) -> Flowable:
    columns = ("scenario", "verdict", "last", "runs", "quality", "freshness", "weight", "change")
    rows: list[list[str | Flowable]] = [
        [
            s.scenario,
            verdict_cell(s.last.verdict),
            _date(s.last.ended_at),
            figures.count(len(s.runs)),
            _share(s.quality),
            _share(s.freshness),
            f"{s.weight:g}",
            words[f"trend.is_{_change(s)}"],
        ]
        for s in trend.scenarios
    ]
    head = [words[f"column.{c}"] for c in columns]
    return table(head, rows, (27, 18, 15, 8, 11, 12, 10, 16), frozenset({3, 4, 5, 6}))


def _change(scenario: ScenarioTrend) -> str:
    if scenario.quality is None:
        return "unknown"
    if scenario.worse:
        return "worse"
    return "fine" if any(c.runs_before for c in scenario.comparisons) else "new"


def _share(share: float | None) -> str:
    return figures.NOTHING if share is None else f"{100 * share:.0f} %"


def _date(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _scenario(scenario: ScenarioTrend, axis: DateAxis, words: Words) -> list[Flowable]:
    pictures = _pictures(scenario, axis, words)
    story = part(scenario.scenario, ROOM_FOR_A_CHART if pictures else ROOM_FOR_A_PART)
    if scenario.verdict_worse:
        story.append(text(words["trend.verdict_worse"]))
    for picture in pictures:
        story += [KeepTogether([TimeChart(picture, words, _CHART)]), Spacer(1, 6)]
    if scenario.comparisons:
        story.append(KeepTogether([_comparisons(scenario.comparisons, words)]))
    else:
        story.append(note(words["trend.no_compare"]))
    story += [Heading(words["trend.runs"], 1), _runs(scenario.runs[-_RUNS:], words)]
    if len(scenario.runs) > _RUNS:
        shown = words["trend.runs_shown"].format(count=_RUNS, all=len(scenario.runs))
        story.append(note(shown))
    return story


def _pictures(scenario: ScenarioTrend, axis: DateAxis, words: Words) -> list[Picture]:
    """Return the recovery over the runs, and each objective that got worse."""
    runs = [r for r in scenario.runs if r.verdict in CONCLUSIVE]
    dots = [
        (r.ended_at, r.recovery_high_seconds) for r in runs if r.recovery_high_seconds is not None
    ]
    pictures = []
    if dots:
        target = scenario.last.recovery_target_seconds
        limits = []
        if target is not None:
            label = words["recovery.target"].format(seconds=figures.seconds(target, words))
            limits = [Limit(target, label)]
        title = words["trend.recovery_chart"]
        trace = Trace(dots, BLUE, "", axis.end - axis.start)
        pictures.append(Picture(title, "seconds", axis, [trace], limits, note=words["trend.axis"]))
    for worse in [c for c in scenario.comparisons if c.worse and c.what != "recovery"]:
        known = [(r.ended_at, o) for r in runs for o in r.objectives if o.name == worse.what]
        dots = [(at, o.observed) for at, o in known if o.observed is not None]
        limit = known[-1][1].limit if known else None
        limits = [] if limit is None else [
            Limit(limit, figures.value(limit, worse.unit, words), _is_upper(known[-1][1]))
        ]  # fmt: skip
        title = words["trend.margin_chart"].format(name=worse.what)
        trace = Trace(dots, BLUE, "", axis.end - axis.start)
        pictures.append(Picture(title, worse.unit, axis, [trace], limits, note=words["trend.axis"]))
    return pictures


def _is_upper(objective: ObjectiveRecord) -> bool:
    """Say whether larger values are worse: then what is left is the limit less what was seen."""
    if objective.observed is None or objective.limit is None or objective.margin is None:
        return True
    return abs(objective.limit - objective.observed - objective.margin) < 1e-9 + 1e-6 * abs(
        objective.limit
    )


def _comparisons(comparisons: Sequence[Comparison], words: Words) -> Flowable:
    columns = ("number", "now", "median", "before", "tolerance", "change")
    rows: list[list[str | Flowable]] = []
    for one in comparisons:
        recovery = one.what == "recovery"
        name = words["trend.recovery"] if recovery else words["trend.margin"].format(name=one.what)
        change = "worse" if one.worse else "fine" if one.runs_before else "new"
        rows.append(
            [
                name,
                figures.value(one.last, one.unit, words),
                figures.value(one.median, one.unit, words),
                figures.count(one.runs_before),
                figures.value(one.tolerance, one.unit, words),
                words[f"trend.is_{change}"],
            ]
        )
    head = [words[f"column.{c}"] for c in columns]
    return table(head, rows, (34, 16, 18, 14, 15, 18), frozenset({1, 2, 3, 4}))


def _runs(runs: Sequence[RunRecord], words: Words) -> Flowable:
    columns = ("date", "verdict", "recovery", "run")
    rows: list[list[str | Flowable]] = []
    for run in reversed(runs):
        low, high = run.recovery_low_seconds, run.recovery_high_seconds
        known = None if low is None else IntervalEvidence(low=low, high=high)
        ended = f"{datetime.fromtimestamp(run.ended_at, UTC):%Y-%m-%d %H:%M}"
        rows.append([ended, verdict_cell(run.verdict), figures.interval(known, words), run.run_id])
    return table([words[f"column.{c}"] for c in columns], rows, (20, 19, 20, 50))
