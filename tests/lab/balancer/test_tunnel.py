"""WebSocket connections through a running balancer."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest
from aiohttp import WSCloseCode, WSMsgType, web

from lab.balancer.model import Forward
from tests.lab.balancer.conftest import BLUE, GREEN, Backend, Bench


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=("chat",), max_msg_size=0)
    await socket.prepare(request)
    async for message in socket:
        if message.data == "bye":
            await socket.close(code=4001, message=b"done")
        elif message.data == "crash":
            assert request.transport is not None
            request.transport.abort()
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        else:
            await socket.send_str(f"{request.headers['X-Forwarded-For']} said {message.data}")
    return socket


@pytest.fixture
async def client() -> Any:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def chat(bench: Bench) -> Backend:
    backend = await bench.backend(echo)
    bench.account.say({BLUE: [backend.target]}, delay_seconds=60)
    await bench.serving(backend)
    return backend


async def test_messages_go_both_ways_with_the_agreed_protocol(
    bench: Bench, chat: Backend, client: aiohttp.ClientSession
) -> None:
    async with client.ws_connect(bench.url, protocols=("chat",), compress=15) as socket:
        assert socket.protocol == "chat"
        for text in ("one", "two"):
            await socket.send_str(text)
            assert await socket.receive_str(timeout=60) == f"127.0.0.1 said {text}"
        large = bytes(range(256)) * 12_000
        await socket.send_bytes(large)
        assert await socket.receive_bytes(timeout=60) == large


async def test_a_close_and_its_code_arrive(
    bench: Bench, chat: Backend, client: aiohttp.ClientSession
) -> None:
    async with client.ws_connect(bench.url) as socket:
        await socket.send_str("bye")
        message = await socket.receive(timeout=60)
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 4001, "done")


async def test_a_target_that_dies_ends_the_connection_without_a_close(
    bench: Bench, chat: Backend, client: aiohttp.ClientSession
) -> None:
    async with client.ws_connect(bench.url) as socket:
        await socket.send_str("crash")
        message = await socket.receive(timeout=60)
        assert message.type is WSMsgType.CLOSED
        assert socket.close_code == WSCloseCode.ABNORMAL_CLOSURE


async def test_a_client_that_leaves_ends_the_connection_to_the_target(
    bench: Bench, chat: Backend, client: aiohttp.ClientSession
) -> None:
    socket = await client.ws_connect(bench.url)
    await socket.send_str("one")
    await socket.receive_str(timeout=60)
    transport = chat.requests[0].transport
    assert transport is not None
    await socket.close()
    await bench.until(transport.is_closing)


async def test_a_connection_stays_where_it_is_when_the_weights_move(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    blue, green = await bench.backend(echo), await bench.backend(echo)
    bench.account.say(
        {BLUE: [blue.target], GREEN: [green.target]}, action=Forward(((BLUE, 100), (GREEN, 0)))
    )
    await bench.serving(blue, green)
    async with client.ws_connect(bench.url) as old:
        await old.send_str("before")
        await old.receive_str(timeout=60)
        bench.account.forward((BLUE, 0), (GREEN, 100))
        await bench.taken_over()
        async with client.ws_connect(bench.url) as new:
            await new.send_str("new")
            await new.receive_str(timeout=60)
        await old.send_str("after")
        assert await old.receive_str(timeout=60) == "127.0.0.1 said after"
    assert (len(blue.requests), len(green.requests)) == (1, 1)


async def test_a_connection_outlives_deregistration(
    bench: Bench, chat: Backend, client: aiohttp.ClientSession
) -> None:
    async with client.ws_connect(bench.url) as socket:
        bench.account.say({BLUE: []}, delay_seconds=600)
        await bench.state_of(chat.target, "draining")
        await socket.send_str("still here")
        assert await socket.receive_str(timeout=60) == "127.0.0.1 said still here"


async def test_a_connection_is_cut_when_the_deregistration_delay_is_over(
    bench: Bench, chat: Backend, client: aiohttp.ClientSession
) -> None:
    async with client.ws_connect(bench.url) as socket:
        began = time.monotonic()
        bench.account.say({BLUE: []}, delay_seconds=0.7)
        message = await socket.receive(timeout=60)
        assert message.type is WSMsgType.CLOSED
        assert time.monotonic() - began >= 0.7
    await bench.until(lambda: chat.target not in bench.states())


async def test_a_silent_connection_ends_after_the_idle_timeout(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    backend = await bench.backend(echo)
    bench.account.say({BLUE: [backend.target]}, idle_timeout_seconds=2.0)
    await bench.serving(backend)
    async with client.ws_connect(bench.url) as socket:
        for _ in range(12):  # for longer than the timeout
            await asyncio.sleep(0.2)
            await socket.send_str("still here")
            await socket.receive_str(timeout=60)
        assert (await socket.receive(timeout=60)).type is WSMsgType.CLOSED


async def test_a_declined_upgrade_is_an_ordinary_answer(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    async def decline(request: web.Request) -> web.Response:
        return web.Response(status=403, text="not you")

    backend = await bench.backend(decline)
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await client.ws_connect(bench.url)
    assert caught.value.status == 403
    async with client.get(bench.url) as answer:
        assert answer.status == 403


async def test_a_target_that_sends_more_than_the_client_reads_is_slowed_down(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    sent = 0

    async def flood(request: web.Request) -> web.WebSocketResponse:
        nonlocal sent
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        for _ in range(400):
            await socket.send_bytes(b"x" * 100_000)
            sent += 1
        return socket

    backend = await bench.backend(flood)
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)
    async with client.ws_connect(bench.url, compress=0) as socket:
        transport = socket._conn.transport if socket._conn else None
        assert transport is not None
        transport.pause_reading()
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < 400, "all of it was taken although nobody read"
        transport.resume_reading()
        for _ in range(400):
            assert len(await socket.receive_bytes(timeout=60)) == 100_000
