"""Judge a run and store its evidence."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from steadystate.canary.evidence import canary_cost, canary_evidence, canary_verdict
from steadystate.canary_contracts import AnyRun, CanaryRun
from steadystate.contracts import (
    Evaluated,
    EvaluateRunInput,
    Event,
    Failure,
    Run,
    Sample,
    UndoRecord,
)
from steadystate.documents.experiment import GuardrailDocument
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
)
from steadystate.keys import report_key
from steadystate.ports import Bus, EvidenceStore, RunStore
from steadystate.run.judgement import Facts, judge


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
    composed = compose(run, in_plain_words(request.failure), world.now(), world.store)
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
    judged = Event(at=ended_at, what="judged", detail=answer.verdict)
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


def compose(run: AnyRun, failure: Failure | None, now: float, store: RunStore) -> Evidence:
    """Judge the run, and put its evidence together."""
    run_id = run.plan.run_id
    undo = store.undo_records(run_id)
    parts: dict[str, Any]
    if isinstance(run, CanaryRun):
        looks = store.looks(run_id)
        verdict = canary_verdict(run, looks, undo, failure)
        parts = {"kind": "canary", "canary": canary_evidence(run, looks), "fault": None}
        parts |= {"objectives": [], "recovery": None, "samples": []}
        states, cost = [look.guardrails for look in looks], canary_cost(run)
    else:
        samples = store.samples(run_id)
        judgement = judge(facts_of(run, samples, failure))
        verdict = judgement.verdict, judgement.reason
        parts = {"kind": "experiment", "fault": run.progress.fault, "samples": list(samples)}
        parts["objectives"] = [ObjectiveEvidence(**asdict(o)) for o in judgement.objectives]
        parts["recovery"] = recovery_evidence(judgement.recovery)
        states, cost = [sample.guardrails for sample in samples], _actual_cost(run)
    parts["guardrails"] = _guardrails(run.plan.guardrails, states)
    parts["cost"] = CostEvidence(estimate=run.plan.cost_estimate, actual=cost)
    events = [*store.events(run_id), Event(at=now, what="judged", detail=verdict[0])]
    return _evidence(run, verdict, parts, events, undo, failure)


def _evidence(
    run: AnyRun,
    verdict: tuple[Verdict, str],
    parts: Mapping[str, Any],
    events: Sequence[Event],
    undo: Sequence[UndoRecord],
    failure: Failure | None,
) -> Evidence:
    """Return the evidence; `parts` are what each kind of run fills in its own way."""
    plan = run.plan
    return Evidence(
        schema="steadystate/run/v1",
        run_id=plan.run_id,
        scenario=plan.scenario,
        workload=plan.workload,
        requested_by=plan.requested_by,
        reason=plan.reason,
        started_at=datetime.fromtimestamp(plan.started_at, UTC),
        ended_at=datetime.fromtimestamp(events[-1].at, UTC),
        verdict=verdict[0],
        verdict_reason=verdict[1],
        timeline=[
            TimelineEvidence(at=datetime.fromtimestamp(e.at, UTC), what=e.what, detail=e.detail)
            for e in events
        ],
        undo=[
            UndoEvidence(
                what=r.what, state=r.state, verified_at=instant(r.verified_at), found=r.found
            )
            for r in undo
        ],
        plan=plan,
        baseline=run.baseline,
        stop=run.progress.stop,
        failure=failure,
        **parts,
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


def _guardrails(
    guardrails: Mapping[str, GuardrailDocument], looks: Sequence[Mapping[str, str]]
) -> list[GuardrailEvidence]:
    """Return each guardrail's first state in which it did not hold, else its last one."""
    shown = []
    for name, document in guardrails.items():
        seen = [states[name].split(": ", 1) for states in looks if name in states]
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
