"""Requests through a running balancer to real servers."""

import asyncio
import gzip
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.lab.balancer.conftest import BLUE, Bench


@pytest.fixture
async def client() -> Any:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


async def test_a_request_arrives_with_its_path_query_headers_and_the_forwarded_headers(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    backend = await bench.backend()
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)

    async with client.get(
        bench.url + "/a%2Fb/c?x=1&y=%20",
        headers={
            "X-Forwarded-For": "10.0.0.9",
            "X-Kept": "yes",
            "Connection": "X-Dropped",
            "X-Dropped": "yes",
        },
    ) as answer:
        assert (answer.status, await answer.text()) == (200, "ok")

    request = backend.requests[0]
    assert request.raw_path == "/a%2Fb/c?x=1&y=%20"
    assert request.headers["X-Forwarded-For"] == "10.0.0.9, 127.0.0.1"
    assert request.headers["X-Forwarded-Proto"] == "http"
    assert request.headers["X-Forwarded-Port"] == str(bench.account.port)
    assert request.headers["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert request.headers["Host"] == f"127.0.0.1:{bench.account.port}"
    assert request.headers["X-Kept"] == "yes"
    assert "X-Dropped" not in request.headers


async def test_answers_keep_status_reason_headers_and_cookies(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    async def answer_oddly(request: web.Request) -> web.Response:
        response = web.Response(status=418, reason="Teapot", body=gzip.compress(b"short and stout"))
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("Set-Cookie", "b=2")
        response.headers["Content-Encoding"] = "gzip"
        return response

    backend = await bench.backend(answer_oddly)
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)

    async with client.get(bench.url) as answer:
        assert (answer.status, answer.reason) == (418, "Teapot")
        assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await answer.read()) == b"short and stout"


@pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_bodies_of_any_size_go_both_ways_unchanged(
    bench: Bench, client: aiohttp.ClientSession, size: int, chunked: bool
) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if not chunked:
            return web.Response(body=body)
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(body)
        return response

    async def pieces() -> Any:
        for start in range(0, size, 70_000):
            yield body[start : start + 70_000]

    backend = await bench.backend(echo)
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    async with client.post(bench.url, data=pieces() if chunked else body) as answer:
        assert await answer.read() == body
        assert ("Transfer-Encoding" in answer.headers) == chunked
    assert ("Transfer-Encoding" in backend.requests[0].headers) == (chunked and size > 0)


async def test_head_keeps_the_length_and_brings_no_body(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    async def answer_long(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1234)

    backend = await bench.backend(answer_long)
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)
    for _ in range(2):
        async with client.head(bench.url) as answer:
            assert answer.headers["Content-Length"] == "1234"
            assert await answer.read() == b""


async def test_a_streamed_answer_arrives_while_it_is_being_made(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    seen = asyncio.Event()

    async def answer_slowly(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await asyncio.wait_for(seen.wait(), 60)
        await response.write(b"second")
        return response

    backend = await bench.backend(answer_slowly)
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)
    async with client.get(bench.url) as answer:
        assert await answer.content.readany() == b"first"
        seen.set()
        assert await answer.read() == b"second"


async def test_without_registered_targets_the_answer_is_503(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    bench.account.say({BLUE: []})
    await bench.until(bench.service.urls)
    async with client.get(bench.url) as answer:
        assert answer.status == 503
        assert answer.headers["Server"] == "awselb/2.0"


async def test_a_target_that_refuses_gives_502_and_becomes_unhealthy(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    backend = await bench.backend()
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)
    await backend.stop()
    async with client.get(bench.url) as answer:
        assert answer.status == 502
    await bench.state_of(backend.target, "unhealthy")
    await backend.start()
    await bench.state_of(backend.target, "healthy")


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_a_target_that_drops_the_connection_gives_502_and_is_asked_once(
    bench: Bench, client: aiohttp.ClientSession, method: str
) -> None:
    async def drop(request: web.Request) -> web.Response:
        if request.path == "/drop":
            assert request.transport is not None
            request.transport.close()
        return web.Response()

    backend = await bench.backend(drop)
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)
    for path, status in (("/", 200), ("/drop", 502)):
        # The second one goes on the pooled connection, where aiohttp itself would try again.
        async with client.request(method, bench.url + path) as answer:
            assert answer.status == status
    assert [request.path for request in backend.requests] == ["/", "/drop"]


async def test_a_target_that_does_not_answer_in_time_gives_504(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(600)
        return web.Response()

    backend = await bench.backend(hang)
    bench.account.say({BLUE: [backend.target]}, idle_timeout_seconds=0.3)
    await bench.serving(backend)
    async with client.get(bench.url) as answer:
        assert answer.status == 504


async def test_an_answer_that_breaks_off_is_broken_off_for_the_client_too(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"only this")
        assert request.transport is not None
        request.transport.abort()
        return response

    backend = await bench.backend(break_off)
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.get(bench.url) as answer:
            await answer.read()


async def test_a_client_that_leaves_ends_the_request_to_the_target_too(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        arrived.set()
        transport = request.transport
        assert transport is not None
        while not transport.is_closing():  # noqa: ASYNC110 - a transport has no event for it
            await asyncio.sleep(0.01)
        ended.set()
        return web.Response()

    backend = await bench.backend(hang)
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)
    asking = asyncio.create_task(client.get(bench.url).__aenter__())
    await arrived.wait()
    asking.cancel()
    await asyncio.wait_for(ended.wait(), 60)
    await bench.until(bench.access_log.read_text)
    line = json.loads(bench.access_log.read_text())
    assert (line["elb_status"], line["status"]) == (460, None)
