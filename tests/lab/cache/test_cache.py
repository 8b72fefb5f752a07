"""A real Redis that asks for its token, comes back empty on its port, and dies with its guard."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lab.cache import Cache
from tests.lab.compute.laboratory import wait_for


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    cache = Cache("pond", tmp_path / "cache", auth_token="open-sesame")
    cache.start()
    yield cache
    cache.stop()


def client(cache: Cache, password: str | None = None) -> "redis.Redis":
    once = Retry(NoBackoff(), 0)
    return redis.Redis(port=cache.port, password=password or cache.auth_token, retry=once)


def test_a_client_needs_the_token(cache: Cache) -> None:
    assert client(cache).ping()
    with pytest.raises(redis.AuthenticationError):
        client(cache, "let me in").ping()


def test_a_cache_that_starts_again_is_empty_and_at_the_same_place(cache: Cache) -> None:
    client(cache).set("key", "value")
    port = cache.port
    cache.stop()
    with pytest.raises(redis.ConnectionError):
        client(cache).ping()
    cache.start()
    assert cache.port == port
    assert client(cache).get("key") is None


def test_a_cache_that_died_says_so(cache: Cache) -> None:
    os.kill(int(client(cache).info("server")["process_id"]), signal.SIGKILL)
    wait_for(lambda: not cache.running, 30)
