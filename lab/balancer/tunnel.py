"""An upgraded connection (WebSocket), relayed byte by byte in both directions."""

import asyncio
import contextlib
from typing import Any, Protocol

_HIGH_WATER_BYTES = 256 * 1024
_LOOK_SECONDS = 0.02


class _Connection(Protocol):
    """What both ends give: an asyncio protocol of aiohttp with its transport."""

    @property
    def transport(self) -> Any: ...


class _Pipe:
    """Takes the place of aiohttp's WebSocket reader: passes on what one side sends."""

    def __init__(self, tunnel: "Tunnel", source: asyncio.Transport, sink: asyncio.Transport):
        self._tunnel = tunnel
        self._source = source
        self._sink = sink

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._tunnel.moved_at = asyncio.get_running_loop().time()
        if not self._sink.is_closing():
            self._sink.write(data)
            if self._sink.get_write_buffer_size() > _HIGH_WATER_BYTES:
                self._source.pause_reading()
                self._resume_later()
        return False, b""

    def feed_eof(self) -> None:
        self._tunnel.close()

    def _resume_later(self) -> None:
        asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._resume_when_drained)

    def _resume_when_drained(self) -> None:
        if self._source.is_closing():
            return
        if self._sink.get_write_buffer_size() > _HIGH_WATER_BYTES:
            self._resume_later()
        else:
            self._source.resume_reading()


class Tunnel:
    """Two transports bound together: when one ends, what it sent is delivered, then both end."""

    def __init__(self, client: asyncio.Transport, target: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        self.moved_at = loop.time()
        self.client = client
        self.target = target
        self.from_client = _Pipe(self, client, target)
        self.from_target = _Pipe(self, target, client)
        self._closed: asyncio.Future[None] = loop.create_future()

    def close(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    async def run(self, idle_timeout_seconds: float) -> None:
        """Until either side ends, or nothing moved for `idle_timeout_seconds`."""
        loop = asyncio.get_running_loop()
        try:
            while not self._closed.done():
                left = self.moved_at + idle_timeout_seconds - loop.time()
                if left <= 0:
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(self._closed), left)
        finally:
            # close() delivers what is buffered first, so a close frame still arrives.
            self.target.close()
            self.client.close()
