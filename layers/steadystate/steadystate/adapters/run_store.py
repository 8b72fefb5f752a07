"""Runs, leases, samples and the undo ledger in one DynamoDB table.

    pk               sk                what
    WORKLOAD#<name>  LEASE             run_id, since, expires_at; `owes` since an undo was opened;
                                       <name>/<canary> for the run of a chaos gate
    RUN#<id>         RUN               plan, baseline, progress, version, verdict…; `open` until
                                       closed; `acted` once its undo began
    RUN#<id>         SAMPLE#<number>   one look of an experiment
    RUN#<id>         LOOK#<number>     one look of a canary
    RUN#<id>         UNDO#<what>       state, opened_at, verified_at, seen
    RUN#<id>         EVENT#<at>#<what> one line of the timeline

Indexes: `by-time` (kind, started_at) lists runs; `open` (open, started_at) holds open runs alone.

What proves ownership is the lease's `run_id`, checked in the same transaction as every write that
only the owner may make. A lease that `owes` an undo never passes to another run by expiry: it ends
when the ledger is closed. So a run that wakes late finds its lease gone, or nobody in its place.
"""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from steadystate.adapters.table import Item, Table, number, text
from steadystate.canary_contracts import (
    AnyRun,
    CanaryLook,
    CanaryPlan,
    CanaryProgress,
    CanaryRun,
)
from steadystate.contracts import Event, Plan, Progress, Run, Sample, UndoRecord
from steadystate.domain.verdict import Verdict
from steadystate.errors import (
    LeaseLost,
    PreflightFailed,
    TransientError,
    UndoIncomplete,
    WorkloadBusy,
)

R = TypeVar("R", Run, CanaryRun)

KEPT_SECONDS: Final = 90 * 86_400
"""How long the table keeps a run; its evidence stays in the bucket."""

MINE: Final = "run_id = :run"
FREE: Final = "attribute_not_exists(pk) OR (expires_at < :now AND attribute_not_exists(owes))"
UNJUDGED: Final = "attribute_not_exists(verdict)"
_YES: Final = {":yes": {"BOOL": True}}


class TableRunStore:
    """The port RunStore on DynamoDB."""

    def __init__(self, table: str) -> None:
        self._table = Table(table)

    def begin(self, run: AnyRun, lease_until: float) -> None:
        """Write the run and take the lease in one transaction."""
        plan = run.plan
        now = plan.started_at
        lease = {
            **_lease_key(plan.held),
            "run_id": text(plan.run_id),
            "since": number(now),
            "expires_at": number(lease_until),
        }
        item = {
            **_key(plan.run_id, "RUN"),
            "kind": text("RUN"),
            "open": text("RUN"),
            "started_at": number(now),
            "workload": text(plan.workload),
            "plan": text(plan.model_dump_json()),
            "baseline": text(_dump(run.baseline)),
            "progress": text(run.progress.model_dump_json()),
            "version": number(run.version),
            "expires": number(int(now + KEPT_SECONDS)),
        }
        refused = self._table.transact(
            [
                self._table.putting(lease, FREE, {":now": number(now)}),
                self._table.putting(item, "attribute_not_exists(pk)"),
                *self._holding_still(plan),
            ]
        )
        if refused and self.get(plan.run_id) is None:
            if max(refused) > 1:
                raise PreflightFailed(
                    f"canary {_within(plan)} does not hold {plan.workload} any more"
                )
            holder = self._holding(plan.held) or "a run that began at the same moment"
            raise WorkloadBusy(f"workload {plan.held} is held by {holder}")

    def _holding_still(self, plan: Plan | CanaryPlan) -> list[Item]:
        """Return the conditions under which a run may begin within a canary: it holds the workload,
        and nobody has begun to undo it, so that its undo waits for every run within it."""
        canary = _within(plan)
        if canary is None:
            return []
        lease = _lease_key(plan.workload)
        return [self._table.checking(lease, MINE, {":run": text(canary)}), self._going_on(canary)]

    def _going_on(self, run_id: str) -> Item:
        return self._table.checking(
            _key(run_id, "RUN"),
            f"attribute_exists(#open) AND attribute_not_exists(acted) AND {UNJUDGED}",
            names={"#open": "open"},
        )

    def holder(self, workload: str, now: float) -> str | None:
        """Say who holds a workload."""
        lease = self._table.get(_lease_key(workload))
        if not lease or float(lease["expires_at"]["N"]) < now:
            return None
        return self._holding(workload)

    def _holding(self, workload: str) -> str | None:
        lease = self._table.get(_lease_key(workload))
        if not lease:
            return None
        since = datetime.fromtimestamp(float(lease["since"]["N"]), UTC)
        owes = ", which still has something to undo" if "owes" in lease else ""
        return f"run {lease['run_id']['S']} since {since:%Y-%m-%d %H:%M:%S} UTC{owes}"

    def renew_lease(self, run: AnyRun, until: float) -> None:
        """Keep the lease, if the run still has it."""
        held = self._table.update(
            _lease_key(run.plan.held),
            "SET expires_at = :until",
            MINE,
            {":until": number(until), ":run": text(run.plan.run_id)},
        )
        if not held:
            raise LeaseLost(f"run {run.plan.run_id} lost workload {run.plan.held}")

    def lease_until(self, held: str, run_id: str) -> float | None:
        """Return until when the run has the lease."""
        lease = self._table.get(_lease_key(held))
        if lease is None or lease["run_id"]["S"] != run_id:
            return None
        return float(lease["expires_at"]["N"])

    def release_lease(self, run_id: str) -> bool:
        """Close the run and give its lease back, both or none; refused while its ledger is open.

        An undo that is opened after the ledger was read changes the lease's `owes`, so that the
        run is not closed on top of it.
        """
        run = self.get(run_id)
        if run is None:
            return False
        key = _lease_key(run.plan.held)
        lease = self._table.get(key)
        left = [r.what for r in self.undo_records(run_id) if r.state == "open"]
        if left:
            raise UndoIncomplete(f"run {run_id} still has to undo {', '.join(left)}")
        closing = (_key(run_id, "RUN"), "REMOVE #open", "attribute_exists(pk)", None)
        names = {"#open": "open"}
        if lease is None or lease["run_id"]["S"] != run_id:
            self._table.update(*closing, names)
            return False
        unchanged, values = "attribute_not_exists(owes)", {":run": text(run_id)}
        if "owes" in lease:
            unchanged, values = "owes = :owes", values | {":owes": lease["owes"]}
        if self._table.transact(
            [
                self._table.deleting(key, f"{MINE} AND {unchanged}", values),
                self._table.changing(*closing, names),
            ]
        ):
            raise TransientError(f"the lease of run {run_id} changed meanwhile")
        return True

    def get(self, run_id: str) -> AnyRun | None:
        """Return a run."""
        item = self._table.get(_key(run_id, "RUN"))
        return _run(item) if item else None

    def keep_look(
        self, run: R, progress: Progress | CanaryProgress, look: Sample | CanaryLook | None = None
    ) -> R:
        """Keep what the lease's holder saw: progress and look in one write."""
        run_id = run.plan.run_id
        holding = self._table.checking(_lease_key(run.plan.held), MINE, {":run": text(run_id)})
        key, change, condition, values = _following(run, progress)
        writes = [
            holding,
            self._table.changing(key, change, f"{condition} AND {UNJUDGED}", values),
        ]
        if look is not None:
            name = f"{'SAMPLE' if isinstance(look, Sample) else 'LOOK'}#{look.look:06d}"
            writes.append(self._table.putting(_document(run_id, name, look.model_dump_json())))
        refused = self._table.transact(writes)
        if 0 in refused:
            raise LeaseLost(f"run {run_id} lost workload {run.plan.held}")
        if refused:
            self._say_why_stale(run_id)
        return run.model_copy(update={"progress": progress, "version": run.version + 1})

    def save_progress(self, run: AnyRun, progress: Progress | CanaryProgress) -> None:
        """Keep the progress that an undo made, whoever holds the lease."""
        if not self._table.update(*_following(run, progress)):
            self._say_why_stale(run.plan.run_id)

    def _say_why_stale(self, run_id: str) -> None:
        """Raise what it means that a write did not follow what it was based on."""
        stored = self.get(run_id)
        if stored is None or stored.verdict is not None:
            raise LeaseLost(f"run {run_id} is over, so nothing more is kept of it")
        raise TransientError(f"run {run_id} went on meanwhile; look again")

    def save_verdict(self, run_id: str, verdict: Verdict, reason: str, at: float, key: str) -> bool:
        """Keep the first verdict."""
        return self._table.update(
            _key(run_id, "RUN"),
            "SET verdict = :verdict, verdict_reason = :reason, ended_at = :at, evidence = :key",
            f"attribute_exists(pk) AND {UNJUDGED}",
            {
                ":verdict": text(verdict),
                ":reason": text(reason),
                ":at": number(at),
                ":key": text(key),
            },
        )

    def samples(self, run_id: str) -> list[Sample]:
        """Return all samples."""
        return [Sample.model_validate_json(d) for d in self._documents(run_id, "SAMPLE#")]

    def looks(self, run_id: str) -> list[CanaryLook]:
        """Return all looks."""
        return [CanaryLook.model_validate_json(d) for d in self._documents(run_id, "LOOK#")]

    def add_event(self, run_id: str, event: Event) -> None:
        """Add to the timeline."""
        name = f"EVENT#{event.at:017.6f}#{event.what}"
        self._table.put(_document(run_id, name, event.model_dump_json()))

    def events(self, run_id: str) -> list[Event]:
        """Return the timeline."""
        return [Event.model_validate_json(d) for d in self._documents(run_id, "EVENT#")]

    def open_undo(self, run: AnyRun, what: Sequence[str], now: float) -> None:
        """Write the records, if the run holds its lease, goes on, and has not undone already.

        The lease then `owes`: only closing the run gives the workload away.
        """
        run_id = run.plan.run_id
        owing = self._table.changing(
            _lease_key(run.plan.held),
            "SET owes = :at",
            MINE,
            {":run": text(run_id), ":at": number(now)},
        )
        records = [
            self._table.putting(
                {
                    **_key(run_id, f"UNDO#{name}"),
                    "undo_state": text("open"),
                    "opened_at": number(now),
                    "expires": number(int(now + KEPT_SECONDS)),
                },
                "attribute_not_exists(pk) OR undo_state = :open",
                {":open": text("open")},
            )
            for name in what
        ]
        if self._table.transact([owing, self._going_on(run_id), *records]):
            raise LeaseLost(f"run {run_id} lost its workload, or was undone: it may not act")

    def end_acts(self, run_id: str) -> None:
        """Refuse every undo that would be opened from now on: nothing more may be done."""
        self._table.update(_key(run_id, "RUN"), "SET acted = :yes", "attribute_exists(pk)", _YES)

    def close_undo(self, run_id: str, what: str, now: float, found: str) -> bool:
        """Close a record; of several undos at once, the first one does."""
        return self._table.update(
            _key(run_id, f"UNDO#{what}"),
            "SET undo_state = :done, verified_at = :at, seen = :seen",
            "undo_state = :open",
            {
                ":open": text("open"),
                ":done": text("undone"),
                ":at": number(now),
                ":seen": text(found),
            },
        )

    def undo_records(self, run_id: str) -> list[UndoRecord]:
        """Return the ledger."""
        return [
            UndoRecord(
                what=item["sk"]["S"].removeprefix("UNDO#"),
                state=item["undo_state"]["S"],
                opened_at=float(item["opened_at"]["N"]),
                verified_at=float(item["verified_at"]["N"]) if "verified_at" in item else None,
                found=item.get("seen", {}).get("S", ""),
            )
            for item in self._table.items(f"RUN#{run_id}", "UNDO#")
        ]

    def open_runs(self) -> list[str]:
        """Return the ids of open runs."""
        return [_run_id(item) for item in self._table.index("open", "open", "RUN")]

    def workloads_with_open_undo(self) -> dict[str, str]:
        """Return run ids with an open undo by workload."""
        return {
            item["workload"]["S"]: _run_id(item)
            for item in self._table.index("open", "open", "RUN")
            if any(r.state == "open" for r in self.undo_records(_run_id(item)))
        }

    def recent(self, limit: int) -> list[AnyRun]:
        """Return the latest runs."""
        return [_run(item) for item in self._table.index("by-time", "kind", "RUN", limit)]

    def _documents(self, run_id: str, prefix: str) -> list[str]:
        return [item["document"]["S"] for item in self._table.items(f"RUN#{run_id}", prefix)]


def _key(run_id: str, sk: str) -> Item:
    return {"pk": text(f"RUN#{run_id}"), "sk": text(sk)}


def _lease_key(held: str) -> Item:
    return {"pk": text(f"WORKLOAD#{held}"), "sk": text("LEASE")}


def _within(plan: Plan | CanaryPlan) -> str | None:
    """Return the canary whose chaos gate a run is; None where it is none."""
    return plan.within if isinstance(plan, Plan) else None


def _run_id(item: Item) -> str:
    return str(item["pk"]["S"]).removeprefix("RUN#")


def _following(run: AnyRun, progress: Progress | CanaryProgress) -> tuple[Item, str, str, Item]:
    """Return the update that follows the progress which the run was read with, and no other."""
    values = {
        ":progress": text(progress.model_dump_json()),
        ":seen": number(run.version),
        ":next": number(run.version + 1),
    }
    return (
        _key(run.plan.run_id, "RUN"),
        "SET progress = :progress, version = :next",
        "version = :seen",
        values,
    )


def _document(run_id: str, sk: str, document: str) -> Item:
    return {
        **_key(run_id, sk),
        "document": text(document),
        "expires": number(int(time.time() + KEPT_SECONDS)),
    }


def _dump(baseline: Any) -> str:
    return json.dumps({name: b.model_dump() for name, b in baseline.items()})


def _run(item: Item) -> AnyRun:
    plan, progress = item["plan"]["S"], item["progress"]["S"]
    rest: dict[str, Any] = {
        "baseline": json.loads(item["baseline"]["S"]),
        "version": int(item["version"]["N"]),
        "verdict": Verdict(item["verdict"]["S"]) if "verdict" in item else None,
        "verdict_reason": item.get("verdict_reason", {}).get("S", ""),
        "ended_at": float(item["ended_at"]["N"]) if "ended_at" in item else None,
        "evidence": item.get("evidence", {}).get("S", ""),
    }
    if json.loads(plan).get("kind") == "canary":
        return CanaryRun(
            plan=CanaryPlan.model_validate_json(plan),
            progress=CanaryProgress.model_validate_json(progress),
            **rest,
        )
    return Run(
        plan=Plan.model_validate_json(plan),
        progress=Progress.model_validate_json(progress),
        **rest,
    )
