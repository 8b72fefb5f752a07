"""The three numbers of an experiment that matter: recovery, failed requests, objectives kept."""

from collections.abc import Sequence

from reporting import figures
from reporting.front import Number
from reporting.style import COLOURS, INK, RED
from reporting.words import Words
from steadystate.domain.recovery import Tick
from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence, ObjectiveEvidence, RecoveryEvidence

_GRAVITY = {Verdict.FAIL: 0, Verdict.ERROR: 1, Verdict.INCONCLUSIVE: 2, Verdict.PASS: 3}


def three_numbers(
    evidence: Evidence, recovery: RecoveryEvidence, ticks: Sequence[Tick], words: Words
) -> list[Number]:
    """Return them, in the order in which a reader asks."""
    return [
        _recovery(recovery, words),
        _failed(evidence, recovery, ticks, words),
        _kept(evidence.objectives, words),
    ]


def _recovery(recovery: RecoveryEvidence, words: Words) -> Number:
    target = figures.seconds(recovery.target_seconds, words)
    caption = words["recovery.target"].format(seconds=target)
    if recovery.from_fault is None:
        value, colour = words["recovery.not_measured"], INK
    else:
        value, colour = figures.interval(recovery.from_fault, words), COLOURS[recovery.verdict]
        if recovery.first_breach_at is None:
            value = words["recovery.none"]
            if recovery.from_fault.high:
                unseen = figures.seconds(recovery.from_fault.high, words)
                caption = f"{words['recovery.unseen'].format(seconds=unseen)}, {caption}"
    return Number(words["recovery.card"], value, caption, colour)


def _failed(
    evidence: Evidence, recovery: RecoveryEvidence, ticks: Sequence[Tick], words: Words
) -> Number:
    injected = recovery.injected_at
    after = [t for t in ticks if injected is None or t.at + 1 > injected.timestamp()]
    sent, failed = sum(t.sent for t in after), sum(t.failed for t in after)
    if not sent:
        return Number(words["failed.card"], figures.NOTHING, words["failed.nothing"])
    caption = words["failed.caption" if injected else "failed.caption_all"]
    return Number(
        words["failed.card"],
        figures.value(100.0 * failed / sent, "percent", words),
        caption.format(failed=figures.count(failed), sent=figures.count(sent)),
        RED if failed and evidence.verdict is Verdict.FAIL else INK,
    )


def _kept(objectives: Sequence[ObjectiveEvidence], words: Words) -> Number:
    if not objectives:
        return Number(words["kept.card"], figures.NOTHING, words["kept.nothing"])
    kept = sum(o.verdict is Verdict.PASS for o in objectives)
    first = min(objectives, key=lambda o: (_GRAVITY[o.verdict], _closeness(o)))
    word = {Verdict.FAIL: "kept.missed", Verdict.PASS: "kept.tightest"}
    caption = words[word.get(first.verdict, "kept.unknown")].format(
        name=first.name,
        observed=figures.value(first.observed, first.unit, words),
        bound=figures.bound(first.bound),
    )
    value = words["kept.value"].format(kept=kept, all=len(objectives))
    return Number(words["kept.card"], value, caption, COLOURS[first.verdict])


def _closeness(objective: ObjectiveEvidence) -> float:
    """Return how much of the bound was left; a bound that is met exactly by design comes last."""
    if objective.margin is None or not objective.limit or objective.margin == 0:
        return 9.0
    return objective.margin / abs(objective.limit)
