"""A small bank on loopback that can fail in the ways that customers notice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lab.journeys.client import Client, TruthFile


class SmallBank:
    """Keeps transfers by key. `transfer_faults` are used up one by one: an int is a status that
    is answered instead, "drop" breaks the connection after the transfer was made."""

    def __init__(self) -> None:
        self.transfers: dict[str, dict[str, Any]] = {}
        self.receipts: set[str] = set()
        self.requests: Counter[str] = Counter()
        self.sent_keys: list[str] = []
        self.tokens: set[str] = set()
        self.transfer_faults: list[int | str] = []
        self.receipt_faults: list[int] = []
        self.login_faults: list[int] = []
        self.url = ""

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/api/login", self.login)
        app.router.add_get("/api/accounts", self.accounts)
        app.router.add_get("/api/accounts/{id}/history", self.history)
        app.router.add_get("/api/products", self.products)
        app.router.add_post("/api/transfers", self.transfer)
        app.router.add_get("/api/transfers/by-key/{key}", self.by_key)
        app.router.add_post("/api/receipts", self.receive)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    def customer(self, request: web.Request) -> str:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            raise web.HTTPUnauthorized
        return token.removeprefix("token-of-")

    async def login(self, request: web.Request) -> web.Response:
        self.requests["login"] += 1
        if self.login_faults:
            return web.Response(status=self.login_faults.pop(0))
        body = await request.json()
        assert body["password"] == "demo"
        token = f"token-of-{body['customer']}"
        self.tokens.add(token)
        return web.json_response({"token": token})

    async def accounts(self, request: web.Request) -> web.Response:
        self.requests["accounts"] += 1
        customer = self.customer(request)
        return web.json_response({"accounts": [{"account_id": f"{customer}-{n}"} for n in (1, 2)]})

    async def history(self, request: web.Request) -> web.Response:
        self.requests["history"] += 1
        self.customer(request)
        return web.json_response({"entries": []})

    async def products(self, request: web.Request) -> web.Response:
        self.requests["products"] += 1
        return web.json_response({"products": []})

    async def transfer(self, request: web.Request) -> web.Response:
        self.requests["transfer"] += 1
        customer = self.customer(request)
        key = request.headers["Idempotency-Key"]
        self.sent_keys.append(key)
        body = await request.json()
        assert body["from_account"].startswith(customer)
        assert body["to_account"] != body["from_account"]
        fault = self.transfer_faults.pop(0) if self.transfer_faults else None
        if isinstance(fault, int):
            return web.Response(status=fault, text="<html>no</html>")
        known = self.transfers.get(key)
        if known is None:
            self.transfers[key] = {"transfer_id": len(self.transfers) + 1, **body}
        else:
            assert {**known, "transfer_id": None} == {**body, "transfer_id": None}
        if fault == "drop":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(self.transfers[key], status=200 if known else 201)

    async def by_key(self, request: web.Request) -> web.Response:
        self.requests["by-key"] += 1
        self.customer(request)
        found = self.transfers.get(request.match_info["key"])
        return web.json_response(found) if found else web.json_response({}, status=404)

    async def receive(self, request: web.Request) -> web.Response:
        self.requests["receipts"] += 1
        self.customer(request)
        if self.receipt_faults:
            return web.Response(status=self.receipt_faults.pop(0))
        self.receipts.update((await request.json())["keys"])
        return web.json_response({})


@pytest.fixture(autouse=True)
def patient_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is slow makes no request fail."""
    monkeypatch.setattr("lab.journeys.client.REQUEST_TIMEOUT_SECONDS", 60.0)
    monkeypatch.setattr("lab.journeys.chat.ANSWER_SECONDS", 60.0)


@pytest.fixture
async def small_bank() -> AsyncIterator[SmallBank]:
    bank = SmallBank()
    runner = await bank.start()
    yield bank
    await runner.cleanup()


@pytest.fixture
async def truth(tmp_path: Path) -> AsyncIterator[TruthFile]:
    file = TruthFile(tmp_path / "truth.jsonl")
    yield file
    file.close()


@pytest.fixture
async def client(small_bank: SmallBank, truth: TruthFile) -> AsyncIterator[Client]:
    async with Client(small_bank.url, truth) as client:
        yield client
    await asyncio.sleep(0)
