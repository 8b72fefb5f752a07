"""What clients send, checked: each wrong input is refused with a status, a code and the field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

AMOUNT_AT_MOST: Final = 1_000_000_000
MEMO_AT_MOST: Final = 100
BODY_AT_MOST_BYTES: Final = 256 * 1024
RECEIPTS_AT_MOST: Final = 1000
_ID = re.compile(r"[A-Za-z0-9-]{1,40}")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class RefusedError(Exception):
    """A request that is not carried out. `status` is the HTTP status, `code` a stable word."""

    def __init__(self, status: int, code: str, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field


@dataclass(frozen=True)
class Credentials:
    customer: str
    password: str


@dataclass(frozen=True)
class TransferOrder:
    """`amount` in whole KRW."""

    from_account: str
    to_account: str
    amount: int
    memo: str


async def limited_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_AT_MOST_BYTES:
            raise RefusedError(413, "too_large", f"The body is over {BODY_AT_MOST_BYTES} bytes.")
    return bytes(body)


def json_object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "bad_json", "The body is not valid JSON in UTF-8.") from None
    if not isinstance(content, dict):
        raise RefusedError(400, "bad_json", "The body must be a JSON object.")
    return content


def credentials(content: Mapping[str, Any]) -> Credentials:
    return Credentials(
        customer=_text(content, "customer", at_most=40),
        password=_text(content, "password", at_most=200),
    )


def transfer_order(content: Mapping[str, Any]) -> TransferOrder:
    order = TransferOrder(
        from_account=account_id(_text(content, "from_account", at_most=40), "from_account"),
        to_account=account_id(_text(content, "to_account", at_most=40), "to_account"),
        amount=_amount(content.get("amount")),
        memo="" if content.get("memo") is None else _text(content, "memo", at_most=MEMO_AT_MOST),
    )
    if order.from_account == order.to_account:
        raise RefusedError(
            400, "same_account", "From and to must be different accounts.", field="to_account"
        )
    return order


def account_id(text: str, field: str = "account") -> str:
    """A number that an account could have; one that none can have is simply not found."""
    if not _ID.fullmatch(text):
        raise RefusedError(
            404, "account_not_found", "There is no account with this number.", field=field
        )
    return text


def idempotency_key(text: str | None) -> str:
    if not text:
        raise RefusedError(
            400,
            "key_missing",
            "Send an Idempotency-Key header: a new one for each transfer, the same on a retry.",
            field="Idempotency-Key",
        )
    return _key(text, "Idempotency-Key")


def receipt_keys(content: Mapping[str, Any]) -> list[str]:
    keys = content.get("keys")
    if not isinstance(keys, list) or len(keys) > RECEIPTS_AT_MOST:
        raise RefusedError(
            400,
            "bad_keys",
            f"keys must be a list of at most {RECEIPTS_AT_MOST} keys.",
            field="keys",
        )
    return [_key(key, "keys") for key in keys]


def whole_number(
    text: str | None, field: str, *, default: int | None, low: int, high: int
) -> int | None:
    """A number of a query string; raises RefusedError."""
    if text is None or text == "":
        return default
    # Digits only, and few: int() would take underscores, other scripts' digits, and long CPU time.
    if re.fullmatch(r"[0-9]{1,19}", text) and low <= int(text) <= high:
        return int(text)
    raise RefusedError(
        400, "bad_number", f"{field} must be a whole number from {low} to {high}.", field=field
    )


def _key(value: object, field: str) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise RefusedError(
            400, "bad_key", "A key has 1 to 200 printable ASCII characters.", field=field
        )
    return value


def _amount(value: object) -> int:
    # bool is an int in Python; 1e3 and 1.0 are floats in JSON: money is counted in whole won.
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= AMOUNT_AT_MOST:
        raise RefusedError(
            400,
            "bad_amount",
            f"amount must be a whole number of KRW from 1 to {AMOUNT_AT_MOST}.",
            field="amount",
        )
    return value


def _text(content: Mapping[str, Any], field: str, *, at_most: int) -> str:
    value = content.get(field)
    if not isinstance(value, str) or len(value) > at_most or UNPRINTABLE.search(value):
        raise RefusedError(
            400,
            f"bad_{field}",
            f"{field} must be text of at most {at_most} printable characters.",
            field=field,
        )
    return value
