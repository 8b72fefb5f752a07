"""Guardrails of a run: what they look back on, and what they say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steadystate.contracts import BaselineOf
from steadystate.documents.experiment import GuardrailDocument
from steadystate.documents.workload import ProbeSli, Sli
from steadystate.domain.guardrails import GuardrailResult, GuardrailState, check
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point
from steadystate.run.judgement import guardrail_of, probe_points, summary_of


@dataclass(frozen=True, slots=True)
class Guarding:
    """The guardrails of a run; `before` are the points that were kept of earlier looks."""

    guardrails: Mapping[str, GuardrailDocument]
    slis: Mapping[str, Sli]
    baseline: Mapping[str, BaselineOf]
    before: Mapping[str, list[Point]]
    watched_since: float

    def remember(
        self, points: Mapping[str, list[Point]], ticks: Sequence[Tick]
    ) -> dict[str, list[Point]]:
        """Return the latest points that guardrails look at, and no more than they need."""
        recent: dict[str, list[Point]] = {}
        for guardrail in self.guardrails.values():
            sli = self.slis[guardrail.sli]
            new = probe_points(ticks, sli) if isinstance(sli, ProbeSli) else None
            both = [*self.before.get(guardrail.sli, [])]
            both += points.get(guardrail.sli, []) if new is None else new
            kept = max(guardrail.points, len(recent.get(guardrail.sli, [])))
            recent[guardrail.sli] = both[-kept:]
        return recent

    def check(
        self, recent: Mapping[str, list[Point]], now: float
    ) -> tuple[list[GuardrailResult], dict[str, str]]:
        """Return the guardrails that do not hold, and the state of each in words."""
        results = []
        for name, document in self.guardrails.items():
            rail = guardrail_of(name, document, self.slis[document.sli])
            before = summary_of(self.baseline, document.sli)
            points = recent.get(document.sli, [])
            results.append(check(rail, points, before, watched_since=self.watched_since, now=now))
        tripped = [r for r in results if r.state is not GuardrailState.HELD]
        return tripped, {r.name: f"{r.state}: {r.reason}" for r in results}

    def breaks(self, ticks: Sequence[Tick], now: float) -> bool:
        """Whether the probes of a window alone already break a guardrail."""
        tripped, _ = self.check(self.remember({}, ticks), now)
        return any(r.state is GuardrailState.BROKEN for r in tripped)
