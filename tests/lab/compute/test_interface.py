"""The network interface of an instance: transparent by itself, and disturbed as told."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.interface import Direction, Interface, NetworkFault, Relay

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
LATENCY = NetworkFault(latency_seconds=0.2)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    """An ingress relay for port 80 in front of an echo service."""
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    interface = Interface()
    yield interface.add("ingress", 80, server.sockets[0].getsockname())
    interface.close()
    server.close()


async def open_connection(
    relay: Relay,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", relay.port)


async def round_trip(relay: Relay) -> None:
    """A few bytes there and back on a new connection; they must not wait for a minute."""
    async with asyncio.timeout(60):
        reader, writer = await open_connection(relay)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.close()


async def wait_until_empty(relay: Relay) -> None:
    """Until the relay holds no connection."""
    deadline = time.monotonic() + 60
    while relay.ends:
        assert time.monotonic() < deadline, f"{len(relay.ends)} ends are kept"
        await asyncio.sleep(0.01)


async def test_bytes_pass_unchanged_both_ways(relay: Relay) -> None:
    content = bytes(range(256)) * 40_000
    reader, writer = await open_connection(relay)
    writer.write(content)
    writer.write_eof()
    assert await reader.read() == content


async def test_an_end_of_stream_travels_while_the_other_way_stays_open(relay: Relay) -> None:
    reader, writer = await open_connection(relay)
    writer.write(b"last words")
    writer.write_eof()
    assert await reader.read() == b"last words"


async def test_a_service_that_speaks_first_is_heard() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    interface = Interface()
    relay = interface.add("ingress", 25, server.sockets[0].getsockname())
    reader, _ = await open_connection(relay)
    assert await reader.read() == b"220 ready"
    interface.close()
    server.close()


async def test_a_service_that_does_not_listen_resets_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        destination = free.getsockname()
    interface = Interface()
    relay = interface.add("ingress", 80, destination)
    reader, writer = await open_connection(relay)
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    writer.close()
    interface.close()


async def test_closing_resets_open_connections_and_refuses_new_ones(relay: Relay) -> None:
    reader, writer = await open_connection(relay)
    writer.write(b"x")
    await reader.readexactly(1)
    relay.close()
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    with pytest.raises(ConnectionRefusedError):
        await open_connection(relay)


async def test_latency_delays_answers_and_ends_with_the_fault(relay: Relay) -> None:
    reader, writer = await open_connection(relay)
    await relay.set_faults([LATENCY])
    started = time.monotonic()
    writer.write(b"x")
    await reader.readexactly(1)
    assert time.monotonic() - started >= 0.2
    await relay.set_faults([NetworkFault(latency_seconds=600)])
    await relay.set_faults([])
    await round_trip(relay)
    writer.close()


async def test_latency_is_paid_once_for_a_stream_not_for_every_packet(relay: Relay) -> None:
    await relay.set_faults([LATENCY])
    content = b"x" * 16_000_000
    reader, writer = await open_connection(relay)
    started = time.monotonic()
    writer.write(content)
    assert len(await reader.readexactly(len(content))) == len(content)
    # Once for the handshake, once for the answer; packets one by one would take 50 s.
    assert 0.4 <= time.monotonic() - started < 40
    writer.close()


async def test_jitter_does_not_change_the_order(relay: Relay) -> None:
    await relay.set_faults([NetworkFault(latency_seconds=0.02, jitter_seconds=0.02)])
    reader, writer = await open_connection(relay)
    sent = b"".join(number.to_bytes(4, "big") for number in range(300))
    for start in range(0, len(sent), 4):
        writer.write(sent[start : start + 4])
        await asyncio.sleep(0.0005)
    assert await reader.readexactly(len(sent)) == sent
    writer.close()


async def test_loss_stalls_some_answers_and_loses_none(relay: Relay) -> None:
    await relay.set_faults([NetworkFault(loss=0.3)])
    reader, writer = await open_connection(relay)
    times = []
    for _ in range(60):
        started = time.monotonic()
        writer.write(b"x")
        await reader.readexactly(1)
        times.append(time.monotonic() - started)
        if max(times) > 0.2 and min(times) < 0.2:
            break
    assert max(times) >= 0.2, "a lost segment waits for the retransmission timeout"
    assert min(times) < 0.2, "others pass at once"
    writer.close()


async def test_a_black_hole_stops_bytes_and_lets_them_arrive_when_it_ends(relay: Relay) -> None:
    reader, writer = await open_connection(relay)
    await relay.set_faults([NetworkFault(blackhole_port=80)])
    writer.write(b"lost for now")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(1), 0.2)
    await relay.set_faults([])
    assert await asyncio.wait_for(reader.readexactly(12), 60) == b"lost for now"
    writer.close()


async def test_new_connections_to_a_black_hole_get_no_answer(relay: Relay) -> None:
    await relay.set_faults([NetworkFault(blackhole_port=80)])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(round_trip(relay), 0.3)
    await relay.set_faults([])
    await round_trip(relay)


async def test_a_black_hole_for_another_port_or_direction_has_no_effect(relay: Relay) -> None:
    await relay.set_faults(
        [
            NetworkFault(blackhole_port=5432),
            NetworkFault(blackhole_port=80, blackhole_traffic="egress"),
        ]
    )
    await round_trip(relay)


async def test_an_egress_black_hole_cuts_the_way_out() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    interface = Interface()
    relay = interface.add("egress", 5432, server.sockets[0].getsockname())
    reader, writer = await open_connection(relay)
    await interface.set_faults([NetworkFault(blackhole_port=5432, blackhole_traffic="egress")])
    writer.write(b"x")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(1), 0.2)
    await interface.set_faults([])
    assert await asyncio.wait_for(reader.readexactly(1), 60) == b"x"
    writer.close()
    interface.close()
    server.close()


async def test_without_faults_nothing_waits_for_a_clock(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(Direction, "delay", lambda _, size: asked.append(size) or 0.0)
    reader, writer = await open_connection(relay)
    for _ in range(300):
        writer.write(b"x" * 500)
        await reader.readexactly(500)
    assert not asked
    await relay.set_faults([LATENCY])
    writer.write(b"x")
    await reader.readexactly(1)
    assert asked == [1]
    writer.close()


@given(
    st.lists(
        st.builds(
            NetworkFault,
            latency_seconds=st.floats(0, 5),
            loss=st.floats(0, 1),
            jitter_seconds=st.floats(0, 1),
        ),
        max_size=4,
    ),
    st.integers(0, 10_000_000),
)
def test_faults_together_are_at_least_as_bad_as_each(faults: list[NetworkFault], size: int) -> None:
    direction = Direction()
    direction.set_conditions(faults, blocked=False)
    assert direction.latency_seconds >= max((fault.latency_seconds for fault in faults), default=0)
    assert max((fault.loss for fault in faults), default=0) - 1e-9 <= direction.loss <= 1
    assert direction.delay(size) >= 0
    assert direction.handshake_delay() >= 0


def test_the_share_of_stalled_single_segments_is_the_loss() -> None:
    direction = Direction()
    direction.set_conditions([NetworkFault(loss=0.1)], blocked=False)
    stalled = sum(direction.delay(100) > 0 for _ in range(20_000)) / 20_000
    assert stalled == pytest.approx(0.1, abs=0.02)


async def test_no_connection_is_kept_when_both_sides_have_closed(relay: Relay) -> None:
    for _ in range(20):
        await round_trip(relay)
    await wait_until_empty(relay)


async def test_a_client_that_resets_is_reset_at_the_service_too() -> None:
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(1)
            arrived.set()
            await reader.read()
        except ConnectionResetError:
            ended.set()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    interface = Interface()
    relay = interface.add("ingress", 80, server.sockets[0].getsockname())
    _, writer = await open_connection(relay)
    writer.write(b"x")
    await asyncio.wait_for(arrived.wait(), 60)
    own: socket.socket = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    await asyncio.wait_for(ended.wait(), 60)
    await wait_until_empty(relay)
    interface.close()
    server.close()
