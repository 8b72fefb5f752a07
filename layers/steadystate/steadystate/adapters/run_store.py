"""Runs, leases, samples and the undo ledger in one DynamoDB table.

    pk               sk                what
    WORKLOAD#<name>  LEASE             run_id, since, expires_at
    RUN#<id>         RUN               plan, baseline, progress, verdict…; `open` until closed
    RUN#<id>         SAMPLE#<number>   one look
    RUN#<id>         UNDO#<what>       state, opened_at, verified_at, seen
    RUN#<id>         EVENT#<at>#<what> one line of the timeline

Indexes: `by-time` (kind, started_at) lists runs; `open` (open, started_at) holds open runs alone.
Documents are JSON texts, so that floats stay floats.
"""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from steadystate.adapters.aws import client, code_of, passing_faults
from steadystate.contracts import Event, Plan, Progress, Run, Sample, UndoRecord
from steadystate.domain.verdict import Verdict
from steadystate.errors import LeaseLost, TransientError, UndoIncomplete, WorkloadBusy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS: Final = 90 * 86_400
"""How long the table keeps a run; its evidence stays in the bucket."""

MINE: Final = "run_id = :run"


class TableRunStore:
    """The port RunStore on DynamoDB."""

    def __init__(self, table: str) -> None:
        self._table = table

    @property
    def _db(self) -> "DynamoDBClient":
        return client("dynamodb")  # type: ignore[no-any-return]

    def begin(self, run: Run, lease_until: float) -> None:
        """Write the run and take the lease in one transaction."""
        plan = run.plan
        now = plan.started_at
        lease = {
            **_lease_key(plan.workload),
            "run_id": _s(plan.run_id),
            "since": _n(now),
            "expires_at": _n(lease_until),
        }
        item = {
            **_key(plan.run_id, "RUN"),
            "kind": _s("RUN"),
            "open": _s("RUN"),
            "started_at": _n(now),
            "workload": _s(plan.workload),
            "plan": _s(plan.model_dump_json()),
            "baseline": _s(_dump(run.baseline)),
            "progress": _s(run.progress.model_dump_json()),
            "expires": _n(int(now + KEPT_SECONDS)),
        }
        free = f"attribute_not_exists(pk) OR expires_at < :now OR {MINE}"
        values = {":now": _n(now), ":run": _s(plan.run_id)}
        try:
            self._transact(
                [
                    self._put(lease, free, values),
                    self._put(item, "attribute_not_exists(pk)", {}),
                ]
            )
        except LeaseLost:
            holder = self.holder(plan.workload, now) or "a run that began at the same moment"
            raise WorkloadBusy(f"workload {plan.workload} is held by {holder}") from None

    def holder(self, workload: str, now: float) -> str | None:
        """Say who holds a workload."""
        lease = self._get(_lease_key(workload))
        if not lease or float(lease["expires_at"]["N"]) < now:
            return None
        since = datetime.fromtimestamp(float(lease["since"]["N"]), UTC)
        return f"run {lease['run_id']['S']} since {since:%Y-%m-%d %H:%M:%S} UTC"

    def renew_lease(self, run: Run, until: float) -> None:
        """Keep the lease, if the run still has it."""
        try:
            with passing_faults():
                self._db.update_item(
                    TableName=self._table,
                    Key=_lease_key(run.plan.workload),
                    UpdateExpression="SET expires_at = :until",
                    ConditionExpression=MINE,
                    ExpressionAttributeValues={":until": _n(until), ":run": _s(run.plan.run_id)},
                )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            raise LeaseLost(f"run {run.plan.run_id} lost workload {run.plan.workload}") from None

    def release_lease(self, run_id: str) -> bool:
        """Close the run and give its lease back; refused while its ledger is open."""
        run = self.get(run_id)
        if run is None:
            return False
        left = [r.what for r in self.undo_records(run_id) if r.state == "open"]
        if left:
            raise UndoIncomplete(f"run {run_id} still has to undo {', '.join(left)}")
        try:
            with passing_faults():
                self._db.delete_item(
                    TableName=self._table,
                    Key=_lease_key(run.plan.workload),
                    ConditionExpression=MINE,
                    ExpressionAttributeValues={":run": _s(run_id)},
                )
            held = True
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            held = False
        self._update(run_id, "REMOVE #open", {"#open": "open"}, {})
        return held

    def get(self, run_id: str) -> Run | None:
        """Return a run."""
        item = self._get(_key(run_id, "RUN"))
        return _run(item) if item else None

    def save_progress(self, run_id: str, progress: Progress) -> None:
        """Keep the progress."""
        values = {":progress": _s(progress.model_dump_json())}
        self._update(run_id, "SET progress = :progress", {}, values)

    def save_verdict(self, run_id: str, verdict: Verdict, reason: str, at: float, key: str) -> None:
        """Keep the first verdict."""
        try:
            self._update(
                run_id,
                "SET verdict = :verdict, verdict_reason = :reason, ended_at = :at, evidence = :key",
                {},
                {":verdict": _s(verdict), ":reason": _s(reason), ":at": _n(at), ":key": _s(key)},
                "attribute_not_exists(verdict)",
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise

    def add_sample(self, run_id: str, sample: Sample) -> None:
        """Keep a sample; the same look written twice stays one."""
        self._document(run_id, f"SAMPLE#{sample.look:06d}", sample.model_dump_json())

    def samples(self, run_id: str) -> list[Sample]:
        """Return all samples."""
        return [Sample.model_validate_json(d) for d in self._documents(run_id, "SAMPLE#")]

    def add_event(self, run_id: str, event: Event) -> None:
        """Add to the timeline."""
        self._document(run_id, f"EVENT#{event.at:017.6f}#{event.what}", event.model_dump_json())

    def events(self, run_id: str) -> list[Event]:
        """Return the timeline."""
        return [Event.model_validate_json(d) for d in self._documents(run_id, "EVENT#")]

    def open_undo(self, run: Run, what: Sequence[str], now: float) -> None:
        """Write the records, if the run still holds its lease and has not been undone already."""
        run_id = run.plan.run_id
        mine: Any = {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": _lease_key(run.plan.workload),
                "ConditionExpression": MINE,
                "ExpressionAttributeValues": {":run": _s(run_id)},
            }
        }
        puts = [
            self._put(
                {
                    **_key(run_id, f"UNDO#{name}"),
                    "undo_state": _s("open"),
                    "opened_at": _n(now),
                    "expires": _n(int(now + KEPT_SECONDS)),
                },
                "attribute_not_exists(pk) OR undo_state = :open",
                {":open": _s("open")},
            )
            for name in what
        ]
        self._transact([mine, *puts])

    def close_undo(self, run_id: str, what: str, now: float, found: str) -> None:
        """Close a record."""
        with passing_faults():
            self._db.update_item(
                TableName=self._table,
                Key=_key(run_id, f"UNDO#{what}"),
                UpdateExpression="SET undo_state = :done, verified_at = :at, seen = :seen",
                ExpressionAttributeValues={
                    ":done": _s("undone"),
                    ":at": _n(now),
                    ":seen": _s(found),
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
            for item in self._items(run_id, "UNDO#")
        ]

    def open_runs(self) -> list[str]:
        """Return the ids of open runs."""
        items = self._index("open", "#k = :k", {"#k": "open"}, {":k": _s("RUN")})
        return [item["pk"]["S"].removeprefix("RUN#") for item in items]

    def workloads_with_open_undo(self) -> dict[str, str]:
        """Return run ids with an open undo by workload."""
        items = self._index("open", "#k = :k", {"#k": "open"}, {":k": _s("RUN")})
        found = {}
        for item in items:
            run_id = item["pk"]["S"].removeprefix("RUN#")
            if any(r.state == "open" for r in self.undo_records(run_id)):
                found[item["workload"]["S"]] = run_id
        return found

    def recent(self, limit: int) -> list[Run]:
        """Return the latest runs."""
        items = self._index("by-time", "kind = :k", {}, {":k": _s("RUN")}, limit)
        return [_run(item) for item in items]

    def _get(self, key: dict[str, Any]) -> dict[str, Any] | None:
        with passing_faults():
            answer = self._db.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def _put(self, item: dict[str, Any], condition: str, values: dict[str, Any]) -> Any:
        put = {"TableName": self._table, "Item": item, "ConditionExpression": condition}
        return {"Put": put | ({"ExpressionAttributeValues": values} if values else {})}

    def _transact(self, items: list[Any]) -> None:
        """Write all or nothing. Raises LeaseLost when a condition does not hold."""
        try:
            with passing_faults():
                self._db.transact_write_items(TransactItems=items)
        except ClientError as error:
            if code_of(error) != "TransactionCanceledException":
                raise
            reasons = {r.get("Code") for r in error.response.get("CancellationReasons", [])}
            if "ConditionalCheckFailed" in reasons:
                raise LeaseLost("the lease or the ledger changed meanwhile") from error
            raise TransientError(f"the table is busy: {sorted(map(str, reasons))}") from error

    def _update(
        self,
        run_id: str,
        expression: str,
        names: dict[str, str],
        values: dict[str, Any],
        condition: str = "attribute_exists(pk)",
    ) -> None:
        arguments: dict[str, Any] = {"ConditionExpression": condition}
        if names:
            arguments["ExpressionAttributeNames"] = names
        if values:
            arguments["ExpressionAttributeValues"] = values
        with passing_faults():
            self._db.update_item(
                TableName=self._table,
                Key=_key(run_id, "RUN"),
                UpdateExpression=expression,
                **arguments,
            )

    def _document(self, run_id: str, sk: str, document: str) -> None:
        item = {
            **_key(run_id, sk),
            "document": _s(document),
            "expires": _n(int(time.time() + KEPT_SECONDS)),
        }
        with passing_faults():
            self._db.put_item(TableName=self._table, Item=item)

    def _documents(self, run_id: str, prefix: str) -> list[str]:
        return [item["document"]["S"] for item in self._items(run_id, prefix)]

    def _items(self, run_id: str, prefix: str) -> list[dict[str, Any]]:
        with passing_faults():
            pages = self._db.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
                ExpressionAttributeValues={":pk": _s(f"RUN#{run_id}"), ":sk": _s(prefix)},
                ConsistentRead=True,
            )
            return [item for page in pages for item in page["Items"]]

    def _index(
        self,
        index: str,
        condition: str,
        names: dict[str, str],
        values: dict[str, Any],
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        arguments: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        if limit is not None:
            arguments["PaginationConfig"] = {"MaxItems": limit}
        with passing_faults():
            pages = self._db.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=index,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                **arguments,
            )
            return [item for page in pages for item in page["Items"]]


def _key(run_id: str, sk: str) -> dict[str, Any]:
    return {"pk": _s(f"RUN#{run_id}"), "sk": _s(sk)}


def _lease_key(workload: str) -> dict[str, Any]:
    return {"pk": _s(f"WORKLOAD#{workload}"), "sk": _s("LEASE")}


def _s(value: str) -> dict[str, str]:
    return {"S": str(value)}


def _n(value: float) -> dict[str, str]:
    return {"N": repr(value)}


def _dump(baseline: Any) -> str:
    return json.dumps({name: b.model_dump() for name, b in baseline.items()})


def _run(item: dict[str, Any]) -> Run:
    return Run(
        plan=Plan.model_validate_json(item["plan"]["S"]),
        baseline=json.loads(item["baseline"]["S"]),
        progress=Progress.model_validate_json(item["progress"]["S"]),
        verdict=Verdict(item["verdict"]["S"]) if "verdict" in item else None,
        verdict_reason=item.get("verdict_reason", {}).get("S", ""),
        ended_at=float(item["ended_at"]["N"]) if "ended_at" in item else None,
        evidence=item.get("evidence", {}).get("S", ""),
    )
