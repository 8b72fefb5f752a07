"""`python -m chat.tables`: create the tables where no stack does it (DynamoDB Local, tests).

They are those of template.yaml; running it again changes nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import boto3

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

USER_INDEX: Final = "userId-timestamp-index"
SEQUENCE_INDEX: Final = "roomId-seq-index"
CONNECTION_USER_INDEX: Final = "userId-index"


def _keys(partition: str, sort: str | None = None) -> list[dict[str, str]]:
    keys = [{"AttributeName": partition, "KeyType": "HASH"}]
    return keys + ([{"AttributeName": sort, "KeyType": "RANGE"}] if sort else [])


def _index(name: str, *keys: str) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": _keys(*keys),
        "Projection": {"ProjectionType": "ALL"},
    }


def _attributes(**kinds: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()]


TABLES: Final[dict[str, dict[str, Any]]] = {
    "messages": {
        "KeySchema": _keys("roomId", "timestamp"),
        "AttributeDefinitions": _attributes(roomId="S", timestamp="N", userId="S", seq="N"),
        "GlobalSecondaryIndexes": [_index(USER_INDEX, "userId", "timestamp")],
        "LocalSecondaryIndexes": [_index(SEQUENCE_INDEX, "roomId", "seq")],
    },
    "connections": {
        "KeySchema": _keys("connectionId"),
        "AttributeDefinitions": _attributes(connectionId="S", userId="S"),
        "GlobalSecondaryIndexes": [_index(CONNECTION_USER_INDEX, "userId")],
    },
    "user-counter": {
        "KeySchema": _keys("counterId"),
        "AttributeDefinitions": _attributes(counterId="S"),
    },
}


def create(prefix: str) -> list[str]:
    """Create the tables that are missing; returns their names."""
    client: DynamoDBClient = boto3.client("dynamodb")
    made = []
    for name, definition in TABLES.items():
        try:
            client.create_table(
                TableName=prefix + name, BillingMode="PAY_PER_REQUEST", **definition
            )
        except client.exceptions.ResourceInUseException:
            continue
        client.get_waiter("table_exists").wait(
            TableName=prefix + name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        made.append(prefix + name)
    return made


if __name__ == "__main__":
    for made in create(os.environ.get("CHAT_TABLE_PREFIX", "chat-")):
        print(made)
