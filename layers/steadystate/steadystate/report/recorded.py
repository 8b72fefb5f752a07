"""Evidence with the words of its record in the language of its report.

A run is recorded in English, by rules. What people wrote (reasons, names, descriptions) and what
other programs said (causes of failures) stays as it is.
"""

from collections.abc import Callable

from steadystate.canary_contracts import CanaryPlan
from steadystate.contracts import UNSTATED, Plan, Stop
from steadystate.documents.fields import Language
from steadystate.domain.e_value import without_exponents
from steadystate.evidence import CanaryEvidence, Evidence
from steadystate.report.korean.records import bound_in_korean, in_korean


def said_in(text: str, language: Language) -> str:
    """Return words of a record in a language; those that no rule wrote as they are."""
    text = without_exponents(text)
    return in_korean(text) if language == "ko" else text


def recorded_in(evidence: Evidence, language: Language) -> Evidence:
    """Return evidence to be told, and not to be judged: verdicts rest on some of its words."""
    stated = {
        name: "" if (given := getattr(evidence, name)) == UNSTATED else given
        for name in ("requested_by", "reason")
    }
    told = _in_other_words(evidence.model_copy(update=stated), without_exponents, str)
    return _in_other_words(told, in_korean, bound_in_korean) if language == "ko" else told


def _in_other_words(
    evidence: Evidence, say: Callable[[str], str], bound: Callable[[str], str]
) -> Evidence:
    recovery, stop, canary = evidence.recovery, evidence.stop, evidence.canary
    return evidence.model_copy(
        update={
            "verdict_reason": say(evidence.verdict_reason),
            "objectives": [
                o.model_copy(update={"reason": say(o.reason), "bound": bound(o.bound)})
                for o in evidence.objectives
            ],
            "recovery": recovery and recovery.model_copy(update={"reason": say(recovery.reason)}),
            "guardrails": [
                g.model_copy(update={"reason": say(g.reason), "bound": bound(g.bound)})
                for g in evidence.guardrails
            ],
            "timeline": [t.model_copy(update={"detail": say(t.detail)}) for t in evidence.timeline],
            "undo": [u.model_copy(update={"found": say(u.found)}) for u in evidence.undo],
            "stop": stop and stop.model_copy(update={"reason": say(stop.reason)}),
            "canary": canary and _canary(canary, stop, say),
            "plan": _plan(evidence.plan, say),
        }
    )


def _plan(plan: Plan | CanaryPlan, say: Callable[[str], str]) -> Plan | CanaryPlan:
    if isinstance(plan, CanaryPlan) and plan.rollback_of:  # what it does is said by a rule
        return plan.model_copy(update={"description": say(plan.description)})
    return plan


def _canary(canary: CanaryEvidence, stop: Stop | None, say: Callable[[str], str]) -> CanaryEvidence:
    back = canary.rollback
    if back and stop:  # without a stop the reason is a person's
        back = back.model_copy(update={"reason": say(back.reason)})
    return canary.model_copy(
        update={
            "steps": [s.model_copy(update={"reason": say(s.reason)}) for s in canary.steps],
            "weights": [w.model_copy(update={"what": say(w.what)}) for w in canary.weights],
            "rollback": back,
        }
    )
