"""The history of all runs, in the table of runs, without an expiry.

    pk                  sk                what
    HISTORY#<workload>  <started>#<run>   what is kept of a run, as a JSON text

The index `by-time` lists the runs of all workloads under the kind HISTORY.
"""

from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from steadystate.adapters.aws import client, passing_faults
from steadystate.domain.trend import RunRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RECORD: Final = TypeAdapter(RunRecord)


class TableHistory:
    """The port History on DynamoDB."""

    def __init__(self, table: str) -> None:
        self._table = table

    def record(self, record: RunRecord) -> None:
        """Keep a run; its key follows from the run, so that it is kept once."""
        db: DynamoDBClient = client("dynamodb")
        with passing_faults():
            db.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": f"HISTORY#{record.workload}"},
                    "sk": {"S": f"{record.started_at:017.6f}#{record.run_id}"},
                    "kind": {"S": "HISTORY"},
                    "started_at": {"N": repr(record.started_at)},
                    "document": {"S": _RECORD.dump_json(record).decode()},
                },
            )

    def of(self, workload: str, limit: int) -> list[RunRecord]:
        """Return the latest runs of a workload."""
        return self._query({}, "pk = :wanted", f"HISTORY#{workload}", limit)

    def latest(self, limit: int) -> list[RunRecord]:
        """Return the latest runs of all workloads."""
        return self._query({"IndexName": "by-time"}, "kind = :wanted", "HISTORY", limit)

    def _query(
        self, where: dict[str, Any], condition: str, wanted: str, limit: int
    ) -> list[RunRecord]:
        db: DynamoDBClient = client("dynamodb")
        with passing_faults():
            pages = db.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues={":wanted": {"S": wanted}},
                ScanIndexForward=False,
                PaginationConfig={"MaxItems": limit},
                **where,
            )
            return [
                _RECORD.validate_json(item["document"]["S"])
                for page in pages
                for item in page["Items"]
            ]
