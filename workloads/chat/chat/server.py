"""How an instance is served, and how it goes: uvicorn, and draining between SIGTERM and the end."""

from __future__ import annotations

import asyncio
import logging
import time
from types import FrameType
from typing import Final, Protocol

import uvicorn
from starlette.types import ASGIApp

from .settings import Settings

# Longer than the load balancer's idle timeout (60 s): the side that reuses a connection must be
# the one that closes it. Pings keep quiet WebSockets below it.
KEEP_ALIVE_SECONDS: Final = 75
PING_SECONDS: Final = 20.0
SHUTDOWN_SECONDS: Final = 5
FRAME_AT_MOST_BYTES: Final = 16 * 1024
_log = logging.getLogger("chat.server")


class Draining(Protocol):
    """What draining needs to know and to set."""

    draining: bool

    @property
    def connections(self) -> int: ...


class _Server(uvicorn.Server):
    """On the first signal nobody new comes in, and connections live on until they end or
    `drain_seconds` are over; then uvicorn closes them with 1012 (service restart): come again.
    The second signal ends the waiting."""

    def __init__(self, config: uvicorn.Config, service: Draining, drain_seconds: float) -> None:
        super().__init__(config)
        self._service = service
        self._drain_seconds = drain_seconds
        self._give_up_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._service.draining:
            super().handle_exit(sig, frame)
            return
        self._service.draining = True
        self._give_up_at = time.monotonic() + self._drain_seconds
        _log.info("draining", extra={"fields": {"connections": self._service.connections}})

    async def on_tick(self, counter: int) -> bool:
        if self._give_up_at is not None and (
            self._service.connections == 0 or time.monotonic() >= self._give_up_at
        ):
            _log.info("going", extra={"fields": {"connections": self._service.connections}})
            self.should_exit = True
        return await super().on_tick(counter)


def serve(app: ASGIApp, service: Draining, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, drain, and return."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="asyncio",
        http="h11",
        ws="websockets-sansio",
        ws_max_size=FRAME_AT_MOST_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = _Server(config, service, settings.drain_seconds)
    asyncio.run(server.serve())
