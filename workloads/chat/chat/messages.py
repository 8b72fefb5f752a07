"""Messages, and what clients send, checked: wrong input is refused with status, code and field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

TEXT_AT_MOST: Final = 1000
NAME_AT_MOST: Final = 24
PAGE_AT_MOST: Final = 200
BODY_AT_MOST_BYTES: Final = 16 * 1024
_ROOM = re.compile(r"[0-9a-z가-힣_-]{1,30}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class RefusedError(Exception):
    """A request that is not carried out. `status` is the HTTP status, `code` a stable word."""

    def __init__(self, status: int, code: str, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field

    def content(self) -> dict[str, Any]:
        content = {"error": self.code, "message": self.message}
        return content | {"field": self.field} if self.field else content


@dataclass(frozen=True)
class Draft:
    """What a user wants to say. `id` is the client's own: a repeated one is the same message."""

    id: str
    user_id: str
    name: str
    text: str


@dataclass(frozen=True)
class Message:
    """A message as it is stored. `seq` counts 1, 2, 3 … within `room`, without gaps; `timestamp`
    is in epoch milliseconds and rises with it."""

    room: str
    seq: int
    timestamp: int
    id: str
    user_id: str
    name: str
    text: str

    def content(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Message:
        return cls(
            room=str(content["room"]),
            seq=int(content["seq"]),
            timestamp=int(content["timestamp"]),
            id=str(content["id"]),
            user_id=str(content["user_id"]),
            name=str(content["name"]),
            text=str(content["text"]),
        )

    def is_of(self, draft: Draft) -> bool:
        return (self.id, self.user_id) == (draft.id, draft.user_id)


def json_object(text: str | bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError(400, "bad_json", "This is not valid JSON in UTF-8.") from None
    if not isinstance(content, dict):
        raise RefusedError(400, "bad_json", "This must be a JSON object.")
    return content


def room_name(value: object) -> str:
    if not isinstance(value, str) or not _ROOM.fullmatch(value):
        raise RefusedError(
            400,
            "bad_room",
            "A room's name has 1 to 30 small letters, digits, Hangul syllables, '-' or '_'.",
            field="room",
        )
    return value


def user_name(value: object) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not 1 <= len(name) <= NAME_AT_MOST or "\n" in name or _UNPRINTABLE.search(name):
        raise RefusedError(
            400, "bad_name", f"A name has 1 to {NAME_AT_MOST} printable characters.", field="name"
        )
    return name


def draft(content: Mapping[str, Any], *, user_id: str, name: str) -> Draft:
    """A draft out of `{id, text}`. Raises RefusedError."""
    text = content.get("text")
    if not isinstance(text, str) or _UNPRINTABLE.search(text):
        raise RefusedError(400, "bad_text", "text must be printable text.", field="text")
    if not text.strip() or len(text) > TEXT_AT_MOST:
        raise RefusedError(
            400, "bad_text", f"text must have 1 to {TEXT_AT_MOST} characters.", field="text"
        )
    return Draft(message_id(content.get("id")), user_id, name, text)


def message_id(value: object) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise RefusedError(
            400,
            "bad_id",
            "id must have 1 to 64 letters, digits, '-' or '_': a new one for each message, the"
            " same on a retry.",
            field="id",
        )
    return value


def position(value: object) -> int | None:
    """The last sequence that a client has seen in a room; None when it has seen nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15:
        return value
    raise RefusedError(
        400, "bad_after", "after must be the last sequence seen: 0, 1, 2 …", field="after"
    )


def page_size(value: str | None) -> int:
    if not value:
        return PAGE_AT_MOST
    if re.fullmatch(r"[0-9]{1,4}", value) and 1 <= int(value) <= PAGE_AT_MOST:
        return int(value)
    raise RefusedError(
        400, "bad_limit", f"limit must be a whole number from 1 to {PAGE_AT_MOST}.", field="limit"
    )
