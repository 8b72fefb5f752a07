"""The rooms that are open on this instance: each follows the room's log, sequence by sequence.

A message comes by three ways: stored here, heard on Redis, or read from the history. Whichever is
first counts, and it is taken only when it is the next in line; so the instance's copy of a room
has no holes, no doubles and the one order. Connections read that copy by position.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

from .messages import Message
from .store import Store, StoreUnavailableError

REMEMBERED: Final = 500
SHOWN_AT_FIRST: Final = 50
PAGE: Final = 100
POLL_SECONDS: Final = 5.0
POLL_WITHOUT_REDIS_SECONDS: Final = 0.5
_log = logging.getLogger("chat.rooms")


class Room:
    """The newest messages of a room, up to `tail`. `listeners` are called when there are more."""

    def __init__(self, name: str, store: Store) -> None:
        self.name = name
        self.tail = 0
        self.listeners: set[Callable[[], None]] = set()
        self._store = store
        self._newest: deque[Message] = deque(maxlen=REMEMBERED)
        self._early: dict[int, Message] = {}
        self._reading = asyncio.Lock()
        self._opened = False

    async def open(self) -> None:
        """Begin at the room's end. Raises StoreUnavailableError."""
        async with self._reading:
            if self._opened:
                return
            head = (await self._store.heads([self.name]))[self.name]
            self.tail = max(0, head - SHOWN_AT_FIRST)
            self._opened = True
        if head > self.tail:
            await self.catch_up()

    def offer(self, message: Message) -> bool:
        """Take a message if it is next in line; False when one before it is missing."""
        if not self._opened:
            return True  # opening ends with reading what there is
        if message.seq > self.tail + 1:
            self._early[message.seq] = message
            return False
        if message.seq <= self.tail:
            return True
        self._take(message)
        while (early := self._early.pop(self.tail + 1, None)) is not None:
            self._take(early)
        self._early = {seq: m for seq, m in self._early.items() if seq > self.tail}
        for listener in list(self.listeners):
            listener()
        return not self._early

    def _take(self, message: Message) -> None:
        self._newest.append(message)
        self.tail = message.seq

    async def catch_up(self) -> None:
        """Read what the history has beyond the tail. Raises StoreUnavailableError."""
        async with self._reading:
            while True:
                page = await self._store.after(self.name, self.tail, PAGE)
                for message in page:
                    self.offer(message)
                if len(page) < PAGE:
                    return

    async def after(self, seq: int) -> list[Message]:
        """Some of the messages that follow `seq`, next first; none at the tail."""
        remembered = self.remembered(seq, PAGE)
        return await self._store.after(self.name, seq, PAGE) if remembered is None else remembered

    def remembered(self, seq: int, limit: int) -> list[Message] | None:
        """As `after`, from memory; None when it does not go back that far."""
        if seq >= self.tail:
            return []
        if not self._newest or self._newest[0].seq > seq + 1:
            return None
        skipped = seq + 1 - self._newest[0].seq
        return list(islice(self._newest, skipped, skipped + limit))


class Rooms:
    """Opens rooms for those who listen, and keeps the open ones up to date."""

    def __init__(self, store: Store, redis_is_alive: Callable[[], bool]) -> None:
        self._store = store
        self._redis_is_alive = redis_is_alive
        self._rooms: dict[str, Room] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._polling: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._polling = asyncio.create_task(self._poll_for_ever())

    async def close(self) -> None:
        tasks = [*self._tasks, *([self._polling] if self._polling else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def listen(self, name: str, listener: Callable[[], None]) -> Room:
        """Open a room, and call `listener` when it has more. Raises StoreUnavailableError."""
        room = self._rooms.setdefault(name, Room(name, self._store))
        room.listeners.add(listener)
        try:
            await room.open()
        except BaseException:
            self.leave(room, listener)
            raise
        return room

    def leave(self, room: Room, listener: Callable[[], None]) -> None:
        room.listeners.discard(listener)
        if not room.listeners and self._rooms.get(room.name) is room:
            del self._rooms[room.name]

    async def read(self, name: str, seq: int | None, limit: int) -> list[Message]:
        """Up to `limit` messages that follow `seq`, or the newest; from memory where that has all.

        Raises StoreUnavailableError.
        """
        head = (await self._store.heads([name]))[name]
        if seq is None:
            seq = max(0, head - min(limit, SHOWN_AT_FIRST))
        if seq >= head:
            return []
        room = self._rooms.get(name)
        remembered = room.remembered(seq, limit) if room and room.tail >= head else None
        return await self._store.after(name, seq, limit) if remembered is None else remembered

    def offer(self, message: Message) -> None:
        """A message that its writer has stored, from here or from Redis."""
        self._store.saw(message)
        room = self._rooms.get(message.room)
        if room is not None and not room.offer(message):
            self._spawn(room)

    async def catch_up(self) -> None:
        """Look whether any open room has more than we know."""
        rooms = dict(self._rooms)
        heads = await self._store.heads(rooms)
        await asyncio.gather(
            *(room.catch_up() for name, room in rooms.items() if heads[name] > room.tail)
        )

    async def catch_up_if_possible(self) -> None:
        try:
            await self.catch_up()
        except StoreUnavailableError as error:
            _log.warning("history cannot be read", extra={"fields": {"error": str(error)}})

    def _spawn(self, room: Room) -> None:
        async def fill() -> None:
            try:
                await room.catch_up()
            except StoreUnavailableError as error:
                _log.warning("history cannot be read", extra={"fields": {"error": str(error)}})

        task = asyncio.create_task(fill())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _poll_for_ever(self) -> None:
        """The way that messages come while Redis is away, and the net under it otherwise."""
        waited = 0.0
        while True:
            await asyncio.sleep(POLL_WITHOUT_REDIS_SECONDS)
            waited += POLL_WITHOUT_REDIS_SECONDS
            if self._rooms and (not self._redis_is_alive() or waited >= POLL_SECONDS):
                waited = 0.0
                await self.catch_up_if_possible()
