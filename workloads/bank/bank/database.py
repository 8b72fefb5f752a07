"""Connections to PostgreSQL that a restart or a dead network cannot hold up for long.

Three things are done here that the pool does not do by itself:
- A connection whose server went away is thrown out before a request gets it. A closed one shows
  as a readable socket, which costs a system call instead of a round trip.
- A waiting request asks for a new connection every quarter of a second. The pool's own reconnection
  backs off up to minutes, and would keep requests waiting after the database has come back.
- A query that has had no answer by its deadline loses its socket. Cancelling it would need the
  server to answer, which a blackholed one never does.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

Connection = psycopg.AsyncConnection[DictRow]

WAIT_SECONDS: Final = 2.0
DEADLINE_SECONDS: Final = 4.0
_ASK_AGAIN_SECONDS: Final = 0.25
_PING_SECONDS: Final = 0.5

# The server's own limits, so that an instance that hangs gives up its locks.
_SERVER_OPTIONS: Final = (
    "-c statement_timeout=9000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=5000"
)
CONNECT_OPTIONS: Final[dict[str, Any]] = {
    "connect_timeout": 2,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 4000,
    "application_name": "bank",
    "options": _SERVER_OPTIONS,
}


class DatabaseUnavailableError(Exception):
    """No connection in time, or it broke: what was asked may or may not have been done."""


class Database:
    """A pool of connections in autocommit mode with rows as dictionaries."""

    def __init__(self, url: str, *, pool_size: int) -> None:
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=min(2, pool_size),
            max_size=pool_size,
            open=False,
            kwargs={**CONNECT_OPTIONS, "autocommit": True, "row_factory": dict_row},
            reconnect_timeout=_ASK_AGAIN_SECONDS,
            max_idle=60,
            name="bank",
        )

    async def open(self) -> None:
        """Start connecting; does not wait, so that the service starts without a database too."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=1)

    @asynccontextmanager
    async def connection(
        self, *, wait_seconds: float = WAIT_SECONDS, deadline_seconds: float = DEADLINE_SECONDS
    ) -> AsyncIterator[Connection]:
        """A live connection for at most `deadline_seconds`; raises DatabaseUnavailableError."""
        try:
            connection = await self._checkout(wait_seconds)
            try:
                with _Deadline(connection, deadline_seconds):
                    yield connection
            finally:
                await self._pool.putconn(connection)
        except (
            psycopg.OperationalError,
            psycopg.InterfaceError,
            # A former primary after a failover.
            psycopg.errors.ReadOnlySqlTransaction,
        ) as error:
            raise DatabaseUnavailableError(str(error).strip() or type(error).__name__) from error

    async def ping(self) -> None:
        """One round trip, within a second in all; raises DatabaseUnavailableError."""
        async with self.connection(
            wait_seconds=_PING_SECONDS, deadline_seconds=_PING_SECONDS
        ) as connection:
            await connection.execute("SELECT 1")

    async def _checkout(self, wait_seconds: float) -> Connection:
        give_up_at = time.monotonic() + wait_seconds
        while (remaining := give_up_at - time.monotonic()) > 0:
            try:
                connection = await self._pool.getconn(min(remaining, _ASK_AGAIN_SECONDS))
            except PoolTimeout:
                continue
            if await _is_alive(connection):
                return connection
            await self._pool.putconn(connection)
        raise DatabaseUnavailableError(f"no connection to the database within {wait_seconds:g} s")


class _Deadline:
    """Cuts the connection's socket when the time is over; whoever waits on it gets an error."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._seconds, _cut, self._connection)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _cut(connection: Connection) -> None:
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.fileno())) as its_socket:
        try:
            its_socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the peer was faster


async def _is_alive(connection: Connection) -> bool:
    if connection.closed:
        return False
    watch = select.poll()
    watch.register(connection.fileno(), select.POLLIN)
    if not watch.poll(0):
        return True
    try:
        with _Deadline(connection, _PING_SECONDS):
            await connection.execute("")
    except psycopg.Error:
        return False
    return True
