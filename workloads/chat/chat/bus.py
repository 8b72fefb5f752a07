"""Redis pub/sub between instances: fast, and allowed to fail.

A message that it loses is found again in the history, so nothing here is retried.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import redis.asyncio as redis
from redis.exceptions import RedisError

from .messages import Message

BEAT_SECONDS: Final = 1.0
SILENCE_SECONDS: Final = 4.0
TIMEOUT_SECONDS: Final = 1.0
PAUSES_SECONDS: Final = (0.1, 0.2, 0.5, 1.0)
CHANNEL: Final = "chat:messages"
_log = logging.getLogger("chat.bus")

Receive = Callable[[Message], None]
Connected = Callable[[], Awaitable[None]]


class Bus:
    """`alive` says whether we hear ourselves."""

    def __init__(self, url: str, password: str | None, instance_id: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            password=password,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            decode_responses=True,
        )
        self._beat_channel = f"chat:beat:{instance_id}:{time.time_ns()}"
        self._alive = False
        self._listening: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        return self._alive

    def start(self, *, receive: Receive, connected: Connected) -> None:
        """`receive` gets every message published by any instance while we listen; `connected` is
        called each time that we begin to."""
        self._listening = asyncio.create_task(self._listen_for_ever(receive, connected))

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    async def publish(self, message: Message) -> bool:
        """Tell the other instances; whether Redis took it."""
        if not self._alive:
            return False  # it would only wait for a timeout
        try:
            await self._redis.publish(CHANNEL, json.dumps(message.content()))
        except (RedisError, OSError, TimeoutError) as error:
            self._lost(error)
            return False
        return True

    async def _listen_for_ever(self, receive: Receive, connected: Connected) -> None:
        failures = 0
        while True:
            started = time.monotonic()
            try:
                await self._listen(receive, connected)
            except (RedisError, OSError, TimeoutError) as error:
                self._lost(error)
            if time.monotonic() - started > 10 * BEAT_SECONDS:
                failures = 0
            await asyncio.sleep(PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS) - 1)])
            failures += 1

    async def _listen(self, receive: Receive, connected: Connected) -> None:
        """Receive until something breaks; silence counts as that, for we beat ourselves."""
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL, self._beat_channel)
            beating = asyncio.create_task(self._beat())
            heard_at = time.monotonic()
            try:
                while True:
                    line = await pubsub.get_message(
                        ignore_subscribe_messages=True, timeout=BEAT_SECONDS
                    )
                    now = time.monotonic()
                    if line is not None and line["channel"] == self._beat_channel:
                        heard_at = now
                        if not self._alive:
                            self._alive = True
                            _log.info("Redis is there")
                            await connected()
                    elif line is not None:
                        message = _message(line["data"])
                        if message is not None:
                            receive(message)
                    if now - heard_at > SILENCE_SECONDS:
                        raise TimeoutError(f"nothing heard for {SILENCE_SECONDS:g} s")
                    if beating.done():
                        beating.result()
            finally:
                beating.cancel()

    async def _beat(self) -> None:
        while True:
            await self._redis.publish(self._beat_channel, "beat")
            await asyncio.sleep(BEAT_SECONDS)

    def _lost(self, error: BaseException) -> None:
        if self._alive:
            _log.warning("Redis is away: messages are found by polling", extra={"fields": {
                "error": f"{type(error).__name__}: {error}"}})  # fmt: skip
        self._alive = False


def _message(data: str) -> Message | None:
    try:
        return Message.of(json.loads(data))
    except (ValueError, KeyError, TypeError):
        _log.warning("a message on the channel that is none of ours")
        return None
