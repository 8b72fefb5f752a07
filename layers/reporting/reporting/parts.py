"""The parts that experiments and canaries share, each a heading with what is below it."""

from collections.abc import Sequence

from reportlab.platypus import Flowable

from reporting import figures
from reporting.fonts import MISSING
from reporting.sheet import Heading, part
from reporting.tables import note, table, text, verdict_cell
from reporting.words import Words
from steadystate.canary_contracts import CanaryPlan
from steadystate.contracts import Plan
from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence, GuardrailEvidence, ObjectiveEvidence
from steadystate.report.contracts import DETERMINISTIC, Narrative
from steadystate.report.recorded import said_in

_MOST_MOMENTS = 400
_MOST_TARGETS = 12
_ROOM_FOR_IDENTITY = 290.0
"""So that its rows stand on one page."""


def narrative_part(narrative: Narrative, words: Words) -> list[Flowable]:
    """Return the run in words, with who wrote them."""
    story = part(words["part.narrative"])
    for section in narrative.sections:
        story.append(Heading(section.title, 1))
        story += [text(paragraph.text) for paragraph in section.paragraphs]
    story[-1].keepWithNext = 1
    return [*story, note(_written_by(narrative, words))]


def _written_by(narrative: Narrative, words: Words) -> str:
    sentences = [narrative.note] if narrative.note else []
    if narrative.written_by == DETERMINISTIC:
        sentences = sentences or [words["narrative.deterministic"]]
    else:
        replaced = narrative.replaced_sentences
        key = "narrative.replaced" if replaced else "narrative.replaced_none"
        wrote = words["narrative.model"].format(
            model=narrative.written_by, sentences=narrative.sentences
        )
        sentences = [wrote, *(sentences or [words[key].format(count=replaced)])]
    if narrative.input_tokens or narrative.output_tokens:
        used = words["narrative.tokens"].format(
            input=figures.count(narrative.input_tokens),
            output=figures.count(narrative.output_tokens),
            cost=f"${narrative.cost_dollars:.6f}",
        )
        sentences.append(used)
    return " ".join(sentences)


def objectives_part(objectives: Sequence[ObjectiveEvidence], words: Words) -> list[Flowable]:
    """Return the table of objectives."""
    head = part(words["part.objectives"])
    if not objectives:
        return [*head, text(words["objectives.none"])]
    columns = ("objective", "verdict", "observed", "bound", "limit", "baseline", "margin")
    rows: list[list[str | Flowable]] = [
        [
            f"{o.name} ({o.sli})" if o.name != o.sli else o.name,
            verdict_cell(o.verdict),
            figures.value(o.observed, o.unit, words),
            figures.bound(o.bound),
            figures.value(o.limit, o.unit, words),
            figures.value(o.baseline, o.unit, words),
            figures.value(o.margin, o.unit, words),
        ]
        for o in objectives
    ]
    return [
        *head,
        note(words["objectives.intro"]),
        table(
            [words[f"column.{c}"] for c in columns],
            rows,
            (25, 17, 13, 18, 12, 12, 12),
            frozenset({2, 4, 5, 6}),
        ),
        *_reasons(objectives, words),
    ]


def _reasons(objectives: Sequence[ObjectiveEvidence], words: Words) -> list[Flowable]:
    """Return why objectives were not kept."""
    rows = [[o.name, o.reason] for o in objectives if o.verdict is not Verdict.PASS]
    head = [words["column.objective"], words["column.why"]]
    return [table(head, rows, (25, 84))] if rows else []


def guardrails_part(
    guardrails: Sequence[GuardrailEvidence], plan: Plan | CanaryPlan, words: Words
) -> list[Flowable]:
    """Return the table of guardrails, each with the points in a row that break it."""
    planned = plan.guardrails
    head = part(words["part.guardrails"])
    if not guardrails:
        return [*head, text(words["guardrails.none"])]
    columns = ("guardrail", "indicator", "bound", "points_in_a_row", "state", "reason")
    rows = [
        [
            g.name,
            g.sli,
            figures.bound(g.bound),
            figures.count(planned[g.name].points) if g.name in planned else figures.NOTHING,
            words.named("state", g.state),
            "" if g.reason == "held" else g.reason,
        ]
        for g in guardrails
    ]
    return [
        *head,
        note(words["guardrails.intro"]),
        table(
            [words[f"column.{c}"] for c in columns], rows, (22, 19, 12, 14, 10, 31), frozenset({3})
        ),
    ]


def timeline_part(evidence: Evidence, words: Words) -> list[Flowable]:
    """Return what happened, moment by moment."""
    head = part(words["part.timeline"])
    moments = evidence.timeline
    if not moments:
        return [*head, text(words["timeline.none"])]
    begun = evidence.started_at
    rows = [
        [
            figures.clock(m.at),
            figures.since((m.at - begun).total_seconds(), words),
            words.named("event", m.what),
            m.detail,
        ]
        for m in moments[:_MOST_MOMENTS]
    ]
    columns = ("time", "since", "what", "detail")
    story: list[Flowable] = [
        *head,
        table(
            [words[f"column.{c}"] for c in columns],
            rows,
            (15, 14, 22, 58),
            frozenset({1}),
            frozenset({2}),
        ),
    ]
    left = len(moments) - _MOST_MOMENTS
    return [*story, note(words["timeline.cut"].format(count=left))] if left > 0 else story


def undo_part(evidence: Evidence, words: Words) -> list[Flowable]:
    """Return what was undone, as it was read back."""
    head = part(words["part.undo"])
    if not evidence.undo:
        return [*head, text(words["undo.none"])]
    rows = [
        [
            words.named("undo", u.what),
            words.named("state", u.state),
            figures.clock(u.verified_at) if u.verified_at else figures.NOTHING,
            u.found or figures.NOTHING,
        ]
        for u in evidence.undo
    ]
    columns = ("undo", "state", "verified", "found")
    is_open = any(u.state == "open" for u in evidence.undo)
    return [
        *head,
        note(words["undo.intro"]),
        *([text(words["undo.open"])] if is_open else []),
        table([words[f"column.{c}"] for c in columns], rows, (24, 14, 20, 50)),
    ]


def cost_part(evidence: Evidence, narrative: Narrative, words: Words) -> list[Flowable]:
    """Return the cost, item by item, planned and used, and the model's if one wrote."""
    planned, used = evidence.cost.estimate, evidence.cost.actual
    names = [n for n in dict.fromkeys([*planned, *used]) if n != "total"]

    def dollars(items: dict[str, float], name: str) -> str:
        return figures.dollars(items[name]) if name in items else figures.NOTHING

    rows: list[list[str | Flowable]] = [
        [words.named("cost", n), dollars(planned, n), dollars(used, n)] for n in [*names, "total"]
    ]
    if narrative.cost_dollars:
        model = f"${narrative.cost_dollars:.6f}"
        rows.append([words["cost.narrative"], figures.NOTHING, model])
    columns = ("item", "planned", "used")
    return [
        *part(words["part.cost"]),
        note(words["cost.intro"]),
        table([words[f"column.{c}"] for c in columns], rows, (60, 24, 24), frozenset({1, 2})),
    ]


def identity_part(evidence: Evidence, evidence_sha256: str, words: Words) -> list[Flowable]:
    """Return what this document was made of."""
    unstated = words["not_stated"]
    values = {
        "run": evidence.run_id,
        "sha": evidence_sha256,
        "schema": evidence.schema_,
        "scenario": evidence.scenario,
        "workload": evidence.workload,
        "requested_by": evidence.requested_by or unstated,
        "reason": evidence.reason or unstated,
        "started": figures.moment(evidence.started_at),
        "ended": figures.moment(evidence.ended_at),
        "execution": evidence.plan.execution_arn,
    }
    return [
        *part(words["part.identity"], _ROOM_FOR_IDENTITY),
        note(f"{words['identity.intro']} {words['identity.missing'].format(sign=MISSING)}"),
        table((), [[words[f"identity.{k}"], v] for k, v in values.items()], (24, 84)),
    ]


def plan_part(evidence: Evidence, plan: Plan, words: Words) -> list[Flowable]:
    """Return what was done to whom, and what cut it short."""
    fault = evidence.fault
    story = part(words["part.plan"])
    if plan.description:
        story.append(text(plan.description))
    rows = []
    for name, action in plan.faults.items():
        names = [target.rsplit("/", 1)[-1] for target in action.targets]
        shown = ", ".join(names[:_MOST_TARGETS])
        if len(names) > _MOST_TARGETS:
            shown += " " + words["plan.more"].format(count=len(names) - _MOST_TARGETS)
        settings = ", ".join(f"{k} = {v}" for k, v in action.parameters.items())
        rows.append([name, action.action, shown, settings or figures.NOTHING])
    if rows:
        columns = ("fault", "action", "targets", "parameters")
        story.append(table([words[f"column.{c}"] for c in columns], rows, (17, 34, 24, 33)))
    if fault:
        hit = words["plan.hit"]
        story.append(
            note(hit.format(id=fault.experiment_id, status=fault.status, count=fault.targets_hit))
        )
    elif rows:
        story.append(note(words["plan.not_started"]))
    if evidence.stop:
        stop = evidence.stop
        by = said_in(stop.by, words.language)
        story.append(text(words["plan.stopped"].format(by=by, reason=stop.reason)))
    if evidence.failure:
        failure = evidence.failure
        where = words["plan.in_state"].format(state=failure.state) if failure.state else ""
        broke = words["plan.failure"]
        cause = failure.cause or words["not_stated"]
        story.append(text(broke.format(where=where, error=failure.error, cause=cause), limit=1500))
    if plan.overrides:
        changed = ", ".join(f"{k} = {v}" for k, v in plan.overrides.items())
        story.append(note(f"{words['plan.overrides']} {changed}"))
    return story
