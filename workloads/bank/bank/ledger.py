"""The ledger: what moves money, and what reads it.

A transfer is one transaction: the key is bound first (a second request with the same key waits for
the first one), then both accounts are locked in the order of their numbers, so that no two
transfers can wait for each other. The lock is NO KEY UPDATE: the foreign keys of a concurrent
insert hold KEY SHARE on the same accounts, which FOR UPDATE would wait for, and so deadlock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from .database import Connection
from .inputs import RefusedError, TransferOrder

Row = dict[str, Any]


@dataclass(frozen=True)
class TransferResult:
    """`transfer` as the API shows it; `created` is False when the key was known already."""

    transfer: Row
    created: bool


async def transfer(
    connection: Connection, *, customer_id: str, key: str, order: TransferOrder
) -> TransferResult:
    """Move the money, once per key. Raises RefusedError; then nothing has changed."""
    try:
        async with connection.transaction():
            transfer_id = await _bind_key(connection, customer_id, key, order)
            if transfer_id is None:
                return TransferResult(await _replay(connection, customer_id, key, order), False)
            await _check_accounts(connection, customer_id, order)
            await connection.execute(
                _MOVE,
                {
                    "transfer_id": transfer_id,
                    "from": order.from_account,
                    "to": order.to_account,
                    "amount": order.amount,
                },
            )
            made = await transfer_by_key(connection, customer_id=customer_id, key=key)
            return TransferResult(made, True)
    except psycopg.errors.ForeignKeyViolation as error:
        side = "from_account" if "from_account" in str(error) else "to_account"
        raise _no_account(side) from None


_MOVE: Final = """
    WITH moved AS (
        UPDATE accounts
        SET balance = balance + CASE account_id WHEN %(from)s THEN -%(amount)s::bigint
                                                ELSE %(amount)s::bigint END
        WHERE account_id IN (%(from)s, %(to)s)
        RETURNING account_id, balance
    )
    INSERT INTO entries (transfer_id, account_id, amount, balance_after)
    SELECT %(transfer_id)s::bigint, account_id,
           CASE account_id WHEN %(from)s THEN -%(amount)s::bigint ELSE %(amount)s::bigint END,
           balance
    FROM moved
"""


async def _bind_key(
    connection: Connection, customer_id: str, key: str, order: TransferOrder
) -> int | None:
    cursor = await connection.execute(
        "INSERT INTO transfers"
        " (idempotency_key, customer_id, from_account, to_account, amount, memo)"
        " VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (idempotency_key) DO NOTHING RETURNING transfer_id",
        [key, customer_id, order.from_account, order.to_account, order.amount, order.memo],
    )
    row = await cursor.fetchone()
    return None if row is None else row["transfer_id"]


async def _replay(connection: Connection, customer_id: str, key: str, order: TransferOrder) -> Row:
    try:
        earlier = await transfer_by_key(connection, customer_id=customer_id, key=key)
    except RefusedError:
        earlier = {}  # another customer's: not shown, but the key is taken
    same = (
        earlier.get("from_account") == order.from_account
        and earlier.get("to_account") == order.to_account
        and earlier.get("amount") == order.amount
        and earlier.get("memo") == order.memo
    )
    if not same:
        raise RefusedError(
            422,
            "key_reused",
            "This Idempotency-Key was used for another transfer: take a new key.",
            field="Idempotency-Key",
        )
    return earlier


async def _check_accounts(connection: Connection, customer_id: str, order: TransferOrder) -> None:
    cursor = await connection.execute(
        "SELECT account_id, customer_id, kind, balance FROM accounts WHERE account_id IN (%s, %s)"
        " ORDER BY account_id FOR NO KEY UPDATE",
        [order.from_account, order.to_account],
    )
    accounts = {row["account_id"]: row for row in await cursor.fetchall()}
    if accounts[order.from_account]["customer_id"] != customer_id:
        raise _no_account("from_account")
    if accounts[order.to_account]["kind"] == "internal":
        raise _no_account("to_account")
    if accounts[order.from_account]["balance"] < order.amount:
        raise RefusedError(
            409, "insufficient_funds", "The balance is smaller than the amount.", field="amount"
        )


def _no_account(field: str) -> RefusedError:
    whose = "of yours " if field == "from_account" else ""
    return RefusedError(
        404, "account_not_found", f"There is no account {whose}with this number.", field=field
    )


async def transfer_by_key(connection: Connection, *, customer_id: str, key: str) -> Row:
    """One of the customer's own transfers; raises RefusedError if there is none."""
    cursor = await connection.execute(
        "SELECT t.transfer_id, t.idempotency_key, t.from_account, t.to_account, t.amount, t.memo,"
        " t.created_at, e.balance_after FROM transfers t"
        " JOIN entries e ON e.transfer_id = t.transfer_id AND e.account_id = t.from_account"
        " WHERE t.idempotency_key = %s AND t.customer_id = %s",
        [key, customer_id],
    )
    row = await cursor.fetchone()
    if row is None:
        raise RefusedError(404, "transfer_not_found", "There is no transfer with this key.")
    return row


async def customer(connection: Connection, customer_id: str) -> Row | None:
    cursor = await connection.execute(
        "SELECT customer_id, name_ko, name_en, password_hash FROM customers WHERE customer_id = %s",
        [customer_id],
    )
    return await cursor.fetchone()


async def accounts(connection: Connection, customer_id: str) -> list[Row]:
    cursor = await connection.execute(
        "SELECT account_id, kind, balance, 'KRW' AS currency FROM accounts"
        " WHERE customer_id = %s ORDER BY account_id",
        [customer_id],
    )
    return await cursor.fetchall()


async def account(connection: Connection, *, customer_id: str, account_id: str) -> Row:
    """One of the customer's own accounts; raises RefusedError if there is none."""
    cursor = await connection.execute(
        "SELECT account_id, kind, balance, 'KRW' AS currency FROM accounts"
        " WHERE account_id = %s AND customer_id = %s",
        [account_id, customer_id],
    )
    row = await cursor.fetchone()
    if row is None:
        raise RefusedError(
            404, "account_not_found", "There is no account of yours with this number."
        )
    return row


async def payee(connection: Connection, account_id: str) -> Row:
    """Whose account it is, with the middle of the name hidden; raises RefusedError if nobody's."""
    cursor = await connection.execute(
        "SELECT a.account_id, c.name_ko, c.name_en FROM accounts a JOIN customers c"
        " USING (customer_id) WHERE a.account_id = %s",
        [account_id],
    )
    row = await cursor.fetchone()
    if row is None:
        raise RefusedError(
            404, "account_not_found", "There is no account with this number.", field="to_account"
        )
    return {"account_id": row["account_id"], "name": _masked(row["name_ko"], row["name_en"])}


async def history(
    connection: Connection, *, account_id: str, limit: int, before: int | None
) -> tuple[list[Row], int | None]:
    """The account's entries, newest first, and the `before` of the next page if there is one."""
    cursor = await connection.execute(
        "SELECT e.entry_id, e.transfer_id, t.created_at AS at, e.amount, e.balance_after, t.memo,"
        " other.account_id AS counterparty, other.kind = 'internal' AS opening,"
        " c.name_ko, c.name_en"
        " FROM entries e JOIN transfers t USING (transfer_id)"
        " JOIN accounts other ON other.account_id ="
        "  CASE e.account_id WHEN t.from_account THEN t.to_account ELSE t.from_account END"
        " LEFT JOIN customers c ON c.customer_id = other.customer_id"
        " WHERE e.account_id = %s AND e.entry_id < %s ORDER BY e.entry_id DESC LIMIT %s",
        [account_id, 2**63 - 1 if before is None else before, limit + 1],
    )
    rows = await cursor.fetchall()
    for row in rows:
        name_ko, name_en = row.pop("name_ko"), row.pop("name_en")
        row["counterparty_name"] = _masked(name_ko, name_en) if name_ko else None
    page = rows[:limit]
    return page, page[-1]["entry_id"] if len(rows) > limit else None


def _masked(name_ko: str, name_en: str) -> dict[str, str]:
    given, _, family = name_en.rpartition(" ")
    return {
        "ko": name_ko[0] + "*" * max(1, len(name_ko) - 2) + name_ko[2:],
        "en": f"{given[:1]}{'*' * max(1, len(given) - 1)} {family}",
    }


async def add_receipts(connection: Connection, *, customer_id: str, keys: Sequence[str]) -> None:
    """Remember keys that a client was answered with success; known ones are left alone."""
    # Sorted: two batches with the same new keys must not wait for each other crosswise.
    await connection.execute(
        "INSERT INTO receipts (idempotency_key, customer_id)"
        " SELECT key, %s FROM unnest(%s::text[]) AS key ON CONFLICT DO NOTHING",
        [customer_id, sorted(set(keys))],
    )


async def integrity(connection: Connection) -> Row:
    """Counts that tell whether money was lost, made or moved twice; one statement, one snapshot."""
    cursor = await connection.execute(_INTEGRITY)
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 (a SELECT of aggregates has one row)
    return {name: int(value) for name, value in row.items()}


_INTEGRITY: Final = """
    SELECT
        (SELECT count(*) FROM entries) AS entries,
        (SELECT coalesce(abs(sum(amount)), 0) FROM entries)
        + (SELECT coalesce(sum(abs(a.balance - coalesce(s.total, 0))), 0)
           FROM accounts a LEFT JOIN
               (SELECT account_id, sum(amount) AS total FROM entries GROUP BY account_id) s
               USING (account_id))
        + (SELECT coalesce(sum(abs(u.off)), 0) FROM
               (SELECT sum(coalesce(e.amount, 0)) + CASE count(e.entry_id) WHEN 2 THEN 0
                                                    ELSE t.amount END AS off
                FROM transfers t LEFT JOIN entries e USING (transfer_id)
                GROUP BY t.transfer_id) u) AS imbalance,
        (SELECT count(*) FROM receipts) AS acknowledged,
        (SELECT count(*) FROM receipts r WHERE
            (SELECT count(*) FROM transfers t WHERE t.idempotency_key = r.idempotency_key) <> 1
        ) AS lost_transfers,
        (SELECT coalesce(sum(k.times - 1), 0) FROM
            (SELECT count(*) AS times FROM transfers GROUP BY idempotency_key) k
        ) AS duplicate_transfers
"""
