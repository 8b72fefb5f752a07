"""Runs made of the library's own parts: a scenario that ships, measured points, the real judge."""

from dataclasses import asdict, dataclass
from typing import Any

from cli.library import Files, execution_input, read_scenario
from steadystate.contracts import (
    BaselineOf,
    Event,
    FaultAction,
    FaultState,
    Plan,
    Progress,
    RecoveryPlan,
    Run,
    Sample,
    Timing,
    UndoRecord,
)
from steadystate.documents.workload import ProbeSli
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point, summarize
from steadystate.evidence import Evidence
from steadystate.run.evaluate import compose

BEGAN = 1_700_000_000.0
INJECTED = BEGAN + 10
USUAL = {
    "error_rate": 0.0,
    "latency_p95": 40.0,
    "database_connections": 6.0,
    "healthy_instances": 3.0,
}
AFTER = {"ledger_imbalance": 0.0, "lost_transfers": 0.0, "duplicate_transfers": 0.0}
INSTANCE = "arn:aws:ec2:ap-northeast-2:123456789012:instance/i-0123456789abcdef0"
MACHINE = "arn:aws:states:ap-northeast-2:123456789012:stateMachine:steadystate-experiment"


@dataclass(frozen=True)
class MadeRun:
    """A run as the table keeps it, with its looks and its timeline."""

    run: Run
    samples: list[Sample]
    events: list[Event]

    def evidence(self) -> Evidence:
        """Judge the run, and put its evidence together, as evaluate_run does."""
        ledger: Any = _Ledger(self.events, self.samples)
        return compose(self.run, None, self.samples[-1].ended_at, ledger)


class _Ledger:
    """What evidence takes from the table besides the run."""

    def __init__(self, events: list[Event], samples: list[Sample]) -> None:
        self._events, self._samples = events, samples

    def samples(self, run_id: str) -> list[Sample]:
        return self._samples

    def events(self, run_id: str) -> list[Event]:
        return self._events

    def undo_records(self, run_id: str) -> list[UndoRecord]:
        return [
            UndoRecord(
                what="fis-experiment",
                state="undone",
                opened_at=BEGAN,
                verified_at=BEGAN + 20,
                found="EXP1 completed",
            )
        ]


def made_run(
    run_id: str = "made-1",
    *,
    machine_arn: str = MACHINE,
    looks: int = 8,
    error_rate: float = 0.5,
    failed_seconds: int = 2,
) -> MadeRun:
    """Return a run of bank-instance-loss: one look before the fault, the rest after it.

    `error_rate` (percent) is what the load balancer saw since the fault, and `failed_seconds` how
    many seconds from the fault on have failed probes.
    """
    wanted = execution_input("bank-instance-loss", {}, "a test", "pytest")
    experiment, workload = read_scenario(wanted, Files())
    used = {o.sli for o in experiment.objectives.values()}
    used |= {g.sli for g in experiment.guardrails.values()}
    plan = Plan(
        run_id=run_id,
        execution_arn=f"{machine_arn.replace(':stateMachine:', ':execution:')}:{run_id}",
        scenario=experiment.name,
        description=experiment.description,
        workload=workload.name,
        requested_by="pytest",
        reason="a test",
        overrides={},
        started_at=BEGAN,
        timing=Timing(
            window_seconds=5,
            metric_period_seconds=5,
            metric_delay_seconds=2,
            fault_limit_seconds=600,
        ),
        probe=workload.probe,
        load_balancer=workload.load_balancer,
        slis={name: sli for name, sli in workload.slis.items() if name in used},
        objectives=experiment.objectives,
        guardrails=experiment.guardrails,
        recovery=RecoveryPlan(target_seconds=600, limit_seconds=900, good_seconds=15),
        faults={
            "terminate-one": FaultAction(
                action="aws:ec2:terminate-instances",
                target_key="Instances",
                resource="aws:ec2:instance",
                targets=[INSTANCE],
                parameters={},
                start_after=[],
                duration_seconds=0,
            )
        },
        alarms=[],
        cost_estimate={"fis": 0.1, "total": 0.1},
    )
    before = {
        name: [Point(BEGAN - 5 * k, value, 100) for k in range(10, 0, -1)]
        for name, value in (USUAL | AFTER).items()
    }
    baseline = {
        name: BaselineOf(**asdict(summary))
        for name, points in before.items()
        if name in plan.slis and (summary := summarize(points))
    }
    samples = [_sample(plan, k, error_rate, failed_seconds, looks) for k in range(looks)]
    fault = FaultState(
        template_id="EXT1",
        experiment_id="EXP1",
        status="completed",
        started_at=INJECTED,
        ended_at=INJECTED + 1,
        targets_hit=1,
    )
    progress = Progress(
        phase="done",
        looks=looks,
        metric_looks=looks,
        read_until=samples[-1].ended_at,
        fault=fault,
    )
    events = [
        Event(at=BEGAN, what="planned", detail="actions: 1, targets: 1"),
        Event(at=INJECTED, what="fault started", detail="FIS experiment EXP1"),
    ]
    return MadeRun(Run(plan=plan, baseline=baseline, progress=progress), samples, events)


def _sample(plan: Plan, look: int, error_rate: float, failed_seconds: int, looks: int) -> Sample:
    started = BEGAN + 5 + 5 * look
    hit = started >= INJECTED
    values = USUAL | ({"error_rate": error_rate} if hit else {})
    values |= AFTER if look == looks - 1 else {}
    points = {
        name: [Point(started, value, 100)]
        for name, value in values.items()
        if name in plan.slis and not isinstance(plan.slis[name], ProbeSli)
    }
    ticks = [_tick(started + second, failed_seconds) for second in range(5)]
    phase = "recovering" if hit else "baseline"
    rails = {name: "HELD: held" for name in plan.guardrails}
    return Sample(
        look=look,
        phase=phase,
        started_at=started,
        ended_at=started + 5,
        points=points,
        ticks=ticks,
        guardrails=rails,
    )


def _tick(at: float, failed_seconds: int) -> Tick:
    bad = INJECTED <= at < INJECTED + failed_seconds
    if not bad:
        return Tick(at, 20, 0, None, None, 12.0)
    return Tick(at, 20, 5, at + 0.1, at + 0.9, 12.0)
