"""Conditional writes of the account's DynamoDB."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

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
    # moto copies a whole table for a transaction: with rows in it, contenders really meet.
    with ThreadPoolExecutor(4) as fill:
        rows = [{"pk": {"S": f"row-{n}"}, "text": {"S": "x" * 200}} for n in range(400)]
        list(fill.map(lambda row: tables.put_item(TableName="contended", Item=row), rows))
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
