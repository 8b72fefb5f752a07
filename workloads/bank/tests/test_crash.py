"""Crashes in the middle of transfers: what was answered stays, and nothing else is half done."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from bank import demo, schema
from bank_testing.processes import Postgres, Service, wait_until

CUSTOMERS = list(demo.customers(4))
ACCOUNTS = [account for c in CUSTOMERS for account in (c.checking, c.savings)]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgres, Service]]:
    postgres = Postgres()
    schema.create(postgres.url, customers=len(CUSTOMERS))
    log = tmp_path_factory.mktemp("was") / "log"
    was = Service("bank.was", log, DATABASE_URL=postgres.url)
    yield postgres, was
    was.stop()
    postgres.remove()


def _was_is_killed(_: Postgres, was: Service) -> None:
    was.kill()
    was.start()


def _database_crashes(postgres: Postgres, _: Service) -> None:
    postgres.crash()
    postgres.start()


Crash = Callable[[Postgres, Service], None]


@pytest.mark.parametrize("crash", [_was_is_killed, _database_crashes])
def test_every_acknowledged_transfer_exists_once_after_a_crash(
    bank: tuple[Postgres, Service], crash: Crash
) -> None:
    postgres, was = bank
    load = _Load(was.url)
    load.start()
    wait_until(partial(load.has_made, 60), "transfers are made")
    for _ in range(20):  # until a crash has met a transfer under way
        crash(postgres, was)
        enough = len(load.acknowledged) + 60
        wait_until(partial(load.has_made, enough), "transfers are made again")
        if load.unanswered:
            break
    load.stop()

    found = load.integrity()
    assert found["imbalance"] == 0
    with psycopg.connect(postgres.url) as connection:
        keys = [row[0] for row in connection.execute("SELECT idempotency_key FROM transfers")]
        balances = connection.execute("SELECT sum(balance) FROM accounts").fetchone()
    assert balances == (0,)
    assert len(keys) == len(set(keys))
    assert load.acknowledged <= set(keys)
    assert load.unanswered, "the crash met no transfer under way: the test proved nothing"

    # What was not answered is repeated with the same key, and then exists once too.
    load.retry_unanswered()
    load.send_receipts()
    found = load.integrity()
    assert found["imbalance"] == found["lost_transfers"] == found["duplicate_transfers"] == 0
    assert found["acknowledged"] >= len(load.acknowledged)


class _Load:
    """Eight clients that send transfers as fast as they are answered."""

    def __init__(self, url: str) -> None:
        self.acknowledged: set[str] = set()
        self.unanswered: dict[str, tuple[str, dict[str, object]]] = {}
        self._client = httpx.Client(base_url=url, timeout=60)
        self._tokens = {c.customer_id: self._login(c.customer_id) for c in CUSTOMERS}
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(8)

    def _login(self, customer_id: str) -> str:
        reply = self._client.post(
            "/api/login", json={"customer": customer_id, "password": demo.PASSWORD}
        )
        token: str = reply.json()["token"]
        return token

    def has_made(self, transfers: int) -> bool:
        return len(self.acknowledged) >= transfers

    def start(self) -> None:
        self._running = [self._threads.submit(self._run, seed) for seed in range(8)]

    def _run(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self._stop.is_set():
            customer = chance.choice(CUSTOMERS)
            from_ = chance.choice([customer.checking, customer.savings])
            order: dict[str, object] = {
                "from_account": from_,
                "to_account": chance.choice([a for a in ACCOUNTS if a != from_]),
                "amount": chance.randint(1, 50),
            }
            if not self._send(uuid4().hex, customer.customer_id, order):
                self._stop.wait(0.1)

    def _send(self, key: str, customer_id: str, order: dict[str, object]) -> bool:
        headers = {
            "Authorization": f"Bearer {self._tokens[customer_id]}",
            "Idempotency-Key": key,
        }
        try:
            reply = self._client.post("/api/transfers", json=order, headers=headers)
        except httpx.TransportError:
            self.unanswered[key] = (customer_id, order)
            return False
        if reply.status_code in (200, 201):
            self.acknowledged.add(key)
            self.unanswered.pop(key, None)
            return True
        assert reply.status_code == 503, reply.text
        assert reply.json()["error"] == "database_unavailable"
        self.unanswered[key] = (customer_id, order)
        return False

    def stop(self) -> None:
        self._stop.set()
        for running in self._running:
            running.result(120)

    def retry_unanswered(self) -> None:
        def answered() -> bool:
            for key, (customer_id, order) in list(self.unanswered.items()):
                self._send(key, customer_id, order)
            return not self.unanswered

        wait_until(answered, "all repeated transfers are answered")

    def send_receipts(self) -> None:
        token = next(iter(self._tokens.values()))
        keys = iter(sorted(self.acknowledged))
        while part := list(itertools.islice(keys, 1000)):
            reply = self._client.post(
                "/api/receipts",
                json={"keys": part},
                headers={"Authorization": f"Bearer {token}"},
            )
            assert reply.status_code == 200

    def integrity(self) -> dict[str, int]:
        found: dict[str, int] = self._client.get("/api/integrity").json()
        return found


def test_the_was_starts_without_a_database_and_says_so(tmp_path: Path) -> None:
    was = Service("bank.was", tmp_path / "log", DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    try:
        assert httpx.get(f"{was.url}/health", timeout=60).status_code == 200
        deep = httpx.get(f"{was.url}/health/deep", timeout=60)
        assert (deep.status_code, deep.json()["database"]) == (503, "unavailable")
        reply = httpx.post(
            f"{was.url}/api/login", json={"customer": "a", "password": "b"}, timeout=60
        )
        assert (reply.status_code, reply.json()["error"]) == (503, "database_unavailable")
    finally:
        was.stop()
