"""Evidence of runs that could have been: random, seeded, and judged by the real judge."""

import random

from steadystate.contracts import Event, Failure, FaultAction, FaultState, Plan, Sample, Stop
from steadystate.documents.workload import ProbeSli
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point
from steadystate.evidence import Evidence
from tests.cli.made import MadeRun, made_run

USUAL = {"error_rate": 0.2, "latency_p95": 45.0, "database_connections": 7.0}
ENDINGS = ("", "", "", "", "guardrail", "blind guardrail", "steady state", "not hit")


def experiment(seed: int) -> Evidence:
    """Return the evidence of an experiment; the same for the same seed."""
    rng = random.Random(seed)
    made = made_run(f"run-{seed}")
    began = 1_750_000_000.0 + rng.randrange(30_000_000) + rng.random()
    looks, window = rng.randint(4, 25), rng.choice([5, 10])
    injected_at = began + window + rng.random()
    plan = _plan(made.run.plan, rng, began, window)
    ending = rng.choice(ENDINGS)
    outage = (injected_at + rng.random(), rng.uniform(0, looks * window * 0.7), rng.random())
    samples = [_look(plan, k, rng, outage, looks) for k in range(looks)]
    hit = ending != "not hit"
    fault = FaultState(
        template_id=f"EXT{rng.randrange(10**6)}",
        experiment_id=f"EXP{rng.randrange(10**6)}",
        status="completed" if hit else "stopped",
        started_at=injected_at if hit else None,
        ended_at=injected_at + rng.uniform(1, 60),
        targets_hit=rng.randint(1, 3) if hit else 0,
    )
    stop = None
    if ending in ("guardrail", "blind guardrail"):
        words = "probe_errors 97 % misses < 90 % in 20 points in a row"
        stop = Stop(by=f"{ending} too-many-errors", reason=words, at=injected_at + 20)
    if ending == "steady state":
        stop = Stop(by=ending, reason="3 of 100 probes failed before the fault", at=began + 5)
    progress = made.run.progress.model_copy(
        update={"fault": fault if ending != "steady state" else None, "stop": stop, "looks": looks}
    )
    run = made.run.model_copy(update={"plan": plan, "progress": progress})
    events = [
        Event(at=began, what="planned", detail="actions: 1, targets: 1"),
        Event(at=began + window, what="steady", detail=f"{window * plan.probe.requests} probes"),
        Event(at=injected_at, what="fault started", detail=f"FIS experiment {fault.experiment_id}"),
        Event(at=samples[-1].ended_at, what="recovered", detail="after 31 s of watching"),
    ]
    return MadeRun(run, samples, events).evidence()


def broken(evidence: Evidence) -> Evidence:
    """Return the evidence as it is when the machinery broke."""
    from steadystate.report.replay import judge_again

    failure = Failure(error="States.TaskFailed", cause="out of memory", state="Watch Window")
    return judge_again(evidence.model_copy(update={"failure": failure})).evidence


def _plan(plan: Plan, rng: random.Random, began: float, window: int) -> Plan:
    names = [n for n in plan.objectives if n in ("errors", "latency") or rng.random() < 0.6]
    targets = rng.randint(1, 5)
    arn = "arn:aws:ec2:ap-northeast-2:123456789012:instance/i-0%016x"
    action = FaultAction(
        action="aws:ec2:terminate-instances",
        target_key="Instances",
        resource="aws:ec2:instance",
        targets=[arn % rng.getrandbits(60) for _ in range(targets)],
        parameters={},
        start_after=[],
        duration_seconds=rng.choice([0.0, 40.0, 180.0]),
    )
    return plan.model_copy(
        update={
            "scenario": rng.choice(["bank-instance-loss", "bank-95-percent", "shop-pod-delete-2"]),
            "workload": rng.choice(["bank", "chat", "shop-7"]),
            "description": rng.choice(["", "Nothing may be lost within 99 minutes."]),
            "started_at": began,
            "timing": plan.timing.model_copy(update={"window_seconds": float(window)}),
            "probe": plan.probe.model_copy(update={"requests": rng.randint(1, 30)}),
            "objectives": {n: plan.objectives[n] for n in names},
            "recovery": plan.recovery.model_copy(
                update={"target_seconds": rng.choice([20.0, 45.0, 60.0, 600.0])}
            ),
            "faults": {"terminate-some": action},
        }
    )


def _look(
    plan: Plan, look: int, rng: random.Random, outage: tuple[float, float, float], looks: int
) -> Sample:
    window = int(plan.timing.window_seconds)
    started = plan.started_at + window * look + 0.3 * look
    values = {n: v * rng.uniform(0.5, 12 if look else 1) for n, v in USUAL.items()}
    values["healthy_instances"] = float(rng.randint(2, 3))
    if look == looks - 1:
        last = {"ledger_imbalance": 0.0, "lost_transfers": 0.0, "duplicate_transfers": 0.0}
        values |= {n: v + (rng.random() < 0.1) * rng.randint(1, 9) for n, v in last.items()}
    points = {
        name: [Point(started, value, rng.randint(1, 900))]
        for name, value in values.items()
        if name in plan.slis and not isinstance(plan.slis[name], ProbeSli) and rng.random() < 0.95
    }
    return Sample(
        look=look,
        phase="recovering" if look else "baseline",
        started_at=started,
        ended_at=started + window,
        points=points,
        ticks=[
            _tick(started + second, plan.probe.requests, rng, outage) for second in range(window)
        ],
        guardrails={name: "HELD: held" for name in plan.guardrails},
    )


def _tick(at: float, requests: int, rng: random.Random, outage: tuple[float, float, float]) -> Tick:
    since, lasts, share = outage
    failed = round(requests * share) if since <= at < since + lasts else 0
    if not failed:
        return Tick(at, requests, 0, None, None, rng.uniform(5, 80))
    return Tick(at, requests, failed, at + 0.01, at + 0.9, None)
