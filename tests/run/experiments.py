"""FIS as a run knows it: experiments that take time, can be refused, can fail, can be stopped."""

from dataclasses import dataclass, field

from steadystate.contracts import FaultState, Plan
from steadystate.errors import FaultFailed, TransientError
from tests.run.services import Clock, Service


@dataclass
class Experiment:
    run_id: str
    template: str
    started_at: float
    ends_at: float
    hits: int
    status: str = "running"
    ended_at: float | None = None
    reason: str = ""


@dataclass
class Fis:
    """The port Faults. `calls` are those that reached FIS; the knobs are what FIS is like."""

    clock: Clock
    service: Service
    lasts: float = 3.0
    hits: int = 1
    refuses: str = ""
    fails_after: float | None = None
    answers_start: bool = True
    stops_within: float = 0.0
    templates: dict[str, str] = field(default_factory=dict)
    experiments: dict[str, Experiment] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def create_template(self, plan: Plan) -> str:
        self.calls.append("create_template")
        found = next((t for t, run in self.templates.items() if run == plan.run_id), None)
        if found is None:
            found = f"EXT{len(self.templates)}"
            self.templates[found] = plan.run_id
        return found

    def start(self, plan: Plan, template_id: str) -> FaultState:
        self.calls.append("start")
        if self.refuses:
            raise FaultFailed(f"FIS refused to start: {self.refuses}")
        mine = [i for i, e in self.experiments.items() if e.run_id == plan.run_id]
        if not mine:
            now = self.clock.at
            mine = [f"EXP{len(self.experiments)}"]
            self.experiments[mine[0]] = Experiment(
                plan.run_id, template_id, now, now + self.lasts, self.hits
            )
            if self.hits:
                self.service.faulted_at = now
        if not self.answers_start:
            raise TransientError("the answer of StartExperiment was lost")
        return self.state(mine[0])

    def state(self, experiment_id: str) -> FaultState:
        e = self._at(experiment_id)
        return FaultState(
            template_id=e.template,
            experiment_id=experiment_id,
            status=e.status,
            reason=e.reason,
            started_at=e.started_at,
            ended_at=e.ended_at,
            targets_hit=e.hits,
        )

    def stop_experiments(self, run_id: str, known_id: str | None = None) -> str | None:
        self.calls.append("stop")
        mine = [i for i, e in self.experiments.items() if e.run_id == run_id]
        for one in mine:
            e = self._at(one)
            if e.status == "running":
                e.status, e.ends_at = "stopping", self.clock.at + self.stops_within
        states = [self._at(one).status for one in mine]
        if any(s in ("running", "stopping") for s in states):
            return None
        return ", ".join(states) or "no experiment was started"

    def delete_templates(self, run_id: str) -> str | None:
        self.calls.append("delete")
        self.templates = {t: r for t, r in self.templates.items() if r != run_id}
        return "no template left"

    def running(self) -> list[str]:
        return [i for i in self.experiments if self._at(i).status in ("running", "stopping")]

    def _at(self, experiment_id: str) -> Experiment:
        e = self.experiments[experiment_id]
        if self.fails_after is not None and e.status == "running":
            fails_at = e.started_at + self.fails_after
            if self.clock.at >= fails_at:
                e.status, e.ended_at, e.reason = "failed", fails_at, "the agent is gone"
        if e.status in ("running", "stopping") and self.clock.at >= e.ends_at:
            e.status = "completed" if e.status == "running" else "stopped"
            e.ended_at = e.ends_at
        return e
