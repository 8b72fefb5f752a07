"""The report of an experiment: what stands on its first page, and the parts behind it."""

from reportlab.platypus import Flowable, PageBreak

from reporting import figures
from reporting.basis import basis_part
from reporting.charts import key_indicator, large_chart, small_charts, stage_of
from reporting.front import banner_of, first_page
from reporting.numbers import three_numbers
from reporting.parts import (
    cost_part,
    guardrails_part,
    identity_part,
    narrative_part,
    objectives_part,
    plan_part,
    timeline_part,
    undo_part,
)
from reporting.recovery import recovery_part
from reporting.series import Indicator, indicators, ticks_of
from reporting.sheet import ROOM_FOR_A_CHART, part
from reporting.tables import note, text
from reporting.words import Words
from steadystate.contracts import Plan
from steadystate.evidence import Evidence, RecoveryEvidence
from steadystate.report.contracts import Narrative
from steadystate.report.replay import Replay, experiment_of


def experiment_story(
    evidence: Evidence, again: Replay, narrative: Narrative, evidence_sha256: str, words: Words
) -> list[Flowable]:
    """Return the report of an experiment. Raises InvalidDocument where it is none."""
    plan, recovery = experiment_of(evidence)
    found = indicators(evidence, plan, evidence.samples)
    return [
        *_front(evidence, plan, recovery, narrative, found, again, words),
        PageBreak(),
        *narrative_part(narrative, words),
        *objectives_part(evidence.objectives, words),
        *guardrails_part(evidence.guardrails, plan, words),
        *_charts(evidence, recovery, found, words),
        *plan_part(evidence, plan, words),
        *timeline_part(evidence, words),
        *recovery_part(evidence, recovery, words),
        *undo_part(evidence, words),
        *basis_part(evidence, plan, evidence.samples, found, again, words),
        *cost_part(evidence, narrative, words),
        *identity_part(evidence, evidence_sha256, words),
    ]


def _front(
    evidence: Evidence,
    plan: Plan,
    recovery: RecoveryEvidence,
    narrative: Narrative,
    found: list[Indicator],
    again: Replay,
    words: Words,
) -> list[Flowable]:
    ticks = ticks_of(evidence.samples)
    failed = any(t.failed for t in ticks)
    lasted = (evidence.ended_at - evidence.started_at).total_seconds()
    shown, measured = evidence, recovery
    if not again.supported:
        shown, (_, measured) = again.evidence, experiment_of(again.evidence)
    unstated = words["not_stated"]
    facts = [
        (words["fact.when"], figures.moment(evidence.started_at)),
        (words["fact.lasted"], figures.seconds(max(0.0, lasted), words)),
        (words["fact.fault"], _fault(plan, words)),
        (words["fact.cost"], figures.dollars(evidence.cost.actual.get("total", 0.0))),
        (words["fact.run_by"], evidence.requested_by or unstated),
        (words["fact.why"], evidence.reason or unstated),
    ]
    return first_page(
        kind=words["report.experiment"],
        title=narrative.title,
        banner=banner_of(evidence.verdict, again, narrative.summary, words),
        numbers=three_numbers(shown, measured, ticks, words),
        chart=large_chart(key_indicator(found, failed), stage_of(evidence, recovery, words)),
        facts=facts,
    )


def _fault(plan: Plan, words: Words) -> str:
    if not plan.faults:
        return words["fact.no_fault"]
    targets = sum(len(a.targets) for a in plan.faults.values())
    if len(plan.faults) > 1:
        return words["fact.faults"].format(count=len(plan.faults), targets=targets)
    name, action = next(iter(plan.faults.items()))
    key = "fact.target" if targets == 1 else "fact.targets"
    return words[key].format(name=name, action=action.action, count=targets)


def _charts(
    evidence: Evidence, recovery: RecoveryEvidence, found: list[Indicator], words: Words
) -> list[Flowable]:
    if not any(i.points for i in found):
        return [*part(words["part.charts"]), text(words["charts.none"])]
    stage = stage_of(evidence, recovery, words)
    head = part(words["part.charts"], ROOM_FOR_A_CHART)
    return [*head, note(words["charts.intro"]), *small_charts(found, stage)]
