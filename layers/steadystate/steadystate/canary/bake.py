"""Bake a canary: one look at a time, until it may get more traffic, must go back, or is done."""

from typing import Final

from steadystate.canary.chaos import decide_gate
from steadystate.canary.decisions import Decision, go_back, note, promote
from steadystate.canary.judging import REGRESSION, missing_evidence
from steadystate.canary.look import Looking, Seen, probe, take
from steadystate.canary.shift import answer, foreign_weights
from steadystate.canary.weights import expected_weights, is_promoted, kept, known_canary
from steadystate.canary_contracts import CanaryLook, CanaryPlan, CanaryRun, CanaryWatched
from steadystate.contracts import Event, RunInput, Stop
from steadystate.domain.guardrails import GuardrailState
from steadystate.run.timing import LEASE_SECONDS
from steadystate.run.watch import stop_by_switch

PATIENCE_SECONDS: Final = 600.0
"""How long after a bake its last metric period is waited for; then it is judged without."""


def bake_canary(request: RunInput, world: Looking) -> CanaryWatched:
    """Look once and say what comes next.

    Raises
    ------
    LeaseLost
        Another run took the workload over.
    TransientError
        Another delivery, or an undo, went ahead of this look.
    JudgeInputError
        The counts cannot be: no verdict is made from them.
    """
    run = known_canary(world.store, request.run_id)
    if run.progress.stop:
        return answer(run, run.progress, "rollback")  # said before, and the answer was lost
    if run.progress.phase == "shifting":
        return answer(run, run.progress, "shift")
    world.store.renew_lease(run, world.now() + LEASE_SECONDS)
    if is_promoted(run):
        return _close(run, world)
    seen = take(run, probe(run, world), world)
    decision = _decide(run, seen, world)
    run = world.store.keep_look(run, decision.progress, seen.look)
    note(run, decision.event, world.store, world.bus)
    if is_promoted(run):
        return _close(run, world)
    return answer(run, decision.progress, decision.following)


def _decide(run: CanaryRun, seen: Seen, world: Looking) -> Decision:
    if stop := why_back(run, seen):
        return go_back(seen.progress, stop)
    if run.progress.phase == "gate":
        return decide_gate(run, seen, world)
    if run.progress.phase == "final":
        return _decide_final(run.plan, seen)
    if not _is_bake_over(run.plan, seen):
        return Decision("bake", seen.progress)
    return _decide_step(run.plan, seen)


def why_back(run: CanaryRun, seen: Seen) -> Stop | None:
    """Return what in a look takes the canary back at once; None when nothing does."""
    look = seen.look
    if look.weights != expected_weights(run):
        return foreign_weights(run, look.weights, look.ended_at)
    if seen.tripped:
        # one that broke says more than one that could not see
        worst = min(seen.tripped, key=lambda r: r.state is not GuardrailState.BROKEN)
        by = "guardrail" if worst.state is GuardrailState.BROKEN else "blind guardrail"
        return Stop(by=f"{by} {worst.name}", reason=worst.reason, at=look.ended_at)
    if regression := seen.judges.regression():
        return Stop(by=REGRESSION, reason=regression, at=look.ended_at)
    if seen.halt:
        return stop_by_switch(seen.halt, look.ended_at)
    if not look.healthy["canary"] and not look.under_fault:
        reason = f"{run.plan.traffic.canary} has no healthy target"
        return Stop(by="unhealthy canary", reason=reason, at=look.ended_at)
    return None


def _is_bake_over(plan: CanaryPlan, seen: Seen) -> bool:
    """Whether the bake has lasted, and every metric period that is whole within it was read.

    Where there was a chaos gate, the step bakes once that is over.
    """
    progress = seen.progress
    step = progress.steps[progress.step]
    begun = step.experiment_ended_at or step.read_back_at or seen.look.started_at
    return _is_read(plan, seen, begun + plan.steps[progress.step].bake_seconds)


def _is_read(plan: CanaryPlan, seen: Seen, due: float) -> bool:
    now, period = seen.look.ended_at, plan.timing.metric_period_seconds
    if now < due:
        return False
    late = now > due + plan.timing.metric_delay_seconds + PATIENCE_SECONDS
    return late or seen.progress.read_until >= due // period * period


def _decide_step(plan: CanaryPlan, seen: Seen) -> Decision:
    """Say what follows a bake that is over."""
    step, at = plan.steps[seen.progress.step], seen.look.ended_at
    promotions = seen.judges.promotions(step.weight)
    missing = missing_evidence(promotions)
    if missing and plan.inconclusive == "rollback":
        return go_back(seen.progress, Stop(by="no evidence", reason=missing, at=at))
    if missing or step.approve:
        return Decision("ask", seen.progress)
    reason = "; ".join(f"{name}: {p.reason}" for name, p in promotions.items())
    return promote(seen.progress, at, reason)


def _decide_final(plan: CanaryPlan, seen: Seen) -> Decision:
    """Keep the old side warm until its time is over."""
    at, since = seen.look.ended_at, seen.progress.final_since or seen.look.started_at
    if not _is_read(plan, seen, since + plan.timing.final_bake_seconds):
        return Decision("bake", seen.progress)
    event = Event(at=at, what="final bake over", detail=_stable_is_quiet(seen.look))
    return Decision("evaluate", seen.progress.model_copy(update={"phase": "done"}), event)


def _stable_is_quiet(look: CanaryLook) -> str:
    latest = [p for metric in look.metrics.values() for p in metric.counts[-1:]]
    left = max((p.stable_total for p in latest), default=0)
    if left:
        return f"stable still had {left} requests in the last metric period: it is not idle yet"
    return "stable had no requests any more in the last metric period: it can be called idle"


def _close(run: CanaryRun, world: Looking) -> CanaryWatched:
    """Close the ledger: the weights stay as they are, since the canary is promoted, and every
    chaos gate's experiment was seen closed before its step baked."""
    run_id = run.plan.run_id
    gates = [step.experiment_run for step in run.progress.steps if step.experiment_run]
    words = {"weights": kept(run), "experiment": f"closed: {', '.join(gates)}"}
    for record in world.store.undo_records(run_id):
        if record.state == "open":
            world.store.close_undo(run_id, record.what, world.now(), words[record.what])
    return answer(run, run.progress, "evaluate")
