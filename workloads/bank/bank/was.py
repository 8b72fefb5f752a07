"""`python -m bank.was`: the bank's API over the ledger. Listens behind the web on its instance."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import psycopg
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import inputs, ledger, logs
from .database import Database, DatabaseUnavailableError
from .inputs import RefusedError
from .metrics import BusinessMetrics, Publisher
from .passwords import PasswordChecks
from .products import PRODUCTS
from .server import serve
from .settings import WasSettings, read_or_exit, was_settings
from .tokens import SESSION_AT_MOST_SECONDS, Signer

INTEGRITY_SECONDS: Final = 9.0
_log = logging.getLogger("bank.was")


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(content, ensure_ascii=False, default=_plain).encode()
    return Response(
        body, status, {"cache-control": "no-store", **(headers or {})}, "application/json"
    )


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    raise TypeError(f"{type(value).__name__} has no JSON form here")


class Was:
    """The endpoints. One instance a process."""

    def __init__(self, settings: WasSettings) -> None:
        self._settings = settings
        self._database = Database(settings.database_url, pool_size=settings.pool_size)
        self._signer = Signer(settings.secret)
        self._passwords = PasswordChecks()
        self._metrics = BusinessMetrics()
        # One check of the whole ledger at a time: it is the one expensive question.
        self._integrity = asyncio.Lock()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/health/deep", self.deep_health),
                Route("/api/login", self.login, methods=["POST"]),
                Route("/api/accounts", self.accounts),
                Route("/api/accounts/{account_id}", self.account),
                Route("/api/accounts/{account_id}/history", self.history),
                Route("/api/payees/{account_id}", self.payee),
                Route("/api/transfers", self.transfer, methods=["POST"]),
                Route("/api/transfers/by-key/{key:path}", self.transfer_by_key),
                Route("/api/products", self.products),
                Route("/api/receipts", self.receipts, methods=["POST"]),
                Route("/api/integrity", self.integrity),
                Route("/api/metrics", self.metrics),
            ],
            middleware=[Middleware(logs.RequestLog)],
            exception_handlers={
                RefusedError: _refused,
                HTTPException: _http_error,
                DatabaseUnavailableError: _database_unavailable,
                psycopg.errors.UndefinedTable: _schema_missing,
                Exception: _internal_error,
            },
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        publisher = (
            Publisher(self._metrics, self._settings.metric_namespace)
            if self._settings.metric_namespace
            else None
        )
        await self._database.open()
        if publisher:
            publisher.start()
        yield
        if publisher:
            await asyncio.to_thread(publisher.stop)
        self._passwords.close()
        await self._database.close()

    async def health(self, _: Request) -> Response:
        return answer({"status": "ok", "instance": self._settings.instance_id})

    async def deep_health(self, _: Request) -> Response:
        started = time.perf_counter()
        try:
            await self._database.ping()
        except DatabaseUnavailableError as error:
            return answer(
                {
                    "status": "failing",
                    "instance": self._settings.instance_id,
                    "database": "unavailable",
                    "error": "database_unavailable",
                    "message": str(error),
                },
                503,
            )
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        return answer(
            {
                "status": "ok",
                "instance": self._settings.instance_id,
                "database": "ok",
                "database_ms": milliseconds,
            }
        )

    async def login(self, request: Request) -> Response:
        credentials = inputs.credentials(inputs.json_object(await inputs.limited_body(request)))
        wait_seconds = self._passwords.locked_for_seconds(credentials.customer)
        if wait_seconds:
            self._metrics.login("locked")
            raise _too_many_failures(wait_seconds)
        async with self._database.connection() as connection:
            customer = await ledger.customer(connection, credentials.customer)
        stored = customer["password_hash"] if customer else None
        if not await self._passwords.check(credentials.customer, credentials.password, stored):
            self._metrics.login("refused")
            raise RefusedError(401, "wrong_credentials", "Customer or password is wrong.")
        self._metrics.login("ok")
        now = time.time()
        token = self._signer.open_session(
            credentials.customer, now=now, lifetime_seconds=SESSION_AT_MOST_SECONDS
        )
        return answer({"token": token, "expires_in_seconds": SESSION_AT_MOST_SECONDS})

    async def accounts(self, request: Request) -> Response:
        customer_id = self._customer_id(request)
        async with self._database.connection() as connection:
            customer = await ledger.customer(connection, customer_id)
            accounts = await ledger.accounts(connection, customer_id)
        if customer is None:
            raise _not_signed_in()
        name = {"ko": customer["name_ko"], "en": customer["name_en"]}
        return answer(
            {"customer": {"customer_id": customer_id, "name": name}, "accounts": accounts}
        )

    async def account(self, request: Request) -> Response:
        customer_id = self._customer_id(request)
        account_id = inputs.account_id(request.path_params["account_id"])
        async with self._database.connection() as connection:
            return answer(
                await ledger.account(connection, customer_id=customer_id, account_id=account_id)
            )

    async def history(self, request: Request) -> Response:
        customer_id = self._customer_id(request)
        account_id = inputs.account_id(request.path_params["account_id"])
        query = request.query_params
        limit = inputs.whole_number(query.get("limit"), "limit", default=20, low=1, high=100)
        before = inputs.whole_number(
            query.get("before"), "before", default=None, low=1, high=2**63 - 1
        )
        async with self._database.connection() as connection:
            account = await ledger.account(
                connection, customer_id=customer_id, account_id=account_id
            )
            entries, next_before = await ledger.history(
                connection, account_id=account_id, limit=limit or 20, before=before
            )
        return answer({"account": account, "entries": entries, "next_before": next_before})

    async def payee(self, request: Request) -> Response:
        self._customer_id(request)
        account_id = inputs.account_id(request.path_params["account_id"], "to_account")
        async with self._database.connection() as connection:
            return answer(await ledger.payee(connection, account_id))

    async def transfer(self, request: Request) -> Response:
        customer_id = self._customer_id(request)
        try:
            key = inputs.idempotency_key(request.headers.get("idempotency-key"))
            order = inputs.transfer_order(inputs.json_object(await inputs.limited_body(request)))
            async with self._database.connection() as connection:
                result = await ledger.transfer(
                    connection, customer_id=customer_id, key=key, order=order
                )
        except RefusedError as refusal:
            self._metrics.transfer(refusal.code)
            raise
        except DatabaseUnavailableError:
            self._metrics.transfer("unavailable")
            raise
        self._metrics.transfer("made" if result.created else "repeated", order.amount)
        if result.created:
            return answer(result.transfer, 201)
        return answer(result.transfer, 200, {"idempotent-replayed": "true"})

    async def transfer_by_key(self, request: Request) -> Response:
        customer_id = self._customer_id(request)
        key = inputs.idempotency_key(request.path_params["key"])
        async with self._database.connection() as connection:
            return answer(
                await ledger.transfer_by_key(connection, customer_id=customer_id, key=key)
            )

    async def products(self, _: Request) -> Response:
        return answer({"products": PRODUCTS})

    async def receipts(self, request: Request) -> Response:
        customer_id = self._customer_id(request)
        keys = inputs.receipt_keys(inputs.json_object(await inputs.limited_body(request)))
        async with self._database.connection() as connection:
            await ledger.add_receipts(connection, customer_id=customer_id, keys=keys)
        return answer({"received": len(keys)})

    async def integrity(self, _: Request) -> Response:
        async with (
            self._integrity,
            self._database.connection(deadline_seconds=INTEGRITY_SECONDS) as connection,
        ):
            return answer(await ledger.integrity(connection))

    async def metrics(self, _: Request) -> Response:
        return answer({"instance": self._settings.instance_id, **self._metrics.snapshot()})

    def _customer_id(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        session = (
            self._signer.session(token.strip(), now=time.time())
            if scheme.lower() == "bearer"
            else None
        )
        if session is None:
            raise _not_signed_in()
        return session.customer_id


def _not_signed_in() -> RefusedError:
    return RefusedError(
        401, "not_signed_in", "Sign in, and send the token as Authorization: Bearer <token>."
    )


def _too_many_failures(wait_seconds: float) -> HTTPException:
    return HTTPException(
        429,
        "Too many wrong passwords: wait a minute.",
        {"retry-after": str(int(wait_seconds) + 1)},
    )


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101 (registered for this class)
    content = {"error": error.code, "message": error.message}
    if error.field:
        content["field"] = error.field
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else None
    return answer(content, error.status, headers)


_HTTP_CODES: Final = {404: "not_found", 405: "method_not_allowed", 429: "too_many_failures"}


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for this class)
    code = _HTTP_CODES.get(error.status_code, "http_error")
    return answer(
        {"error": code, "message": error.detail}, error.status_code, dict(error.headers or {})
    )


async def _database_unavailable(_: Request, error: Exception) -> Response:
    _log.warning("database unavailable", extra={"fields": {"error": str(error)}})
    message = (
        "The database cannot be reached. A transfer may or may not have been made:"
        " send it again with the same Idempotency-Key."
    )
    return answer({"error": "database_unavailable", "message": message}, 503, {"retry-after": "1"})


async def _schema_missing(_: Request, error: Exception) -> Response:
    _log.error("the tables are missing: run python -m bank.schema")
    message = f"The bank's tables are missing ({error}): run python -m bank.schema."
    return answer({"error": "schema_missing", "message": message}, 503, {"retry-after": "5"})


async def _internal_error(_: Request, error: Exception) -> Response:
    # Starlette logs nothing itself, and raises the error again after this answer; uvicorn logs it.
    return answer(
        {
            "error": "internal_error",
            "message": f"An error inside the bank: {type(error).__name__}.",
        },
        500,
    )


def main() -> None:
    settings = read_or_exit(was_settings)
    logs.configure("was", settings.instance_id)
    serve(Was(settings).app(), host=settings.host, port=settings.port)


if __name__ == "__main__":
    main()
