"""Trends as documents, and their publication."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import Field

from steadystate.contracts import Contract, PublishTrendsInput, TrendsPublished
from steadystate.documents.fields import Language
from steadystate.domain.trend import Comparison, RunRecord, Trend, trend_of
from steadystate.ports import History, ReportStore

RUNS_READ: Final = 500
"""How many runs of a workload a trend looks back on."""


class ScenarioDocument(Contract):
    """One scenario; see `domain.trend.ScenarioTrend`."""

    scenario: str
    weight: float
    runs: tuple[RunRecord, ...]
    comparisons: tuple[Comparison, ...]
    verdict_worse: bool
    quality: float | None
    freshness: float | None
    worse: bool


class TrendDocument(Contract):
    """The trend of a workload, `steadystate/trend/v1`. Instants of runs are epoch seconds."""

    schema_: Literal["steadystate/trend/v1"] = Field("steadystate/trend/v1", alias="schema")
    workload: str
    at: datetime
    score: float | None
    half_life_days: float
    scenarios: list[ScenarioDocument]


def document_of(trend: Trend) -> str:
    """Return a trend as a JSON document."""
    document = TrendDocument.model_validate(trend, from_attributes=True)
    return document.model_dump_json(by_alias=True)


@dataclass(frozen=True, slots=True)
class Publishing:
    """What publishing trends needs of the world. `draw` makes the PDF of a trend."""

    history: History
    reports: ReportStore
    draw: Callable[[Trend, Language], bytes]
    now: Callable[[], float]


def publish_trends(request: PublishTrendsInput, world: Publishing) -> TrendsPublished:
    """Store the trend of a workload, or of each that ran of late, as JSON and as PDF.

    A second time on the same day replaces the first. Raises ReportMissing.
    """
    now = world.now()
    keys = []
    for workload in [request.workload] if request.workload else _lately_run(world.history):
        trend = trend_of(workload, world.history.of(workload, RUNS_READ), now)
        if not trend.scenarios:
            continue
        place = f"trends/{workload}/{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        world.reports.put(f"{place}.json", document_of(trend).encode(), "application/json")
        world.reports.put(f"{place}.pdf", world.draw(trend, request.language), "application/pdf")
        keys += [f"{place}.json", f"{place}.pdf"]
    return TrendsPublished(keys=keys)


def _lately_run(history: History) -> list[str]:
    return sorted({record.workload for record in history.latest(RUNS_READ)})
