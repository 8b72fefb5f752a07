"""The document of a run."""

from reportlab.platypus import Flowable, PageBreak

from reporting import figures
from reporting.charts import key_indicator, large_chart, small_charts, stage_of
from reporting.fonts import MISSING
from reporting.front import first_page
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
from reporting.recovery import basis_part, recovery_part
from reporting.series import Indicator, indicators, ticks_of
from reporting.sheet import Cover, Heading, build
from reporting.tables import note, text
from reporting.words import Words, words_of
from steadystate.evidence import Evidence
from steadystate.report.contracts import Narrative


def render(evidence: Evidence, narrative: Narrative, evidence_sha256: str) -> bytes:
    """Return the report of a run as PDF, in the narrative's language.

    The same arguments give the same bytes. `evidence_sha256` is printed as it is given: the hash of
    run.json in hexadecimal digits. Texts of the evidence are drawn as they are, never as markup.
    """
    words = words_of(narrative.language)
    cover = Cover(
        title=narrative.title,
        subject=f"{words['report.' + evidence.kind]} · {evidence.scenario} · {evidence.verdict}",
        run=evidence.run_id,
        at=evidence.ended_at,
        words=words,
    )
    found = indicators(evidence)
    story = [
        *_front(evidence, narrative, found, words),
        PageBreak(),
        *narrative_part(narrative, words),
        *objectives_part(evidence.objectives, words),
        *guardrails_part(evidence.guardrails, words),
        *_charts(evidence, found, words),
        *plan_part(evidence, words),
        *timeline_part(evidence, words),
        *recovery_part(evidence, words),
        *undo_part(evidence, words),
        *basis_part(evidence, found, words),
        *cost_part(evidence, narrative, words),
        *identity_part(evidence, evidence_sha256, words, MISSING),
    ]
    return build(story, cover)


def _front(
    evidence: Evidence, narrative: Narrative, found: list[Indicator], words: Words
) -> list[Flowable]:
    ticks = ticks_of(evidence)
    failed = any(t.failed for t in ticks)
    stage = stage_of(evidence, words)
    lasted = (evidence.ended_at - evidence.started_at).total_seconds()
    unstated = words["not_stated"]
    facts = [
        (words["fact.when"], figures.moment(evidence.started_at)),
        (words["fact.lasted"], figures.seconds(max(0.0, lasted), words)),
        (words["fact.fault"], _fault(evidence, words)),
        (words["fact.cost"], figures.dollars(evidence.cost.actual.get("total", 0.0))),
        (words["fact.run_by"], evidence.requested_by or unstated),
        (words["fact.why"], evidence.reason or unstated),
    ]
    return first_page(
        kind=words[f"report.{evidence.kind}"],
        title=narrative.title,
        verdict=evidence.verdict,
        summary=narrative.summary,
        numbers=three_numbers(evidence, ticks, words),
        chart=large_chart(key_indicator(found, failed), stage),
        facts=facts,
        words=words,
    )


def _fault(evidence: Evidence, words: Words) -> str:
    actions = list(evidence.plan.faults.values())
    if not actions:
        return words["fact.no_fault"]
    targets = sum(len(a.targets) for a in actions)
    if len(actions) > 1:
        return words["fact.faults"].format(count=len(actions), targets=targets)
    key = "fact.target" if targets == 1 else "fact.targets"
    return words[key].format(action=actions[0].action, count=targets)


def _charts(evidence: Evidence, found: list[Indicator], words: Words) -> list[Flowable]:
    head = Heading(words["part.charts"])
    if not any(i.points for i in found):
        return [head, text(words["charts.none"])]
    return [head, note(words["charts.intro"]), *small_charts(found, stage_of(evidence, words))]
