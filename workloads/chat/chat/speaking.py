"""Saying something: stored first, then passed on to those who listen here and elsewhere."""

from __future__ import annotations

from .bus import Bus
from .messages import Draft, Message
from .rooms import Rooms
from .store import Store


class Speaking:
    def __init__(self, store: Store, rooms: Rooms, bus: Bus) -> None:
        self._store = store
        self._rooms = rooms
        self._bus = bus

    async def say(self, room: str, draft: Draft) -> tuple[Message, bool]:
        """The stored message, and whether it is new. Raises as `Store.append` does."""
        message, is_new = await self._store.append(room, draft)
        if is_new:
            self._rooms.offer(message)
            await self._bus.publish(message)
        return message, is_new
