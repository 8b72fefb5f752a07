"""Judge a run and store its evidence."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from steadystate.contracts import Evaluated, EvaluateRunInput, Event, Failure, Run, Sample
from steadystate.domain.cost import price, usage_of
from steadystate.domain.guardrails import GuardrailState
from steadystate.domain.recovery import Interval, Recovery
from steadystate.domain.verdict import Verdict
from steadystate.evidence import (
    CostEvidence,
    Evidence,
    GuardrailEvidence,
    IntervalEvidence,
    ObjectiveEvidence,
    RecoveryEvidence,
    TimelineEvidence,
    UndoEvidence,
    instant,
    report_key,
)
from steadystate.ports import Bus, EvidenceStore, RunStore
from steadystate.run.judgement import Facts, Judgement, judge


@dataclass(frozen=True, slots=True)
class Evaluating:
    """What an evaluation needs of the world."""

    store: RunStore
    evidence: EvidenceStore
    bus: Bus
    now: Callable[[], float]


def evaluate_run(request: EvaluateRunInput, world: Evaluating) -> Evaluated:
    """Judge the run, store run.json, and keep the verdict.

    The first run.json of a run stays, and the verdict is the one that stands in it: of several
    evaluations at the same moment, all answer what the first one found.
    """
    run = world.store.get(request.run_id)
    if run is None:
        broken = in_plain_words(request.failure) or Failure(error="Unknown")
        reason = f"{broken.error}: {broken.cause} (the run was never planned)"
        return Evaluated(
            run_id=request.run_id, verdict=Verdict.ERROR, reason=reason, evidence="", report=""
        )
    if run.verdict is not None:
        return Evaluated(
            run_id=request.run_id,
            verdict=run.verdict,
            reason=run.verdict_reason,
            evidence=run.evidence,
            report=report_key(request.run_id, run.plan.language),
        )
    now = world.now()
    samples = world.store.samples(request.run_id)
    failure = in_plain_words(request.failure)
    judgement = judge(facts_of(run, samples, failure))
    judged = Event(at=now, what="judged", detail=judgement.verdict)
    composed = compose(run, samples, judgement, failure, judged, world.store)
    key, stored = world.evidence.put(request.run_id, composed.to_json())
    evidence = Evidence.model_validate_json(stored)
    answer = Evaluated(
        run_id=request.run_id,
        verdict=evidence.verdict,
        reason=evidence.verdict_reason,
        evidence=key,
        report=report_key(request.run_id, run.plan.language),
    )
    ended_at = evidence.ended_at.timestamp()
    if world.store.save_verdict(request.run_id, answer.verdict, answer.reason, ended_at, key):
        world.store.add_event(request.run_id, judged)
        names = {"scenario": run.plan.scenario, "workload": run.plan.workload}
        told = {"verdict": answer.verdict, "reason": answer.reason, **names, "evidence": key}
        world.bus.announce(request.run_id, "Run Finished", told)
    return answer


def in_plain_words(failure: Failure | None) -> Failure | None:
    """Return the failure with Lambda's own message as its cause, without wrapping and stack."""
    if failure is None:
        return None
    try:
        message = json.loads(failure.cause)["errorMessage"]
    except (ValueError, KeyError, TypeError):
        return failure
    return failure.model_copy(update={"cause": str(message)})


def facts_of(run: Run, samples: Sequence[Sample], failure: Failure | None) -> Facts:
    """Return what the verdict rests on."""
    return Facts(
        plan=run.plan,
        baseline=run.baseline,
        samples=samples,
        fault=run.progress.fault,
        stop=run.progress.stop,
        failure=failure,
    )


def compose(
    run: Run,
    samples: Sequence[Sample],
    judgement: Judgement,
    failure: Failure | None,
    judged: Event,
    store: RunStore,
) -> Evidence:
    """Put the evidence together."""
    plan = run.plan
    return Evidence(
        schema="steadystate/run/v1",
        run_id=plan.run_id,
        kind="experiment",
        scenario=plan.scenario,
        workload=plan.workload,
        requested_by=plan.requested_by,
        reason=plan.reason,
        started_at=datetime.fromtimestamp(plan.started_at, UTC),
        ended_at=datetime.fromtimestamp(judged.at, UTC),
        verdict=judgement.verdict,
        verdict_reason=judgement.reason,
        objectives=[ObjectiveEvidence(**asdict(o)) for o in judgement.objectives],
        recovery=recovery_evidence(judgement.recovery),
        guardrails=_guardrails(run, samples),
        timeline=[
            TimelineEvidence(at=datetime.fromtimestamp(e.at, UTC), what=e.what, detail=e.detail)
            for e in (*store.events(plan.run_id), judged)
        ],
        samples=list(samples),
        undo=[
            UndoEvidence(
                what=r.what, state=r.state, verified_at=instant(r.verified_at), found=r.found
            )
            for r in store.undo_records(plan.run_id)
        ],
        cost=CostEvidence(estimate=plan.cost_estimate, actual=_actual_cost(run)),
        plan=plan,
        baseline=run.baseline,
        fault=run.progress.fault,
        stop=run.progress.stop,
        failure=failure,
    )


def recovery_evidence(recovery: Recovery) -> RecoveryEvidence:
    """Return a recovery as the evidence states it."""

    def interval(value: Interval | None) -> IntervalEvidence | None:
        return IntervalEvidence(low=value.low, high=value.high) if value else None

    return RecoveryEvidence(
        verdict=recovery.verdict,
        target_seconds=recovery.target_seconds,
        injected_at=instant(recovery.injected_at),
        first_breach_at=instant(recovery.first_breach_at),
        recovered_at=instant(recovery.recovered_at),
        from_fault=interval(recovery.from_fault),
        from_breach=interval(recovery.from_breach),
        resolution_seconds=recovery.resolution_seconds,
        reason=recovery.reason,
    )


def _guardrails(run: Run, samples: Sequence[Sample]) -> list[GuardrailEvidence]:
    """Return each guardrail's worst state while the fault was in effect, else its last one."""
    shown = []
    for name, document in run.plan.guardrails.items():
        seen = [s.guardrails[name].split(": ", 1) for s in samples if name in s.guardrails]
        states = [s for s in seen if s[0] != "HELD"] or seen or [["BLIND", "never looked at"]]
        state, reason = states[0] if states[0][0] != "HELD" else states[-1]
        shown.append(
            GuardrailEvidence(
                name=name,
                sli=document.sli,
                bound=str(document.bound),
                state=GuardrailState(state),
                reason=reason,
            )
        )
    return shown


def _actual_cost(run: Run) -> dict[str, float]:
    progress, fault = run.progress, run.progress.fault
    minutes = 0.0
    if fault and fault.started_at is not None:
        lasted = ((fault.ended_at or fault.started_at) - fault.started_at) / 60
        minutes = sum(max(1.0, lasted) for _ in run.plan.faults)
    return price(
        usage_of(
            looks=progress.looks,
            window_seconds=run.plan.timing.window_seconds,
            slis=len(run.plan.slis),
            metric_looks=progress.metric_looks,
            fault_action_minutes=minutes,
        )
    )
