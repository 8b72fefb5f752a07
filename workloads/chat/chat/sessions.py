"""A client's WebSocket: what it says, what it hears, and where it is in each room.

Client: `hello {token, rooms: {room: last seq seen or null}}`, then `join {room, after}`,
`leave {room}`, `send {room, id, text}`.
Server: `welcome`, `joined {room, after, tail}`, `left {room}`, `message {…}`, `sent {room, id, seq,
timestamp, repeated}`, `error {error, message, id?, room?}`.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from . import messages
from .defects import Defect
from .messages import RefusedError
from .rooms import SHOWN_AT_FIRST, Room, Rooms
from .speaking import Speaking
from .store import Store, StoreUnavailableError
from .tokens import Signer, User

HELLO_SECONDS: Final = 10.0
SEND_SECONDS: Final = 30.0
ROOMS_AT_MOST: Final = 30
REFRESH_SECONDS: Final = 3600.0
RETRY_SECONDS: Final = 0.5
NOT_SIGNED_IN: Final = 4401
_log = logging.getLogger("chat.sessions")


class DroppedError(Exception):
    """The connection breaks now, without a word: the switchable defect."""


@dataclass(eq=False)
class _Place:
    """Where this connection is in a room: `seq` is the last message that was sent to it."""

    room: Room
    seq: int


@dataclass(frozen=True)
class Host:
    """What sessions need of their instance."""

    instance_id: str
    version: str
    defect: Defect
    signer: Signer
    store: Store
    rooms: Rooms
    speaking: Speaking


class Session:
    """One connection. `run` returns when it is over."""

    def __init__(self, websocket: WebSocket, host: Host) -> None:
        self.id = uuid.uuid4().hex
        self._websocket = websocket
        self._host = host
        self._user = User("", "")
        self._places: dict[str, _Place] = {}
        self._more = asyncio.Event()
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        await self._websocket.accept()
        if not await self._greet():
            return
        tasks = [asyncio.create_task(work()) for work in (self._hear, self._speak, self._register)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with suppress(WebSocketDisconnect, DroppedError, OSError):
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for place in self._places.values():
                self._host.rooms.leave(place.room, self._more.set)
            with suppress(StoreUnavailableError):  # it expires by itself
                await self._host.store.disconnected(self.id)

    async def _greet(self) -> bool:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                frame = messages.json_object(await self._websocket.receive_text())
        except (TimeoutError, RefusedError, KeyError):
            frame = {}
        except WebSocketDisconnect:
            return False
        user = self._host.signer.user(frame.get("token"), now=time.time())
        rooms = frame.get("rooms", {})
        if frame.get("type") != "hello" or user is None or not isinstance(rooms, dict):
            with suppress(WebSocketDisconnect):
                await self._websocket.close(NOT_SIGNED_IN, "say hello with a token first")
            return False
        self._user = user
        try:
            await self._send(
                {
                    "type": "welcome",
                    "user_id": user.id,
                    "name": user.name,
                    "connection_id": self.id,
                    "version": self._host.version,
                    "instance": self._host.instance_id,
                }
            )
            for room, after in rooms.items():
                await self._answer({"type": "join", "room": room, "after": after})
        except (WebSocketDisconnect, DroppedError):
            return False
        return True

    async def _register(self) -> None:
        while True:
            with suppress(StoreUnavailableError):
                await self._host.store.connected(
                    {
                        "connectionId": self.id,
                        "userId": self._user.id,
                        "instance": self._host.instance_id,
                        "version": self._host.version,
                    }
                )
            await asyncio.sleep(REFRESH_SECONDS)

    async def _speak(self) -> None:
        """Carry out what the client says, one by one."""
        while True:
            try:
                text = await self._websocket.receive_text()
            except KeyError:  # a binary frame
                text = ""
            if self._host.defect.drops():
                raise DroppedError
            try:
                frame = messages.json_object(text)
            except RefusedError as refusal:
                await self._send({"type": "error", **refusal.content()})
                continue
            await self._answer(frame)

    async def _answer(self, frame: dict[str, Any]) -> None:
        answer: dict[str, Any] | None
        about = {key: frame[key] for key in ("room", "id") if isinstance(frame.get(key), str)}
        try:
            answer = await self._carried_out(frame)
        except RefusedError as refusal:
            answer = {"type": "error", "status": refusal.status, **refusal.content(), **about}
        except StoreUnavailableError as error:
            _log.warning("store unavailable", extra={"fields": {"error": str(error)}})
            answer = {
                "type": "error",
                "status": 503,
                "error": "store_unavailable",
                "message": "It may or may not be stored: send it again with the same id.",
                **about,
            }
        if answer is not None:
            await self._send(answer)

    async def _carried_out(self, frame: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a frame; None when it has been given."""
        match frame.get("type"):
            case "send":
                return await self._say(frame)
            case "join":
                await self._join(frame)
                return None
            case "leave":
                return self._leave(messages.room_name(frame.get("room")))
            case "ping":
                return {"type": "pong"}
        raise RefusedError(400, "bad_type", "type must be send, join, leave or ping.", field="type")

    async def _say(self, frame: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(self._host.defect.slow_seconds)
        if self._host.defect.fails():
            raise RefusedError(500, "internal_error", "The switched-on defect.")
        room = messages.room_name(frame.get("room"))
        draft = messages.draft(frame, user_id=self._user.id, name=self._user.name)
        message, is_new = await self._host.speaking.say(room, draft)
        return {
            "type": "sent",
            "room": room,
            "id": message.id,
            "seq": message.seq,
            "timestamp": message.timestamp,
            "repeated": not is_new,
        }

    async def _join(self, frame: dict[str, Any]) -> None:
        name = messages.room_name(frame.get("room"))
        after = messages.position(frame.get("after"))
        place = self._places.get(name)
        if place is None:
            if len(self._places) >= ROOMS_AT_MOST:
                raise RefusedError(
                    400, "too_many_rooms", f"At most {ROOMS_AT_MOST} rooms.", field="room"
                )
            place = await self._place(name, after)
        answer = {"type": "joined", "room": name, "after": place.seq, "tail": place.room.tail}
        await self._send(answer)
        self._places[name] = place
        self._more.set()

    async def _place(self, name: str, after: int | None) -> _Place:
        room = await self._host.rooms.listen(name, self._more.set)
        if after is None:
            return _Place(room, max(0, room.tail - SHOWN_AT_FIRST))
        if after > room.tail:
            # What the client has seen is stored; what is not in the history never was.
            await room.catch_up()
        return _Place(room, min(after, room.tail))

    def _leave(self, name: str) -> dict[str, Any]:
        place = self._places.pop(name, None)
        if place is not None:
            self._host.rooms.leave(place.room, self._more.set)
        return {"type": "left", "room": name}

    async def _hear(self) -> None:
        """Send each room's messages from this connection's place on: each once, in order."""
        while True:
            await self._more.wait()
            self._more.clear()
            for name, place in list(self._places.items()):
                try:
                    await self._pass_on(name, place)
                except StoreUnavailableError:
                    asyncio.get_running_loop().call_later(RETRY_SECONDS, self._more.set)

    async def _pass_on(self, name: str, place: _Place) -> None:
        while self._places.get(name) is place:
            some = await place.room.after(place.seq)
            if not some:
                return
            for message in some:
                if self._places.get(name) is not place:
                    return
                await self._send({"type": "message", **message.content()})
                place.seq = message.seq

    async def _send(self, frame: dict[str, Any]) -> None:
        """A client that takes nothing for `SEND_SECONDS` is let go; it will come back."""
        async with self._sending:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._websocket.send_json(frame)
            except TimeoutError:
                raise DroppedError from None
