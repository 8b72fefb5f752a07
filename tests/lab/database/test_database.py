"""A real PostgreSQL that keeps what was committed and never outlives its owner."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest

from lab import processes
from lab.database import Database

OWNER = """
import sys, time
from pathlib import Path
from lab import processes
from lab.database import Database
database = Database("db", "shop", "shop", Path(sys.argv[1]))
database.start()
processes.write_ready(Path(sys.argv[2]), {"url": database.url})
time.sleep(600)
"""


def open_database(directory: Path) -> Database:
    return Database(identifier="db", name="shop", user="shop", directory=directory)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path / "db")
    database.start()
    yield database
    database.remove()


def wait_until(condition: Callable[[], bool], timeout_seconds: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "condition did not come true in time"
        time.sleep(0.02)


def value(url: str, query: str) -> object:
    with psycopg.connect(url, connect_timeout=30) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def servers() -> set[int]:
    """Processes of PostgreSQL on this machine that live."""
    return {
        process.pid
        for process in psutil.process_iter(["name", "status"])
        if process.info["name"] == "postgres" and process.info["status"] != psutil.STATUS_ZOMBIE
    }


def test_it_is_durable_and_asks_for_the_password(database: Database) -> None:
    assert value(database.url, "SHOW fsync") == "on"
    assert value(database.url, "SHOW full_page_writes") == "on"
    assert value(database.url, "SHOW synchronous_commit") == "on"
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://shop:wrong@127.0.0.1:{database.port}/shop")


def test_a_reboot_drops_connections_and_keeps_port_and_data(database: Database) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
        before = database.url
        database.reboot()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert database.url == before
    assert value(database.url, "SELECT number FROM kept") == 42


def test_it_counts_the_connections_of_others(database: Database) -> None:
    assert database.connections() == 0
    with psycopg.connect(database.url):
        assert database.connections() == 1


def test_a_server_that_died_is_noticed_and_recovers_on_start(database: Database) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row
    assert database.running
    postmaster = max(
        servers(), key=lambda pid: f"-p {database.port}" in " ".join(psutil.Process(pid).cmdline())
    )
    os.kill(postmaster, signal.SIGKILL)
    wait_until(lambda: not database.running)
    database.start()
    assert value(database.url, "SELECT number FROM kept") == 42


def test_data_that_is_there_is_used_again(tmp_path: Path) -> None:
    first = open_database(tmp_path / "db")
    first.start()
    with psycopg.connect(first.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    first.stop()
    second = open_database(tmp_path / "db")
    second.start()
    assert value(second.url, "SELECT number FROM kept") == 42
    second.remove()
    assert not (tmp_path / "db").exists()


def test_no_server_is_left_when_its_owner_is_killed(tmp_path: Path) -> None:
    before = servers()
    ready = tmp_path / "ready.json"
    owner = processes.start(
        [sys.executable, "-c", OWNER, tmp_path / "db", ready],
        log_path=tmp_path / "owner.log",
        name="owner",
    )
    url = processes.wait_ready(ready, owner)["url"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
        tree = {child.pid for child in psutil.Process(owner.pid).children(recursive=True)}
        assert len(servers() - before) >= 5
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait(30)
        wait_until(lambda: not any(psutil.pid_exists(pid) and _alive(pid) for pid in tree))
    again = open_database(tmp_path / "db")
    again.start()
    assert value(again.url, "SELECT number FROM kept") == 42
    again.remove()


def test_no_server_is_left_when_its_guard_is_killed(database: Database) -> None:
    guard = next(
        child
        for child in psutil.Process().children()
        if "lab.database" in child.cmdline() and str(database.port) in child.cmdline()
    )
    tree = [child.pid for child in guard.children(recursive=True)]
    guard.kill()
    if sys.platform == "linux":
        wait_until(lambda: not any(_alive(pid) for pid in tree))


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
