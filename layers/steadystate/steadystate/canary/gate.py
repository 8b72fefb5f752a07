"""The human gate: a person is asked, the watch stays armed, and the answer is taken."""

from collections.abc import Callable
from dataclasses import dataclass

from steadystate.canary.bake import why_back
from steadystate.canary.decisions import Decision, go_back, note, promote
from steadystate.canary.judging import Judges, missing_evidence
from steadystate.canary.look import Looking, take
from steadystate.canary.shift import answer
from steadystate.canary.weights import known_canary
from steadystate.canary_contracts import (
    Answer,
    AskPersonInput,
    CanaryNext,
    CanaryRun,
    CanaryWatched,
    Gate,
    GatesWatched,
    TakeAnswerInput,
)
from steadystate.contracts import Event, Stop
from steadystate.errors import GateClosed, SteadystateError, TransientError
from steadystate.ports import Bus, Gates, RunStore
from steadystate.run.timing import LEASE_SECONDS

CLOSED = GateClosed.__name__


@dataclass(frozen=True, slots=True)
class Asking:
    """What asking a person needs of the world."""

    store: RunStore
    bus: Bus
    now: Callable[[], float]


def ask_person(request: AskPersonInput, world: Asking) -> CanaryWatched:
    """Keep the token of the task that waits, and announce that somebody is asked.

    A repeated delivery keeps its own token, which is the one that is waited for now, and announces
    nothing again.

    Raises
    ------
    GateClosed
        The canary goes back already: nobody is asked.
    """
    run = known_canary(world.store, request.run_id)
    if run.progress.stop:
        raise GateClosed(f"{run.progress.stop.by}: {run.progress.stop.reason}")
    now, before = world.now(), run.progress
    if before.phase not in ("baking", "waiting"):
        return answer(run, before, "ask")  # answered already: this delivery came late
    world.store.renew_lease(run, now + LEASE_SECONDS)
    asked_at = before.gate.asked_at if before.gate else now
    gate = Gate(
        token=request.token,
        asked_at=asked_at,
        until=asked_at + run.plan.timing.hold_limit_seconds,
        why=_why(run),
    )
    progress = before.model_copy(update={"phase": "waiting", "gate": gate})
    world.store.keep_look(run, progress)
    if before.gate is None:
        world.store.add_event(
            request.run_id, Event(at=now, what="approval needed", detail=gate.why)
        )
        told = {"why": gate.why, "weight": run.plan.steps[before.step].weight, "until": gate.until}
        world.bus.announce(request.run_id, "Approval Needed", told)
    return answer(run, progress, "ask")


def _why(run: CanaryRun) -> str:
    step = run.plan.steps[run.progress.step]
    missing = _missing(run)
    if missing:
        return f"evidence is missing at {step.weight} %: {missing}"
    return f"{step.weight} % held, with evidence; traffic goes beyond it when somebody says so"


def _missing(run: CanaryRun) -> str:
    judges = Judges.resumed(run.plan, run.progress)
    return missing_evidence(judges.promotions(run.plan.steps[run.progress.step].weight))


def take_answer(request: TakeAnswerInput, world: Asking) -> CanaryWatched:
    """Go on or back as the person said; go back when nobody did.

    A repeated delivery finds the answer taken, and says the same again. An approval without the
    evidence goes on, and is kept as that. Where asking itself failed, the canary bakes still, and
    goes back as unanswered.
    """
    run = known_canary(world.store, request.run_id)
    before = run.progress
    if before.stop:
        return answer(run, before, "rollback")
    if before.phase not in ("baking", "waiting"):
        following: CanaryNext = "shift" if before.phase == "shifting" else "bake"
        return answer(run, before, following)
    now = world.now()
    world.store.renew_lease(run, now + LEASE_SECONDS)
    following, progress, event = _decide(run, request.answer, now)
    progress = progress.model_copy(update={"gate": None, "watched_since": now})
    world.store.keep_look(run, progress)
    note(run, event, world.store, world.bus)
    return answer(run, progress, following)


def _decide(run: CanaryRun, given: Answer | None, now: float) -> Decision:
    if given is None:
        waited = run.plan.timing.hold_limit_seconds
        stop = Stop(by="unanswered", reason=f"nobody answered within {waited:g} s", at=now)
        return go_back(run.progress, stop, "held")
    said = f"{given.by}: {given.reason or 'no reason given'}"
    if given.decision == "reject":
        return go_back(run.progress, Stop(by="rejected", reason=said, at=now), "rejected")
    missing = _missing(run)
    if missing:
        reason = f"approved by {said}, without the evidence: {missing}"
        return promote(run.progress, now, reason, outcome="approved", approved_by=given.by)
    reason = f"approved by {said}"
    return promote(run.progress, now, reason, approved_by=given.by)


def watch_gates(world: Looking, gates: Gates) -> GatesWatched:
    """Look at every canary that waits for a person; turn it back where a look says so.

    One that cannot be looked at keeps no other from it.

    Raises
    ------
    TransientError
        Some could not be looked at; the message says which, and why.
    """
    looked, problems = [], []
    for run_id in world.store.open_runs():
        run = world.store.get(run_id)
        if not isinstance(run, CanaryRun) or run.progress.gate is None:
            continue
        try:
            _watch(run, run.progress.gate, world, gates)
            looked.append(run_id)
        except SteadystateError as error:
            problems.append(f"{run_id}: {error}")
    if problems:
        raise TransientError("; ".join(problems))
    return GatesWatched(runs=looked)


def _watch(run: CanaryRun, gate: Gate, world: Looking, gates: Gates) -> None:
    """Look once, without the prober. What was decided before is told again: it may not have come
    through."""
    stop = run.progress.stop
    if stop is None and run.progress.phase == "waiting":
        world.store.renew_lease(run, world.now() + LEASE_SECONDS)
        seen = take(run, None, world)
        stop = why_back(run, seen)
        if stop is None and seen.look.ended_at >= gate.until:
            waited = gate.until - gate.asked_at
            reason = f"nobody answered within {waited:g} s"
            stop = Stop(by="unanswered", reason=reason, at=seen.look.ended_at)
        decision = go_back(seen.progress, stop) if stop else Decision("ask", seen.progress)
        run = world.store.keep_look(run, decision.progress, seen.look)
        note(run, decision.event, world.store, world.bus)
    if stop:
        gates.close(gate.token, CLOSED, f"{stop.by}: {stop.reason}")
