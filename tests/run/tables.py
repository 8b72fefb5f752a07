"""The table in memory: leases, samples, the ledger, and every text as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from steadystate.canary_contracts import AnyRun, CanaryLook, CanaryProgress, CanaryRun
from steadystate.contracts import Event, Progress, Run, Sample, UndoRecord
from steadystate.domain.verdict import Verdict
from steadystate.errors import (
    LeaseLost,
    PreflightFailed,
    TransientError,
    UndoIncomplete,
    WorkloadBusy,
)
from tests.run.services import Clock

R = TypeVar("R", Run, CanaryRun)


@dataclass
class Lease:
    run_id: str
    since: float
    until: float
    owes: bool = False


@dataclass
class Table:
    """The port RunStore. Everything is kept as JSON, as the real table does."""

    clock: Clock
    runs: dict[str, str] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    acted: set[str] = field(default_factory=set)
    leases: dict[str, Lease] = field(default_factory=dict)
    kept: dict[str, dict[int, str]] = field(default_factory=dict)
    timeline: dict[str, dict[tuple[float, str], str]] = field(default_factory=dict)
    ledger: dict[tuple[str, str], UndoRecord] = field(default_factory=dict)
    writes: int = 0

    def begin(self, run: AnyRun, lease_until: float) -> None:
        plan = run.plan
        if plan.run_id in self.runs:
            return
        if isinstance(run, Run) and (canary := run.plan.within):
            holds = (held := self.leases.get(plan.workload)) and held.run_id == canary
            if not holds or canary in self.acted or canary not in self.open:
                raise PreflightFailed(f"canary {canary} does not hold {plan.workload} any more")
        lease = self.leases.get(plan.held)
        if lease and (lease.owes or lease.until >= plan.started_at):
            raise WorkloadBusy(f"workload {plan.held} is held by run {lease.run_id}")
        self._put(run)
        self.open.add(plan.run_id)
        self.leases[plan.held] = Lease(plan.run_id, plan.started_at, lease_until)

    def holder(self, workload: str, now: float) -> str | None:
        lease = self.leases.get(workload)
        if lease is None or lease.until < now:
            return None
        return f"run {lease.run_id} since {lease.since:.0f}"

    def renew_lease(self, run: AnyRun, until: float) -> None:
        self._mine(run).until = until
        self.writes += 1

    def lease_until(self, held: str, run_id: str) -> float | None:
        lease = self.leases.get(held)
        return lease.until if lease and lease.run_id == run_id else None

    def release_lease(self, run_id: str) -> bool:
        run = self.get(run_id)
        if run is None:
            return False
        if any(r.state == "open" for r in self.undo_records(run_id)):
            raise UndoIncomplete(f"run {run_id} still has to undo something")
        lease = self.leases.get(run.plan.held)
        held = lease is not None and lease.run_id == run_id
        if held:
            del self.leases[run.plan.held]
        self.open.discard(run_id)
        self.writes += 1
        return held

    def get(self, run_id: str) -> AnyRun | None:
        return self._known(run_id) if run_id in self.runs else None

    def keep_look(
        self, run: R, progress: Progress | CanaryProgress, look: Sample | CanaryLook | None = None
    ) -> R:
        self._mine(run)
        if self._known(run.plan.run_id).verdict is not None:
            raise LeaseLost("the run is over")
        self.save_progress(run, progress)
        if look is not None:
            self.kept.setdefault(run.plan.run_id, {})[look.look] = look.model_dump_json()
        return run.model_copy(update={"progress": progress, "version": run.version + 1})

    def save_progress(self, run: AnyRun, progress: Progress | CanaryProgress) -> None:
        stored = self._known(run.plan.run_id)
        if stored.version != run.version:
            raise TransientError("the run went on meanwhile")
        self._put(stored.model_copy(update={"progress": progress, "version": run.version + 1}))

    def save_verdict(self, run_id: str, verdict: Verdict, reason: str, at: float, key: str) -> bool:
        run = self._known(run_id)
        if run.verdict is not None:
            return False
        update = {"verdict": verdict, "verdict_reason": reason, "ended_at": at, "evidence": key}
        self._put(run.model_copy(update=update))
        return True

    def samples(self, run_id: str) -> list[Sample]:
        return [Sample.model_validate_json(t) for _, t in sorted(self.kept.get(run_id, {}).items())]

    def looks(self, run_id: str) -> list[CanaryLook]:
        kept = sorted(self.kept.get(run_id, {}).items())
        return [CanaryLook.model_validate_json(text) for _, text in kept]

    def add_event(self, run_id: str, event: Event) -> None:
        self.timeline.setdefault(run_id, {})[event.at, event.what] = event.model_dump_json()
        self.writes += 1

    def events(self, run_id: str) -> list[Event]:
        found = map(Event.model_validate_json, self.timeline.get(run_id, {}).values())
        return sorted(found, key=lambda e: e.at)

    def open_undo(self, run: AnyRun, what: Sequence[str], now: float) -> None:
        lease = self._mine(run)
        run_id = run.plan.run_id
        over = run_id not in self.open or self._known(run_id).verdict is not None
        if over or run_id in self.acted:
            raise LeaseLost("the run may not act any more")
        if any(self.ledger.get((run_id, n), _OPEN).state == "undone" for n in what):
            raise LeaseLost("the ledger changed meanwhile")
        for name in what:
            record = UndoRecord.model_validate({"what": name, "state": "open", "opened_at": now})
            self.ledger[run_id, name] = record
        lease.owes = True
        self.writes += 1

    def end_acts(self, run_id: str) -> None:
        if run_id in self.runs:
            self.acted.add(run_id)
            self.writes += 1

    def close_undo(self, run_id: str, what: str, now: float, found: str) -> bool:
        if self.ledger[run_id, what].state != "open":
            return False
        update = {"state": "undone", "verified_at": now, "found": found}
        self.ledger[run_id, what] = self.ledger[run_id, what].model_copy(update=update)
        self.writes += 1
        return True

    def undo_records(self, run_id: str) -> list[UndoRecord]:
        return [record for (run, _), record in self.ledger.items() if run == run_id]

    def open_runs(self) -> list[str]:
        return sorted(self.open)

    def workloads_with_open_undo(self) -> dict[str, str]:
        return {
            self._known(run_id).plan.workload: run_id
            for (run_id, _), record in self.ledger.items()
            if record.state == "open" and run_id in self.open
        }

    def recent(self, limit: int) -> list[AnyRun]:
        runs = [self._known(run_id) for run_id in self.runs]
        return sorted(runs, key=lambda r: -r.plan.started_at)[:limit]

    def _put(self, run: AnyRun) -> None:
        self.runs[run.plan.run_id] = run.model_dump_json()
        self.writes += 1

    def _known(self, run_id: str) -> AnyRun:
        text = self.runs[run_id]
        kind = CanaryRun if json.loads(text)["plan"]["kind"] == "canary" else Run
        return kind.model_validate_json(text)

    def _mine(self, run: AnyRun) -> Lease:
        lease = self.leases.get(run.plan.held)
        if lease is None or lease.run_id != run.plan.run_id:
            raise LeaseLost(f"run {run.plan.run_id} lost workload {run.plan.held}")
        return lease


_OPEN = UndoRecord(what="fis-template", state="open", opened_at=0.0)
