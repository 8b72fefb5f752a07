"""`python -m bank.schema`: creates the tables and the demo customers.

May run again and on several instances at once: an advisory lock lets one at a time through, and
what is there is left alone. Waits for a database that is still starting.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import psycopg

from . import demo
from .database import CONNECT_OPTIONS
from .passwords import hash_password
from .settings import database_url, read_or_exit

_LOCK: Final = 0x62616E6B  # "bank"
_TABLES: Final = Path(__file__).with_name("schema.sql")


def create(url: str, *, customers: int = demo.CUSTOMERS, wait_seconds: float = 60.0) -> int:
    """Create what is missing; gives the number of customers added. Raises psycopg.Error."""
    # Waiting for another instance's seeding must not run into the service's lock_timeout.
    options = {**CONNECT_OPTIONS, "options": "-c statement_timeout=120000"}
    with (
        _connect(url, options, wait_seconds) as connection,
        connection.transaction(),
    ):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(_TABLES.read_bytes())
        present = {row[0] for row in connection.execute("SELECT customer_id FROM customers")}
        missing = [c for c in demo.customers(customers) if c.customer_id not in present]
        if missing:
            add_customers(connection, missing)
        return len(missing)


def _connect(
    url: str, options: dict[str, Any], wait_seconds: float
) -> psycopg.Connection[tuple[Any, ...]]:
    give_up_at = time.monotonic() + wait_seconds
    while True:
        try:
            return psycopg.connect(url, **options)
        except psycopg.OperationalError:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(0.5)


def add_customers(
    connection: psycopg.Connection[tuple[Any, ...]], missing: Sequence[demo.DemoCustomer]
) -> None:
    """Open their accounts; each opening deposit is a transfer out of the bank's own account."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        hashes = list(threads.map(lambda _: hash_password(demo.PASSWORD), missing))
    accounts = [
        (account, customer.customer_id, kind)
        for customer in missing
        for account, kind in ((customer.checking, "checking"), (customer.savings, "savings"))
    ]
    numbers = [account for account, _, _ in accounts]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts (account_id, kind) VALUES (%s, 'internal')"
            " ON CONFLICT DO NOTHING",
            [demo.INTERNAL_ACCOUNT],
        )
        cursor.executemany(
            "INSERT INTO customers (customer_id, name_ko, name_en, password_hash)"
            " VALUES (%s, %s, %s, %s)",
            [
                (c.customer_id, c.name_ko, c.name_en, stored)
                for c, stored in zip(missing, hashes, strict=True)
            ],
        )
        cursor.executemany(
            "INSERT INTO accounts (account_id, customer_id, kind) VALUES (%s, %s, %s)", accounts
        )
        cursor.execute(
            "INSERT INTO transfers (idempotency_key, from_account, to_account, amount)"
            " SELECT 'opening:' || number, %s, number, %s FROM unnest(%s::text[]) AS number",
            [demo.INTERNAL_ACCOUNT, demo.OPENING_DEPOSIT, numbers],
        )
        cursor.execute(_OPENING_ENTRIES, {"internal": demo.INTERNAL_ACCOUNT, "numbers": numbers})
        cursor.execute(
            "UPDATE accounts a SET balance = t.total FROM (SELECT account_id, sum(amount) AS total"
            " FROM entries WHERE account_id = ANY(%s) GROUP BY account_id) t"
            " WHERE a.account_id = t.account_id",
            [[*numbers, demo.INTERNAL_ACCOUNT]],
        )


_OPENING_ENTRIES: Final = """
    WITH opened AS (
        SELECT t.transfer_id, t.to_account, t.amount, before.balance,
               sum(t.amount) OVER (ORDER BY t.transfer_id) AS so_far
        FROM transfers t, (SELECT balance FROM accounts WHERE account_id = %(internal)s) before
        WHERE t.from_account = %(internal)s AND t.to_account = ANY(%(numbers)s)
    )
    INSERT INTO entries (transfer_id, account_id, amount, balance_after)
    SELECT transfer_id, to_account, amount, amount FROM opened
    UNION ALL
    SELECT transfer_id, %(internal)s, -amount, balance - so_far FROM opened
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bank.schema", description=__doc__)
    parser.add_argument("--customers", type=int, default=demo.CUSTOMERS)
    parser.add_argument("--wait-seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    url = read_or_exit(database_url)
    try:
        added = create(url, customers=arguments.customers, wait_seconds=arguments.wait_seconds)
    except psycopg.Error as error:
        sys.stderr.write(f"bank.schema: the database at DATABASE_URL refused: {error}\n")
        return 1
    sys.stdout.write(f"bank.schema: tables are in place, {added} customers added\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
