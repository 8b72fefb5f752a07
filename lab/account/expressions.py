"""JSONata as Step Functions evaluates it: bound values, AWS's functions, nothing undefined."""

import hashlib
import json
import random
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384"} | {
    "SHA-512": "sha512"
}


class ExpressionError(Exception):
    """The expression cannot be evaluated, or gives nothing; the message says which."""


def evaluate(expression: str, bindings: Mapping[str, Any]) -> Any:
    """The JSON value of a JSONata expression; `bindings` are variables without their `$`.

    Raises ExpressionError.
    """
    try:
        compiled = Jsonata(expression)
        compiled.output_convert_nulls = False
        for name, function in _FUNCTIONS.items():
            compiled.register_lambda(name, function)
        result = compiled.evaluate(None, {k: _bound(_plain(v)) for k, v in bindings.items()})
    except Exception as error:
        raise ExpressionError(
            f"The JSONata expression '{expression}' could not be evaluated: {error}"
        ) from error
    if result is None:
        raise ExpressionError(
            f"The JSONata expression '{expression}' returned nothing (undefined)."
        )
    try:
        return json.loads(json.dumps(Utils.convert_nulls(result)))
    except TypeError as error:
        raise ExpressionError(
            f"The JSONata expression '{expression}' returned an unsupported result type."
        ) from error


def _plain(value: Any) -> Any:
    """A copy in JSON types; times as ISO 8601."""

    def default(item: Any) -> str:
        return item.isoformat() if isinstance(item, datetime) else str(item)

    return json.loads(json.dumps(value, default=default))


def _bound(value: Any) -> Any:
    """The same with null as JSONata knows it: Python's None would be undefined to the engine."""
    if isinstance(value, dict):
        return {key: _bound(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_bound(inner) for inner in value]
    return Utils.NULL_VALUE if value is None else value


def _hash(text: str, algorithm: str = "SHA-256") -> str:
    return hashlib.new(_HASHES[algorithm], text.encode()).hexdigest()


def _partition(items: list[Any], size: int) -> list[list[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _range(first: float, last: float, step: float) -> list[float]:
    count = int((last - first) // step) + 1
    return [first + step * index for index in range(max(0, count))]


def _random(seed: float | None = None) -> float:
    return random.Random(seed).random() if seed is not None else random.random()


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "hash": _hash,
    "parse": json.loads,
    "partition": _partition,
    "random": _random,
    "range": _range,
    "uuid": lambda: str(uuid.uuid4()),
}
