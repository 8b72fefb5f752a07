"""DynamoDB: a conditional write is one step. moto checks and writes without a lock, so two clients
at the same moment could both win."""

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from lab.account.parts import Parts
from lab.account.seams.insides import replace

_WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")


def connect(_: Parts) -> None:
    from moto.dynamodb.models import DynamoDBBackend

    one_at_a_time = threading.RLock()

    def locked(write: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(write)
        def under_lock(*arguments: Any, **named: Any) -> Any:
            with one_at_a_time:
                return write(*arguments, **named)

        return under_lock

    for name in _WRITES:
        replace(DynamoDBBackend, name, locked(getattr(DynamoDBBackend, name)))
