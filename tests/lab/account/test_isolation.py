"""DynamoDB's calls follow one another: nobody comes between what a write reads and what it writes.

By order, not by chance: the first write is held where it has read and not yet written, until the
second one has either waited for it or overtaken it.
"""

import threading
from collections.abc import Callable
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from moto.dynamodb.exceptions import ConditionalCheckFailed, TransactionCanceledException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

from lab.account.seams import tables

KEY = {"pk": {"S": "k"}}
FREE = "attribute_not_exists(holder)"
Write = Callable[[DynamoDBBackend, str], Any]


def put(backend: DynamoDBBackend, who: str) -> None:
    backend.put_item("t", KEY | {"holder": {"S": who}}, condition_expression=FREE)


def update(backend: DynamoDBBackend, who: str) -> None:
    values = {":who": {"S": who}}
    backend.update_item("t", KEY, "SET holder = :who", {}, values, condition_expression=FREE)


def transact(backend: DynamoDBBackend, who: str) -> None:
    item = {"TableName": "t", "Item": KEY | {"holder": {"S": who}}, "ConditionExpression": FREE}
    backend.transact_write_items([{"Put": item}])


def delete(backend: DynamoDBBackend, _who: str) -> None:
    backend.delete_item("t", KEY, condition_expression="attribute_exists(pk)")


class Noticing:
    """A lock that tells when somebody has to wait for it."""

    def __init__(self, noticed: threading.Event) -> None:
        self._lock, self._noticed = threading.RLock(), noticed

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._noticed.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Contest:
    """A table with one item, and two who write it."""

    def __init__(self) -> None:
        self.came = threading.Event()  # the second one waits, or is through
        self.won: list[str] = []
        self.backend = DynamoDBBackend("ap-northeast-2", "123456789012")
        self.backend.create_table(
            name="t",
            schema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            throughput=None,
            attr=[{"AttributeName": "pk", "AttributeType": "S"}],
            global_indexes=None,
            indexes=None,
            streams=None,
            billing_mode="PAY_PER_REQUEST",
            sse_specification=None,
            tags=[],
            deletion_protection_enabled=None,
            warm_throughput=None,
        )
        self.backend.put_item("t", KEY)

    def hold(self, second: Callable[[], object], patch: pytest.MonkeyPatch, at: str = "k") -> None:
        """Let the first one that reads an item wait until `second`, in another thread, has come."""
        read, begun = Table.get_item, threading.Event()

        def reading(self_: Any, hash_key: Any, *arguments: Any, **named: Any) -> Any:
            found = read(self_, hash_key, *arguments, **named)
            if hash_key.value == at and not begun.is_set():
                begun.set()
                threading.Thread(target=self._through, args=(second,)).start()
                assert self.came.wait(60)
            return found

        patch.setattr(Table, "get_item", reading)

    def _through(self, second: Callable[[], object]) -> None:
        try:
            second()
        finally:
            self.came.set()

    def write(self, who: str, how: Write) -> None:
        try:
            how(self.backend, who)
        except (ConditionalCheckFailed, TransactionCanceledException):
            return
        self.won.append(who)


@pytest.fixture
def contest(monkeypatch: pytest.MonkeyPatch) -> Contest:
    made = Contest()
    for name in (*tables._WRITES, *tables._READS):  # taken back with the patch
        monkeypatch.setattr(DynamoDBBackend, name, getattr(DynamoDBBackend, name))
    locks = SimpleNamespace(RLock=lambda: Noticing(made.came))
    monkeypatch.setattr(tables, "threading", locks)
    tables._connect_isolation()
    return made


@pytest.mark.parametrize(
    ("first", "second"), [*product((put, update, transact), repeat=2), (delete, delete)]
)
def test_of_two_conditional_writes_the_second_sees_what_the_first_wrote(
    contest: Contest, monkeypatch: pytest.MonkeyPatch, first: Write, second: Write
) -> None:
    over = threading.Event()

    def come() -> None:
        contest.write("second", second)
        over.set()

    contest.hold(come, monkeypatch)
    contest.write("first", first)
    assert over.wait(60)
    assert contest.won == ["first"]


def test_nobody_reads_what_a_transaction_will_take_back(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has written one item, and is held where it finds that another is not there."""
    seen: list[bool] = []
    over = threading.Event()

    def look() -> None:
        found = contest.backend.get_item("t", KEY)
        seen.append(found is not None and "holder" in found.attrs)
        over.set()

    contest.hold(look, monkeypatch, at="none")
    put_one = {"TableName": "t", "Item": KEY | {"holder": {"S": "first"}}}
    missing = {"TableName": "t", "Key": {"pk": {"S": "none"}}}
    check = missing | {"ConditionExpression": "attribute_exists(pk)"}
    with pytest.raises(TransactionCanceledException):
        contest.backend.transact_write_items([{"Put": put_one}, {"ConditionCheck": check}])
    assert over.wait(60)
    assert seen == [False]
