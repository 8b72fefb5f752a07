"""One load balancer that listens: its server, and its own connections to targets."""

import asyncio
import logging
import socket
import weakref
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from lab.balancer.access_log import AccessLog
from lab.balancer.metrics import Metrics
from lab.balancer.model import LoadBalancer
from lab.balancer.proxy import Proxy, Routes

log = logging.getLogger(__name__)

POOL_IDLE_SECONDS = 4.0
"""Pooled connections to targets close after this; web servers commonly close theirs after 5 s."""
_MAX_LINE_BYTES = 64 * 1024


class ConnectionCounter:
    """Counts the sockets opened for connections to targets, and those open now."""

    def __init__(self) -> None:
        self.opened = 0
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def new_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, _ = info
        opened = socket.socket(family, kind, protocol)
        opened.setblocking(False)
        self.opened += 1
        self._sockets.add(opened)
        return opened

    def active(self) -> int:
        return sum(one.fileno() != -1 for one in self._sockets)


def new_session(counter: ConnectionCounter) -> aiohttp.ClientSession:
    """The session that requests go to targets with: it adds nothing and tries nothing twice."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0, keepalive_timeout=POOL_IDLE_SECONDS, socket_factory=counter.new_socket
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        max_line_size=_MAX_LINE_BYTES,
        max_field_size=_MAX_LINE_BYTES,
    )
    # aiohttp repeats an idempotent request whose connection broke; a load balancer does not.
    session._retry_connection = False
    return session


@dataclass
class Listening:
    """A served load balancer. `balancer` is replaced when its rules change."""

    balancer: LoadBalancer
    proxy: Proxy
    session: aiohttp.ClientSession
    server: asyncio.Server
    handlers: web.Server
    to_targets: ConnectionCounter
    from_clients: int = 0
    counted: int = 0

    def opened_since(self) -> int:
        """Connections opened since the last call, of clients and to targets."""
        total = self.from_clients + self.to_targets.opened
        opened, self.counted = total - self.counted, total
        return opened

    def active(self) -> int:
        """Connections open now, of clients and to targets."""
        return len(self.handlers.connections) + self.to_targets.active()

    async def stop(self) -> None:
        self.server.close()
        await self.handlers.shutdown(1.0)
        await self.session.close()
        log.info("%s is served no more", self.balancer.arn)


async def listen(
    balancer: LoadBalancer, routes: Routes, metrics: Metrics, access_log: AccessLog
) -> Listening:
    """Start to serve. Raises OSError when the port is taken."""
    counter = ConnectionCounter()
    session = new_session(counter)
    proxy = Proxy(balancer.arn, routes, session, metrics, access_log)
    handlers = web.Server(
        proxy.handle,
        handler_cancellation=True,
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=balancer.idle_timeout_seconds,
        max_line_size=_MAX_LINE_BYTES,
        max_field_size=_MAX_LINE_BYTES,
    )

    def accept() -> asyncio.Protocol:
        listening.from_clients += 1
        return handlers()

    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(
            accept, balancer.host, balancer.port, backlog=1024, start_serving=False
        )
    except OSError:
        await session.close()
        raise
    listening = Listening(balancer, proxy, session, server, handlers, counter)
    return listening
