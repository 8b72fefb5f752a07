"""DynamoDB of the account: conditional writes, and queries of one partition."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from lab.account.seams.tables import _partition
from tests.lab.account.conftest import Account

CONTENDERS = 12
ROUNDS = 4


def winners(attempt: Callable[[int], None]) -> int:
    """Let all attempt at the same moment; how many were let through."""
    start, won = threading.Barrier(CONTENDERS), []

    def contend(number: int) -> None:
        start.wait()
        try:
            attempt(number)
        except ClientError as error:
            assert error.response["Error"]["Code"] in (
                "ConditionalCheckFailedException",
                "TransactionCanceledException",
            )
        else:
            won.append(number)

    threads = [threading.Thread(target=contend, args=(n,)) for n in range(CONTENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(won)


def test_of_many_conditional_writes_at_the_same_moment_exactly_one_wins(account: Account) -> None:
    tables = account.client("dynamodb")
    tables.create_table(
        TableName="contended",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    for round_number in range(ROUNDS):

        def put(number: int, key: str = f"put-{round_number}") -> None:
            tables.put_item(
                TableName="contended",
                Item={"pk": {"S": key}, "by": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(pk)",
            )

        def transact(number: int, key: str = f"transact-{round_number}") -> None:
            item = {"pk": {"S": key}, "by": {"N": str(number)}}
            condition = "attribute_not_exists(pk)"
            write = {"TableName": "contended", "Item": item, "ConditionExpression": condition}
            tables.transact_write_items(TransactItems=[{"Put": write}])

        assert winners(put) == 1
        assert winners(transact) == 1


def test_a_transaction_that_is_refused_leaves_every_item_as_it_was(account: Account) -> None:
    tables = account.client("dynamodb")
    tables.create_table(
        TableName="taken-back",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )

    def key(name: str) -> dict[str, Any]:
        return {"pk": {"S": "p"}, "sk": {"S": name}}

    kept = [key(name) | {"v": {"N": "1"}} for name in ("deleted", "put", "updated")]
    for item in kept:
        tables.put_item(TableName="taken-back", Item=item)
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        tables.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "taken-back", "Item": key("put") | {"v": {"N": "2"}}}},
                {"Put": {"TableName": "taken-back", "Item": key("new")}},
                {"Delete": {"TableName": "taken-back", "Key": key("deleted")}},
                {
                    "Update": {
                        "TableName": "taken-back",
                        "Key": key("updated"),
                        "UpdateExpression": "SET v = :two",
                        "ExpressionAttributeValues": {":two": {"N": "2"}},
                    }
                },
                {
                    "ConditionCheck": {
                        "TableName": "taken-back",
                        "Key": key("nothing"),
                        "ConditionExpression": "attribute_exists(pk)",
                    }
                },
            ]
        )
    assert tables.scan(TableName="taken-back")["Items"] == kept


ROOMS, MESSAGES = 3, 7


@pytest.fixture(scope="module")
def messages(account: Account) -> str:
    """A table of messages like the chat's, with a local and a global index."""
    tables = account.client("dynamodb")
    everything = {"ProjectionType": "ALL"}

    def key(first: str, second: str) -> list[dict[str, str]]:
        return [
            {"AttributeName": first, "KeyType": "HASH"},
            {"AttributeName": second, "KeyType": "RANGE"},
        ]

    tables.create_table(
        TableName="messages",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in {"room": "S", "at": "N", "user": "S", "seq": "N"}.items()
        ],
        KeySchema=key("room", "at"),
        LocalSecondaryIndexes=[
            {"IndexName": "by-seq", "KeySchema": key("room", "seq"), "Projection": everything}
        ],
        GlobalSecondaryIndexes=[
            {"IndexName": "by-user", "KeySchema": key("user", "at"), "Projection": everything}
        ],
    )
    for room in range(ROOMS):
        for number in range(MESSAGES):
            item = {
                "room": {"S": f"room-{room}"},
                "at": {"N": str(100 + number)},
                "seq": {"N": str(MESSAGES - number)},
                "text": {"S": f"{room}.{number}"},
            }
            user = {} if number == 0 else {"user": {"S": f"user-{number % 2}"}}
            tables.put_item(TableName="messages", Item=item | user)
    return "messages"


def texts(answer: dict[str, Any]) -> list[str]:
    return [item["text"]["S"] for item in answer["Items"]]


@pytest.fixture
def ask(account: Account, messages: str) -> Callable[..., Any]:
    """Query with the condition's text and its values."""

    def query(condition: str, values: dict[str, Any], **more: Any) -> Any:
        return account.client("dynamodb").query(
            TableName=messages,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            **more,
        )

    return query


ROOM = {":room": {"S": "room-1"}}


def test_a_query_gives_its_partition_in_the_order_of_the_sort_key(ask: Callable[..., Any]) -> None:
    forward = [f"1.{n}" for n in range(MESSAGES)]
    assert texts(ask("room = :room", ROOM)) == forward
    assert texts(ask("room = :room", ROOM, ScanIndexForward=False)) == forward[::-1]
    assert texts(ask("room = :room", {":room": {"S": "none"}})) == []
    later = ROOM | {":after": {"N": "103"}}
    assert texts(ask("room = :room AND #at > :after", later, ExpressionAttributeNames=AT)) == [
        "1.4",
        "1.5",
        "1.6",
    ]


AT = {"#at": "at"}


def test_a_query_of_an_index_goes_by_the_indexs_keys(ask: Callable[..., Any]) -> None:
    by_seq = ask("room = :room AND seq <= :last", ROOM | {":last": {"N": "3"}}, IndexName="by-seq")
    assert texts(by_seq) == ["1.6", "1.5", "1.4"]
    by_user = ask("#user = :user", {":user": {"S": "user-1"}}, IndexName="by-user", **USER)
    assert sorted(texts(by_user)) == [f"{r}.{n}" for r in range(ROOMS) for n in (1, 3, 5)]
    assert [item["at"]["N"] for item in by_user["Items"]] == sorted(["101", "103", "105"] * ROOMS)


USER = {"ExpressionAttributeNames": {"#user": "user"}}


@pytest.mark.parametrize("index", [None, "by-seq"])
def test_pages_of_a_query_join_to_the_whole(ask: Callable[..., Any], index: str | None) -> None:
    more: dict[str, Any] = {"IndexName": index} if index else {}
    whole, pages, start = texts(ask("room = :room", ROOM, **more)), list[str](), dict[str, Any]()
    while True:
        page = ask("room = :room", ROOM, Limit=2, **more, **start)
        assert len(page["Items"]) <= 2
        pages += texts(page)
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert pages == whole
    assert len(whole) == MESSAGES


def test_a_filter_and_a_prefix_hold_within_the_partition(
    account: Account, ask: Callable[..., Any]
) -> None:
    values = ROOM | {":text": {"S": "1.5"}}
    names = {"ExpressionAttributeNames": {"#text": "text"}}
    assert texts(ask("room = :room", values, FilterExpression="#text >= :text", **names)) == [
        "1.5",
        "1.6",
    ]
    tables = account.client("dynamodb")
    tables.create_table(
        TableName="prefixed",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    for partition in ("a", "b"):
        for sort in ("run#1", "run#2", "plan"):
            tables.put_item(TableName="prefixed", Item={"pk": {"S": partition}, "sk": {"S": sort}})
    found = tables.query(
        TableName="prefixed",
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": "a"}, ":sk": {"S": "run#"}},
    )
    assert [item["sk"]["S"] for item in found["Items"]] == ["run#1", "run#2"]


def test_a_query_sorts_no_other_partition() -> None:
    """By count, not by the clock: the items that moto's own Query is given to sort."""
    table: Any = Table.__new__(Table)
    table.hash_key_attr, table.range_key_attr = "room", "at"
    table.global_indexes, table.indexes = [], []
    table.items = {
        DynamoType({"S": room}): {
            DynamoType({"N": str(n)}): Item(
                DynamoType({"S": room}),
                DynamoType({"N": str(n)}),
                {"room": {"S": room}, "at": {"N": str(n)}},
            )
            for n in range(5)
        }
        for room in ("one", "other")
    }
    view = _partition(table, DynamoType({"S": "one"}), None, {})
    assert [len(partition) for partition in view.values()] == [5]
    assert len(table.items) == 2
    of_index = _partition(table, None, "by-at", {"at": DynamoType({"N": "3"})})
    assert [len(partition) for partition in of_index.values()] == [1, 1]
