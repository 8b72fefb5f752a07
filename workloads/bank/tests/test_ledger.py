"""The ledger against a real PostgreSQL: money is neither made nor lost, whatever comes at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bank import demo, ledger
from bank.database import Connection, Database
from bank.inputs import RefusedError, TransferOrder
from bank_testing.processes import Postgres

CUSTOMERS = list(demo.customers(3))
ACCOUNTS = [account for c in CUSTOMERS for account in (c.checking, c.savings)]
OWNER = {account: c.customer_id for c in CUSTOMERS for account in (c.checking, c.savings)}


@asynccontextmanager
async def opened(postgres: Postgres) -> AsyncIterator[Database]:
    database = Database(postgres.url, pool_size=8)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def _guest(account: str) -> str:
    return f"guest-{int(account.split('-')[1])}"


async def send(database: Database, from_: str, to: str, amount: int, key: str) -> str:
    """The result of one transfer: made, repeated, or the code of the refusal."""
    order = TransferOrder(from_account=from_, to_account=to, amount=amount, memo="")
    async with database.connection(wait_seconds=120, deadline_seconds=120) as connection:
        try:
            result = await ledger.transfer(
                connection, customer_id=OWNER.get(from_) or _guest(from_), key=key, order=order
            )
        except RefusedError as refusal:
            return refusal.code
    return "made" if result.created else "repeated"


async def balances(database: Database, accounts: list[str]) -> dict[str, int]:
    async with database.connection(wait_seconds=120, deadline_seconds=120) as connection:
        cursor = await connection.execute(
            "SELECT account_id, balance FROM accounts WHERE account_id = ANY(%s)", [accounts]
        )
        return {row["account_id"]: row["balance"] for row in await cursor.fetchall()}


async def integrity(database: Database) -> dict[str, int]:
    async with database.connection(wait_seconds=120, deadline_seconds=120) as connection:
        return await ledger.integrity(connection)


def is_whole(found: dict[str, int]) -> bool:
    return found["imbalance"] == found["lost_transfers"] == found["duplicate_transfers"] == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(ACCOUNTS),
        st.sampled_from(ACCOUNTS),
        st.one_of(st.integers(1, 5000), st.integers(300_000, 1_500_000)),
        st.integers(0, 5),
    ).filter(lambda step: step[0] != step[1]),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_transfers_one_by_one_do_what_a_plain_account_book_does(
    postgres: Postgres, steps: list[tuple[str, str, int, int]]
) -> None:
    async def run() -> None:
        async with opened(postgres) as database:
            book = await balances(database, ACCOUNTS)
            prefix = uuid4().hex
            known: dict[int, tuple[str, str, int]] = {}
            for from_, to, amount, number in steps:
                if number in known:
                    expected = "repeated" if known[number] == (from_, to, amount) else "key_reused"
                elif book[from_] < amount:
                    expected = "insufficient_funds"
                else:
                    expected = "made"
                    known[number] = (from_, to, amount)
                    book[from_] -= amount
                    book[to] += amount
                assert await send(database, from_, to, amount, f"{prefix}-{number}") == expected
            assert await balances(database, ACCOUNTS) == book
            assert is_whole(await integrity(database))

    asyncio.run(run())


@settings(max_examples=20, deadline=None)
@given(steps=STEPS)
def test_transfers_at_once_keep_every_won(
    postgres: Postgres, steps: list[tuple[str, str, int, int]]
) -> None:
    async def run() -> None:
        async with opened(postgres) as database:
            before = await balances(database, ACCOUNTS)
            prefix = uuid4().hex
            results = await asyncio.gather(
                *(send(database, f, t, amount, f"{prefix}-{n}") for f, t, amount, n in steps)
            )
            after = await balances(database, ACCOUNTS)
            expected = dict(before)
            made: Counter[int] = Counter()
            for (from_, to, amount, number), result in zip(steps, results, strict=True):
                if result == "made":
                    expected[from_] -= amount
                    expected[to] += amount
                    made[number] += 1
            assert after == expected
            assert set(made.values()) <= {1}
            assert min(after.values()) >= 0
            assert is_whole(await integrity(database))

    asyncio.run(run())


async def test_a_transfer_is_applied_once_when_its_key_comes_many_times_at_once(
    postgres: Postgres, customer: demo.DemoCustomer
) -> None:
    key = uuid4().hex
    async with opened(postgres) as database:
        before = await balances(database, [customer.savings])
        results = await asyncio.gather(
            *(send(database, customer.checking, customer.savings, 700, key) for _ in range(24))
        )
        assert Counter(results) == {"made": 1, "repeated": 23}
        after = await balances(database, [customer.savings])
    assert after[customer.savings] == before[customer.savings] + 700


async def test_transfers_at_once_cannot_overdraw_an_account(
    postgres: Postgres, customer: demo.DemoCustomer
) -> None:
    async with opened(postgres) as database:
        balance = (await balances(database, [customer.checking]))[customer.checking]
        part = balance // 5
        results = await asyncio.gather(
            *(
                send(database, customer.checking, customer.savings, part, uuid4().hex)
                for _ in range(16)
            )
        )
        left = (await balances(database, [customer.checking]))[customer.checking]
    assert Counter(results) == {"made": 5, "insufficient_funds": 11}
    assert left == balance - 5 * part


async def test_transfers_in_both_directions_at_once_never_wait_for_each_other(
    postgres: Postgres, customer: demo.DemoCustomer
) -> None:
    there, back = (customer.checking, customer.savings), (customer.savings, customer.checking)
    async with opened(postgres) as database:
        results = await asyncio.gather(
            *(send(database, *way, 1, uuid4().hex) for _ in range(60) for way in (there, back))
        )
    # A deadlock would be broken by PostgreSQL after a second, and be an error here.
    assert set(results) == {"made"}


async def test_a_key_of_another_customer_is_neither_shown_nor_used(
    postgres: Postgres, new_customer: Callable[[], demo.DemoCustomer]
) -> None:
    mine, other = new_customer(), new_customer()
    key = uuid4().hex
    async with opened(postgres) as database:
        assert await send(database, other.checking, other.savings, 5, key) == "made"
        assert await send(database, mine.checking, mine.savings, 5, key) == "key_reused"
        async with database.connection(wait_seconds=120, deadline_seconds=120) as connection:
            with pytest.raises(RefusedError) as refusal:
                await ledger.transfer_by_key(connection, customer_id=mine.customer_id, key=key)
    assert refusal.value.status == 404


Tampering = Callable[[Connection], Awaitable[Any]]


async def _a_won_appears(connection: Connection) -> None:
    await connection.execute("UPDATE accounts SET balance = balance + 1 WHERE kind = 'checking'")


async def _an_entry_vanishes(connection: Connection) -> None:
    await connection.execute(
        "DELETE FROM entries WHERE entry_id = (SELECT max(entry_id) FROM entries)"
    )


async def _a_transfer_loses_its_entries_and_the_balances_follow(connection: Connection) -> None:
    await connection.execute(
        "WITH gone AS (DELETE FROM entries WHERE transfer_id ="
        " (SELECT max(transfer_id) FROM transfers) RETURNING account_id, amount)"
        " UPDATE accounts a SET balance = a.balance - gone.amount FROM gone"
        " WHERE gone.account_id = a.account_id"
    )


@pytest.mark.parametrize(
    "tamper",
    [
        _a_won_appears,
        _an_entry_vanishes,
        _a_transfer_loses_its_entries_and_the_balances_follow,
    ],
)
async def test_the_integrity_check_finds_money_that_does_not_add_up(
    postgres: Postgres, customer: demo.DemoCustomer, tamper: Tampering
) -> None:
    async with opened(postgres) as database:
        await send(database, customer.checking, customer.savings, 3, uuid4().hex)
        async with database.connection(wait_seconds=120, deadline_seconds=120) as connection:
            async with connection.transaction(force_rollback=True):
                await tamper(connection)
                assert (await ledger.integrity(connection))["imbalance"] > 0
            assert (await ledger.integrity(connection))["imbalance"] == 0


async def test_the_integrity_check_finds_lost_and_doubled_transfers(
    postgres: Postgres, customer: demo.DemoCustomer
) -> None:
    key = uuid4().hex
    async with opened(postgres) as database:
        await send(database, customer.checking, customer.savings, 3, key)
        async with (
            database.connection(wait_seconds=120, deadline_seconds=120) as connection,
            connection.transaction(force_rollback=True),
        ):
            before = await ledger.integrity(connection)
            await ledger.add_receipts(
                connection, customer_id=customer.customer_id, keys=[key, key, "never-made"]
            )
            found = await ledger.integrity(connection)
            assert found["acknowledged"] == before["acknowledged"] + 2
            assert found["lost_transfers"] == 1
            await connection.execute("ALTER TABLE transfers DROP CONSTRAINT one_transfer_a_key")
            await connection.execute(
                "INSERT INTO transfers (idempotency_key, customer_id, from_account, to_account,"
                " amount) SELECT idempotency_key, customer_id, from_account, to_account, amount"
                " FROM transfers WHERE idempotency_key = %s",
                [key],
            )
            found = await ledger.integrity(connection)
            assert found["duplicate_transfers"] == 1
            assert found["lost_transfers"] == 2


def test_the_database_itself_refuses_an_overdraft(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "UPDATE accounts SET balance = -1 WHERE account_id = %s", [CUSTOMERS[0].checking]
        )
