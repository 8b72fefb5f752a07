from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from bank import demo
from bank_testing.processes import BANK, Postgres


@pytest.fixture
def empty_database(postgres: Postgres) -> Iterator[str]:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty_one")
        yield postgres.url.replace("/postgres", "/empty_one")
        connection.execute("DROP DATABASE empty_one WITH (FORCE)")


def test_several_instances_may_create_the_schema_at_once_and_again(empty_database: str) -> None:
    def start(customers: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "bank.schema", "--customers", str(customers)],
            env={"DATABASE_URL": empty_database},
            cwd=BANK,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    at_once = [start(4) for _ in range(3)]
    said = [process.communicate(timeout=120)[0] for process in at_once]
    assert [process.returncode for process in at_once] == [0, 0, 0], said
    assert sorted("4 customers added" in line for line in said) == [False, False, True]
    more = start(6)
    assert "2 customers added" in more.communicate(timeout=120)[0]

    with psycopg.connect(empty_database) as connection:
        rows = connection.execute("SELECT kind, count(*), sum(balance) FROM accounts GROUP BY kind")
        found = {kind: (count, int(total)) for kind, count, total in rows}
        last = connection.execute(
            "SELECT balance_after FROM entries WHERE account_id = %s ORDER BY entry_id DESC",
            [demo.INTERNAL_ACCOUNT],
        ).fetchone()
    each = 6 * demo.OPENING_DEPOSIT
    assert found == {"checking": (6, each), "savings": (6, each), "internal": (1, -2 * each)}
    assert last == (-2 * each,)


def test_a_missing_setting_is_named_without_a_traceback() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "bank.schema"],
        env={},
        cwd=BANK,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("bank: DATABASE_URL is not set")
    assert "Traceback" not in result.stderr
