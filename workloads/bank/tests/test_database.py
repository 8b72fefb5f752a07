"""The pool when the database goes away, comes back, or stops answering."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from bank.database import Database, DatabaseUnavailableError
from bank_testing.processes import Postgres, free_port


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.remove()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url, pool_size=3)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def select_one(
    database: Database, *, wait_seconds: float = 60.0, deadline_seconds: float = 60.0
) -> None:
    async with database.connection(
        wait_seconds=wait_seconds, deadline_seconds=deadline_seconds
    ) as connection:
        await connection.execute("SELECT 1")


async def test_a_request_waits_two_seconds_for_a_database_that_is_away() -> None:
    async with opened(f"postgresql://bank@127.0.0.1:{free_port()}/bank") as database:
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailableError, match="within 2 s"):
            async with database.connection():
                pytest.fail("there is no database")
        assert time.monotonic() - started >= 1.9


async def test_connections_of_a_restarted_database_are_never_handed_out(
    own_postgres: Postgres,
) -> None:
    async with opened(own_postgres.url) as database:
        await asyncio.gather(*(select_one(database) for _ in range(3)))
        await asyncio.to_thread(own_postgres.crash)
        await asyncio.to_thread(own_postgres.start)
        await asyncio.gather(*(select_one(database) for _ in range(12)))


async def test_a_request_that_waits_is_served_as_soon_as_the_database_is_back(
    own_postgres: Postgres,
) -> None:
    async with opened(own_postgres.url) as database:
        await select_one(database)
        await asyncio.to_thread(own_postgres.crash)
        waiting = asyncio.create_task(select_one(database, wait_seconds=600))
        # Long enough away that the pool's own attempts are over before it is back.
        with pytest.raises(DatabaseUnavailableError):
            await select_one(database, wait_seconds=2)
        await asyncio.to_thread(own_postgres.start)
        await asyncio.wait_for(waiting, 60)


async def _until_served(database: Database) -> None:
    while True:
        try:
            return await select_one(database)
        except DatabaseUnavailableError:
            continue


async def test_a_query_on_a_network_that_swallows_everything_ends_at_its_deadline(
    postgres: Postgres,
) -> None:
    async with _Blackhole(postgres.port) as hole, opened(hole.url) as database:
        await select_one(database)
        hole.swallows = True
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            await select_one(database, deadline_seconds=0.5)
        assert time.monotonic() - started < 30
        hole.swallows = False
        await _until_served(database)


class _Blackhole:
    """A TCP relay to the database that can stop passing anything on, without closing."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.swallows = False

    async def __aenter__(self) -> _Blackhole:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgresql://bank@127.0.0.1:{port}/postgres"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(65536):
            if not self.swallows:
                writer.write(content)
        writer.close()
