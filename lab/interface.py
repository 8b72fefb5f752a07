"""The network interface of one instance, as relays in user space.

All traffic between an instance and the rest of the lab passes relays: one for every port that
the instance serves (ingress), one for every place that it talks to, such as its database
(egress). Network faults act there, in the direction in which `tc netem` and `iptables` act on
an EC2 instance:

- latency, jitter, loss: on what *leaves* the instance (answers of its services, and its own
  requests), and on the handshake of new connections;
- a black hole: ingress traffic to a port that it serves, or egress traffic to a port elsewhere.
  Bytes stop and new connections hang. What was sent meanwhile arrives when the fault ends, as
  with TCP's retransmissions.

A relay carries a byte stream, so it cannot drop packets; the kernel would retransmit them below
us. Loss is modelled as what TCP makes of it: a lost segment arrives one retransmission later, and
everything behind it waits. Segments followed by at least three others are repaired by fast
retransmit (one round trip); the last ones of a burst wait for the timeout (RFC 6298; Linux:
200 ms over the round trip), which doubles every time that the repetition is lost too.
"""

import asyncio
import contextlib
import math
import random
import socket
import struct
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

SEGMENT_BYTES = 1448
RETRANSMISSION_TIMEOUT_SECONDS = 0.2
HANDSHAKE_TIMEOUT_SECONDS = 1.0
MAXIMUM_RETRANSMISSIONS = 6
_BACKLOG = 512
# A line that holds more than this makes the sender wait: 300 ms at 100 MB/s.
_LINE_LIMIT_BYTES = 32 * 1024 * 1024

TrafficType = Literal["ingress", "egress"]


@dataclass(frozen=True, kw_only=True)
class NetworkFault:
    """One disturbance of an interface; several may act together. `loss` is 0 to 1.

    With `blackhole_port` set it swallows traffic to that port (as the instance knows it).
    `from_balancer_only` spares the connections that the instance opens itself.
    """

    latency_seconds: float = 0.0
    jitter_seconds: float = 0.0
    loss: float = 0.0
    blackhole_port: int | None = None
    blackhole_traffic: TrafficType = "ingress"
    from_balancer_only: bool = False


class Direction:
    """What happens to the bytes of all connections of a relay that go one way."""

    def __init__(self) -> None:
        self.latency_seconds = 0.0
        self.jitter_seconds = 0.0
        self.loss = 0.0
        self.blocked = False
        self.lines: set[_Line] = set()

    @property
    def clear(self) -> bool:
        return not (self.blocked or self.latency_seconds or self.jitter_seconds or self.loss)

    def set_conditions(self, faults: Iterable[NetworkFault], *, blocked: bool) -> None:
        """Latencies add up, losses multiply; lines that were blocked start to move again."""
        faults = list(faults)
        self.latency_seconds = sum(fault.latency_seconds for fault in faults)
        self.jitter_seconds = sum(fault.jitter_seconds for fault in faults)
        self.loss = 1 - math.prod(1 - fault.loss for fault in faults)
        self.blocked = blocked
        for line in list(self.lines):
            line.wake()

    def delay(self, size: int) -> float:
        """Seconds until `size` bytes that are sent now have arrived."""
        return max(0.0, self._latency() + self._stall(size))

    def handshake_delay(self) -> float:
        """Seconds that a handshake packet in this direction takes."""
        return max(0.0, self._latency() + self._timeouts(HANDSHAKE_TIMEOUT_SECONDS))

    def _latency(self) -> float:
        return self.latency_seconds + random.uniform(-1, 1) * self.jitter_seconds

    def _stall(self, size: int) -> float:
        if not self.loss:
            return 0.0
        segments = max(1, math.ceil(size / SEGMENT_BYTES))
        tail = min(3, segments)
        if random.random() < 1 - (1 - self.loss) ** tail:
            timeout = RETRANSMISSION_TIMEOUT_SECONDS + self.latency_seconds
            return timeout + self._timeouts(2 * timeout)
        if random.random() < 1 - (1 - self.loss) ** (segments - tail):
            return max(0.001, self.latency_seconds)
        return 0.0

    def _timeouts(self, timeout_seconds: float) -> float:
        """The sum of doubling timeouts until a transmission gets through."""
        waited = 0.0
        for _ in range(MAXIMUM_RETRANSMISSIONS):
            if random.random() >= self.loss:
                break
            waited += timeout_seconds
            timeout_seconds *= 2
        return waited


class _Line:
    """One direction of one connection: a delay line that keeps order and throughput."""

    def __init__(self, direction: Direction, source: "_End", sink: "_End") -> None:
        self._loop = asyncio.get_running_loop()
        self._direction = direction
        self._source = source
        self._sink = sink
        # (when it is due, bytes | None for end of stream | the exception that ended it)
        self._queue: deque[tuple[float, bytes | _Closed | None]] = deque()
        self._held_bytes = 0
        self._last_due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        direction.lines.add(self)

    def send(self, item: "bytes | _Closed | None") -> None:
        if not self._queue and self._direction.clear:
            self._sink.deliver(item)
            return
        size = len(item) if isinstance(item, bytes) else 0
        due = self._loop.time() + self._direction.delay(size)
        # A stalled segment holds up what comes after it.
        self._last_due = max(self._last_due, due)
        self._queue.append((self._last_due, item))
        self._held_bytes += size
        if self._held_bytes > _LINE_LIMIT_BYTES:
            self._source.hold("line")
        self.wake()

    def wake(self) -> None:
        """Deliver what is due, unless the direction is blocked, and set the alarm for the rest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._loop.time()
        while self._queue and not self._direction.blocked and self._queue[0][0] <= now:
            _, item = self._queue.popleft()
            if isinstance(item, bytes):
                self._held_bytes -= len(item)
            self._sink.deliver(item)
        if self._held_bytes <= _LINE_LIMIT_BYTES:
            self._source.release("line")
        if self._queue and not self._direction.blocked:
            self._timer = self._loop.call_at(self._queue[0][0], self.wake)

    def discard(self) -> None:
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._direction.lines.discard(self)


@dataclass(frozen=True)
class _Closed:
    """The end of a connection, as news that travels along the line."""

    reset: bool


class _End(asyncio.Protocol):
    """One of the two sockets of a relayed connection."""

    def __init__(self, relay: "Relay") -> None:
        self._relay = relay
        self.line: _Line
        self.peer: _End
        self.transport: asyncio.Transport | None = None
        self._holds: set[str] = set()
        self._read_all = False
        self._wrote_all = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"not a stream: {transport}")
        self.transport = transport
        self._relay.ends.add(self)
        if self._holds:
            transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self.line.send(data)

    def eof_received(self) -> bool:
        self._read_all = True
        self.line.send(None)
        self._close_when_done()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.ends.discard(self)
        self.line.send(_Closed(reset=exc is not None))
        # What still travels towards this end has nowhere to go.
        self.peer.line.discard()

    def pause_writing(self) -> None:
        self.peer.hold("socket")

    def resume_writing(self) -> None:
        self.peer.release("socket")

    def hold(self, reason: str) -> None:
        if not self._holds and self.transport is not None:
            self.transport.pause_reading()
        self._holds.add(reason)

    def release(self, reason: str) -> None:
        self._holds.discard(reason)
        if not self._holds and self.transport is not None:
            self.transport.resume_reading()

    def deliver(self, item: bytes | _Closed | None) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if isinstance(item, bytes):
            self.transport.write(item)
        elif item is None:
            with contextlib.suppress(OSError):  # the other side closed at the same moment
                self.transport.write_eof()
            self._wrote_all = True
            self._close_when_done()
        elif item.reset:
            self.reset()
        else:
            self.transport.close()

    def _close_when_done(self) -> None:
        # asyncio keeps a socket open that is shut down both ways.
        if self._read_all and self._wrote_all and self.transport is not None:
            self.transport.close()

    def reset(self) -> None:
        """Close with RST, as a host does that no longer knows the connection."""
        if self.transport is not None:
            connection = self.transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()


class Relay:
    """Carries TCP connections from a port of its own on 127.0.0.1 to a destination.

    `instance_port` is the port as the instance sees it: the one that it serves (ingress) or the
    one that it connects to (egress).
    """

    def __init__(
        self, traffic: TrafficType, instance_port: int, destination: tuple[str, int]
    ) -> None:
        self.traffic = traffic
        self.instance_port = instance_port
        self.ends: set[_End] = set()
        self._destination = destination
        self._towards_destination = Direction()
        self._towards_client = Direction()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._accepting: asyncio.Task[None] | None = None
        self._openings: set[asyncio.Task[None]] = set()
        self._plug: list[socket.socket] = []
        self._plug_ports: set[int] = set()

    def start(self) -> Self:
        self._accepting = asyncio.create_task(self._accept())
        return self

    async def set_faults(self, faults: list[NetworkFault]) -> None:
        """Replace the faults that act on this relay."""
        faults = [f for f in faults if self.traffic == "ingress" or not f.from_balancer_only]
        blocked = any(
            fault.blackhole_port == self.instance_port and fault.blackhole_traffic == self.traffic
            for fault in faults
        )
        was_blocked = self._towards_destination.blocked
        leaving, entering = (
            (self._towards_client, self._towards_destination)
            if self.traffic == "ingress"
            else (self._towards_destination, self._towards_client)
        )
        leaving.set_conditions(faults, blocked=blocked and self.traffic == "egress")
        entering.set_conditions([], blocked=blocked and self.traffic == "ingress")
        if blocked and not was_blocked:
            await self._stop_accepting()
        elif was_blocked and not blocked:
            self._resume_accepting()

    def close(self) -> None:
        """Refuse new connections and reset the open ones."""
        if self._accepting is not None:
            self._accepting.cancel()
        self._socket.close()
        for opening in list(self._openings):
            opening.cancel()
        for end in list(self.ends):
            end.reset()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(self._socket)
            except OSError:  # out of descriptors, or the client is gone already
                await asyncio.sleep(0.05)
                continue
            if peer[1] in self._plug_ports:
                connection.close()
                continue
            opening = asyncio.create_task(self._open(connection))
            self._openings.add(opening)
            opening.add_done_callback(self._openings.discard)

    async def _open(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        leaving = self._towards_client if self.traffic == "ingress" else self._towards_destination
        client, service = _End(self), _End(self)
        client.peer, service.peer = service, client
        client.line = _Line(self._towards_destination, client, service)
        service.line = _Line(self._towards_client, service, client)
        service.hold("opening")  # a service may speak first
        try:
            if not leaving.clear:
                await asyncio.sleep(leaving.handshake_delay())
            await loop.create_connection(lambda: service, *self._destination)
        except (OSError, asyncio.CancelledError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            client.line.discard()
            service.line.discard()
            return
        await loop.connect_accepted_socket(lambda: client, connection)
        service.release("opening")
        if service.transport is None or service.transport.is_closing():
            client.reset()

    async def _stop_accepting(self) -> None:
        """Make new connections hang, as if their SYN had been dropped.

        The kernel drops SYNs to a socket whose queue is full: make the queue short, fill it.
        """
        if self._accepting is not None:
            self._accepting.cancel()
        loop = asyncio.get_running_loop()
        self._plug_ports.clear()
        self._socket.listen(0)
        while len(self._plug) < _BACKLOG:
            filler = socket.socket()
            filler.setblocking(False)
            self._plug.append(filler)
            try:
                await asyncio.wait_for(
                    loop.sock_connect(filler, ("127.0.0.1", self.port)), timeout=0.02
                )
            except TimeoutError:
                return
            self._plug_ports.add(filler.getsockname()[1])

    def _resume_accepting(self) -> None:
        for filler in self._plug:
            filler.close()
        self._plug.clear()
        self._socket.listen(_BACKLOG)
        self.start()


class Interface:
    """All relays of one instance, and the faults that act on them."""

    def __init__(self) -> None:
        self.relays: list[Relay] = []

    def add(self, traffic: TrafficType, instance_port: int, destination: tuple[str, int]) -> Relay:
        relay = Relay(traffic, instance_port, destination).start()
        self.relays.append(relay)
        return relay

    async def set_faults(self, faults: list[NetworkFault]) -> None:
        for relay in self.relays:
            await relay.set_faults(faults)

    def close(self) -> None:
        for relay in self.relays:
            relay.close()
