"""A client that writes down everything it hears, and may lose its connection and come back."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat_testing.processes import Instance

SECONDS = 60.0


async def join(instance: Instance, name: str = "Mina") -> dict[str, Any]:
    """A new user: `{user_id, name, token}`."""
    async with httpx.AsyncClient(base_url=instance.url, timeout=SECONDS) as client:
        answer = await client.post("/api/join", json={"name": name})
    answer.raise_for_status()
    user: dict[str, Any] = answer.json()
    return user


class Listener:
    """One connection. `heard` are all messages of it in order, `frames` everything."""

    def __init__(self, instance: Instance, user: dict[str, Any], rooms: dict[str, Any]) -> None:
        self.frames: list[dict[str, Any]] = []
        self.closed_with: int | None = None
        self._instance = instance
        self._hello = {"type": "hello", "token": user["token"], "rooms": rooms}
        self._changed = asyncio.Event()
        self._ids = itertools.count(1)
        self._run = uuid.uuid4().hex[:8]

    async def __aenter__(self) -> Self:
        self.socket: ClientConnection = await connect(self._instance.socket_url, proxy=None)
        await self.say(self._hello)
        self._reading = asyncio.create_task(self._read())
        rooms = len(self._hello["rooms"])
        await self.until(
            lambda: (
                self.closed_with is not None
                or (
                    bool(self.of("welcome"))
                    and len(self.of("joined")) + len(self.of("error")) >= rooms
                )
            )
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        with suppress(ConnectionClosed):
            await self.socket.close()

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                self.frames.append(json.loads(text))
                self._changed.set()
        except ConnectionClosed:
            pass
        self.closed_with = self.socket.close_code
        self._changed.set()

    def cut(self) -> None:
        """The network is gone, without a word."""
        self.socket.transport.abort()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == kind]

    def heard(self, room: str) -> list[tuple[int, str]]:
        """Sequence and text of each message, as they came."""
        return [(f["seq"], f["text"]) for f in self.of("message") if f["room"] == room]

    async def say(self, frame: dict[str, Any]) -> None:
        await self.socket.send(json.dumps(frame))

    async def send(self, room: str, text: str, message_id: str | None = None) -> dict[str, Any]:
        """Send a message; its `sent` or `error`."""
        message_id = message_id or f"{self._run}-{next(self._ids)}"
        before = len(self.frames)
        await self.say({"type": "send", "room": room, "id": message_id, "text": text})

        def answered() -> list[dict[str, Any]]:
            return [
                frame
                for frame in self.frames[before:]
                if frame["type"] in {"sent", "error"} and frame.get("id") == message_id
            ]

        await self.until(lambda: bool(answered()))
        return answered()[0]

    async def until(self, holds: Callable[[], bool], seconds: float = SECONDS) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self._changed.clear()
                await self._changed.wait()
