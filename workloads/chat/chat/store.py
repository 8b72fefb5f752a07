"""Messages, connections and counters in DynamoDB; the one place that decides a room's order.

How a message gets its place, without transactions and without gaps:

1. The counter `room#<room>` holds the room's head: its highest sequence n and message n in full.
2. Before n is replaced, message n stands in `messages`, beside a mark of its client id. Whoever
   cannot be sure of that copies it (it is the same for everybody, so twice does no harm).
3. Only then is the new client id looked up among the marks: a repeated one is answered with the
   message that it became.
4. The head is replaced by n + 1 if it is still n. That write is the moment a message exists; a
   crash right after it loses nothing, because of 2.

So there are no holes, nothing is stored twice, and what one instance read of a room is the
beginning of what every other one reads.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakValueDictionary

import boto3
from boto3.dynamodb.conditions import Key
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .messages import Draft, Message, RefusedError
from .tables import CONNECTION_USER_INDEX, SEQUENCE_INDEX, USER_INDEX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

T = TypeVar("T")

CALLS_AT_ONCE: Final = 16
HEADS_REMEMBERED: Final = 1000
ATTEMPTS: Final = 30
TURN_SECONDS: Final = 3.0
"""How long a message waits for its turn in a room: less than senders wait for an answer. Work that
nobody waits for any more would only keep others waiting."""
MARK_SECONDS: Final = 7 * 86400
CONNECTION_SECONDS: Final = 4 * 3600
_BATCH_ATTEMPTS: Final = 6


class StoreUnavailableError(Exception):
    """DynamoDB did not answer, or refused for now. Whether a write was made is not known."""


@dataclass(frozen=True)
class _Known:
    """The head as far as we know: sequence and timestamp. Its message is copied (see 2.)."""

    seq: int
    timestamp: int


class Store:
    def __init__(self, prefix: str, clock: Callable[[], float] = time.time) -> None:
        config = Config(
            max_pool_connections=CALLS_AT_ONCE,
            connect_timeout=1,
            read_timeout=2,
            retries={"mode": "standard", "total_max_attempts": 3},
        )
        dynamodb = boto3.resource("dynamodb", config=config)
        self._dynamodb = dynamodb
        self._messages: Table = dynamodb.Table(f"{prefix}messages")
        self._connections: Table = dynamodb.Table(f"{prefix}connections")
        self._counters: Table = dynamodb.Table(f"{prefix}user-counter")
        self._clock = clock
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="dynamodb")
        self._heads: OrderedDict[str, _Known] = OrderedDict()
        self._appending: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def new_user_id(self) -> str:
        answer = await self._call(
            self._counters.update_item,
            Key={"counterId": "user"},
            UpdateExpression="ADD #value :one",
            ExpressionAttributeNames={"#value": "value"},
            ExpressionAttributeValues={":one": 1},
            ReturnValues="UPDATED_NEW",
        )
        value: Any = answer["Attributes"]["value"]
        return f"user-{int(value):06d}"

    async def append(self, room: str, draft: Draft) -> tuple[Message, bool]:
        """Store a draft once; the message, and whether it is new.

        Raises StoreUnavailableError (send it again with the same id), and RefusedError when the
        id was used for another text.
        """
        lock = self._appending.setdefault(room, asyncio.Lock())
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await lock.acquire()
        except TimeoutError:
            raise StoreUnavailableError(f"{room}: too many messages at once") from None
        try:
            return await self._append(room, draft)
        except BaseException:
            self._heads.pop(room, None)
            raise
        finally:
            lock.release()

    async def _append(self, room: str, draft: Draft) -> tuple[Message, bool]:
        for attempt in range(ATTEMPTS):
            head = self._heads.get(room) or await self._settled_head(room)
            if stored := await self._already_stored(room, draft):
                return stored, False
            message = Message(
                room=room,
                seq=head.seq + 1,
                timestamp=max(int(self._clock() * 1000), head.timestamp + 1),
                id=draft.id,
                user_id=draft.user_id,
                name=draft.name,
                text=draft.text,
            )
            if await self._replace_head(message):
                await self._copy(message)
                self.saw(message)
                return message, True
            # Another instance was faster: look at what it wrote, and try again behind it.
            self._heads.pop(room, None)
            await asyncio.sleep(random.uniform(0, 0.005 * min(attempt, 10)))
        raise StoreUnavailableError(f"{room}: others were faster {ATTEMPTS} times")

    def saw(self, message: Message) -> None:
        """Learn of a message that its writer has copied; saves asking for the head."""
        known = self._heads.get(message.room)
        if known is None or known.seq < message.seq:
            self._heads[message.room] = _Known(message.seq, message.timestamp)
        self._heads.move_to_end(message.room)
        if len(self._heads) > HEADS_REMEMBERED:
            self._heads.popitem(last=False)

    async def heads(self, rooms: Iterable[str]) -> dict[str, int]:
        """The highest sequence of each of these rooms; 0 for one without messages."""
        names = list(rooms)
        found = await asyncio.gather(*(self._head(name) for name in names))
        return {n: h.seq if h else 0 for n, h in zip(names, found, strict=True)}

    async def after(self, room: str, seq: int, limit: int) -> list[Message]:
        """Up to `limit` messages that follow `seq`, in order and without a hole."""
        answer = await self._call(
            self._messages.query,
            IndexName=SEQUENCE_INDEX,
            KeyConditionExpression=Key("roomId").eq(room) & Key("seq").gt(seq),
            ConsistentRead=True,
            Limit=limit,
        )
        found: list[Message] = []
        for message in map(_message, answer["Items"]):
            if message.seq != seq + len(found) + 1:
                return found  # the one between is still being copied
            found.append(message)
        if len(found) < limit:
            # The newest may not be copied yet, or its writer has died before it did.
            head = await self._head(room)
            if head is not None and head.seq == seq + len(found) + 1:
                found.append(head)
        return found

    async def of_user(self, user_id: str, limit: int) -> list[Message]:
        """A user's newest messages in all rooms, newest first. Eventually consistent."""
        answer = await self._call(
            self._messages.query,
            IndexName=USER_INDEX,
            KeyConditionExpression=Key("userId").eq(user_id),
            ScanIndexForward=False,
            Limit=limit,
        )
        return [_message(item) for item in answer["Items"]]

    async def connected(self, connection: dict[str, str]) -> None:
        """Write down an open connection; call again within `CONNECTION_SECONDS`."""
        expires_at = int(self._clock()) + CONNECTION_SECONDS
        await self._call(self._connections.put_item, Item=connection | {"expiresAt": expires_at})

    async def disconnected(self, connection_id: str) -> None:
        await self._call(self._connections.delete_item, Key={"connectionId": connection_id})

    async def connections_of(self, user_id: str) -> list[dict[str, Any]]:
        answer = await self._call(
            self._connections.query,
            IndexName=CONNECTION_USER_INDEX,
            KeyConditionExpression=Key("userId").eq(user_id),
        )
        items: list[dict[str, Any]] = answer["Items"]
        now = self._clock()
        return [item for item in items if item["expiresAt"] > now]

    async def ping(self) -> None:
        """Raise StoreUnavailableError when the tables cannot be read."""
        await self._call(self._counters.get_item, Key={"counterId": "user"})

    async def _settled_head(self, room: str) -> _Known:
        head = await self._head(room)
        if head is None:
            return _Known(0, 0)
        await self._copy(head)
        self.saw(head)
        return self._heads[room]

    async def _head(self, room: str) -> Message | None:
        answer = await self._call(
            self._counters.get_item, Key={"counterId": f"room#{room}"}, ConsistentRead=True
        )
        item = answer.get("Item")
        return _message(item["message"]) if item else None

    async def _already_stored(self, room: str, draft: Draft) -> Message | None:
        answer = await self._call(
            self._messages.get_item,
            Key={"roomId": _mark(room, draft), "timestamp": 0},
            ConsistentRead=True,
        )
        if "Item" not in answer:
            return None
        stored = await self._call(
            self._messages.get_item,
            Key={"roomId": room, "timestamp": answer["Item"]["messageTimestamp"]},
            ConsistentRead=True,
        )
        message = _message(stored["Item"])
        if message.text != draft.text:
            raise RefusedError(
                409, "id_reused", "This id was used for another message.", field="id"
            )
        return message

    async def _replace_head(self, message: Message) -> bool:
        """Whether `message` is the room's head now."""
        condition = "attribute_not_exists(counterId)" if message.seq == 1 else "seq = :before"
        values: dict[str, Any] = {":seq": message.seq, ":message": _item(message)}
        if message.seq > 1:
            values[":before"] = message.seq - 1
        try:
            await self._call(
                self._counters.update_item,
                Key={"counterId": f"room#{message.room}"},
                UpdateExpression="SET seq = :seq, #message = :message",
                ConditionExpression=condition,
                ExpressionAttributeNames={"#message": "message"},
                ExpressionAttributeValues=values,
            )
        except _ConditionFailedError:
            return False
        return True

    async def _copy(self, message: Message) -> None:
        mark = {
            "roomId": _mark(message.room, message),
            "timestamp": 0,
            "messageTimestamp": message.timestamp,
            "expiresAt": int(self._clock()) + MARK_SECONDS,
        }
        name = self._messages.name
        left: Any = {name: [{"PutRequest": {"Item": i}} for i in (_item(message), mark)]}
        for attempt in range(_BATCH_ATTEMPTS):
            answer = await self._call(self._dynamodb.batch_write_item, RequestItems=left)
            left = answer.get("UnprocessedItems")
            if not left:
                return
            await asyncio.sleep(random.uniform(0, 0.05 * 2**attempt))
        raise StoreUnavailableError(f"{message.room}: throttled while a message was copied")

    async def _call(self, operation: Callable[..., T], **arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, partial(operation, **arguments))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise _ConditionFailedError from error
            raise StoreUnavailableError(str(error)) from error
        except BotoCoreError as error:
            raise StoreUnavailableError(str(error)) from error


class _ConditionFailedError(Exception):
    """A conditional write whose condition did not hold."""


def _mark(room: str, message: Draft | Message) -> str:
    """The partition that marks a client id as used; '#' is in no room's name."""
    return f"sent#{room}#{message.user_id}#{message.id}"


def _item(message: Message) -> dict[str, Any]:
    return {
        "roomId": message.room,
        "timestamp": message.timestamp,
        "seq": message.seq,
        "messageId": message.id,
        "userId": message.user_id,
        "name": message.name,
        "text": message.text,
    }


def _message(item: Any) -> Message:
    return Message(
        room=item["roomId"],
        seq=int(item["seq"]),
        timestamp=int(item["timestamp"]),
        id=item["messageId"],
        user_id=item["userId"],
        name=item["name"],
        text=item["text"],
    )
