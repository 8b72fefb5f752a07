"""One DynamoDB table: items by key, all pages, and writes that are conditional or refused.

Documents are JSON texts, so that floats stay floats.
"""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from steadystate.adapters.aws import client, code_of, passing_faults
from steadystate.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]


def text(value: str) -> dict[str, str]:
    """Return a string as the table takes it."""
    return {"S": str(value)}


def number(value: float) -> dict[str, str]:
    """Return a number as the table takes it, to the last digit."""
    return {"N": repr(value)}


class Table:
    """A table of the stack. Throttling and lost connections are TransientError."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def _db(self) -> "DynamoDBClient":
        return client("dynamodb")  # type: ignore[no-any-return]

    def get(self, key: Item) -> Item | None:
        """Return an item as it is now."""
        with passing_faults():
            answer = self._db.get_item(TableName=self.name, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def put(self, item: Item) -> None:
        """Write an item over what is there."""
        with passing_faults():
            self._db.put_item(TableName=self.name, Item=item)

    def update(
        self,
        key: Item,
        change: str,
        condition: str,
        values: Item | None = None,
        names: dict[str, str] | None = None,
    ) -> bool:
        """Change an item; return whether the condition held."""
        try:
            with passing_faults():
                self._db.update_item(
                    TableName=self.name,
                    Key=key,
                    UpdateExpression=change,
                    **_condition(condition, values, names),
                )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def transact(self, writes: list[Any]) -> list[int]:
        """Write all or nothing; return the positions of the conditions that did not hold.

        Raises
        ------
        TransientError
            Another transaction was at work on the same items, or the table throttles.
        """
        try:
            with passing_faults():
                self._db.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if code_of(error) != "TransactionCanceledException":
                raise
            reasons = [r.get("Code") for r in error.response.get("CancellationReasons", [])]
            refused = [n for n, code in enumerate(reasons) if code == "ConditionalCheckFailed"]
            if refused:
                return refused
            raise TransientError(f"the table is busy: {sorted(map(str, reasons))}") from error
        return []

    def putting(self, item: Item, condition: str = "", values: Item | None = None) -> Item:
        """Return a Put for a transaction."""
        return {"Put": {"TableName": self.name, "Item": item} | _condition(condition, values)}

    def changing(
        self,
        key: Item,
        change: str,
        condition: str,
        values: Item | None = None,
        names: dict[str, str] | None = None,
    ) -> Item:
        """Return an Update for a transaction."""
        update = {"TableName": self.name, "Key": key, "UpdateExpression": change}
        return {"Update": update | _condition(condition, values, names)}

    def checking(
        self,
        key: Item,
        condition: str,
        values: Item | None = None,
        names: dict[str, str] | None = None,
    ) -> Item:
        """Return a ConditionCheck for a transaction."""
        check = {"TableName": self.name, "Key": key}
        return {"ConditionCheck": check | _condition(condition, values, names)}

    def deleting(self, key: Item, condition: str, values: Item) -> Item:
        """Return a Delete for a transaction."""
        return {"Delete": {"TableName": self.name, "Key": key} | _condition(condition, values)}

    def items(self, pk: str, prefix: str) -> list[Item]:
        """Return the items below a partition key whose sort key begins so, in its order."""
        with passing_faults():
            pages = self._db.get_paginator("query").paginate(
                TableName=self.name,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
                ExpressionAttributeValues={":pk": text(pk), ":sk": text(prefix)},
                ConsistentRead=True,
            )
            return [item for page in pages for item in page["Items"]]

    def index(self, index: str, attribute: str, value: str, limit: int | None = None) -> list[Item]:
        """Return the items of an index, the latest first."""
        arguments: Item = {} if limit is None else {"PaginationConfig": {"MaxItems": limit}}
        with passing_faults():
            pages = self._db.get_paginator("query").paginate(
                TableName=self.name,
                IndexName=index,
                KeyConditionExpression="#k = :k",
                ExpressionAttributeNames={"#k": attribute},
                ExpressionAttributeValues={":k": text(value)},
                ScanIndexForward=False,
                **arguments,
            )
            return [item for page in pages for item in page["Items"]]


def _condition(
    condition: str, values: Item | None, names: dict[str, str] | None = None
) -> dict[str, Any]:
    arguments: Item = {"ConditionExpression": condition} if condition else {}
    if names:
        arguments["ExpressionAttributeNames"] = names
    if values:
        arguments["ExpressionAttributeValues"] = values
    return arguments
