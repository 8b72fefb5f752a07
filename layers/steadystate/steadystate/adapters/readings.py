"""Numbers read over HTTP: a field of a JSON answer, and Prometheus instant queries."""

import json
import math
import time
from contextlib import suppress
from typing import Any

import urllib3

from steadystate.documents.workload import HttpSli, PrometheusSli

MAXIMUM_BYTES = 1_000_000


def read_body(
    answer: urllib3.BaseHTTPResponse, until: float, maximum_bytes: int = MAXIMUM_BYTES
) -> bytes | None:
    """Return the body; None when it is too long or not there by `until` (monotonic seconds).

    urllib3's timeouts are for each packet: a server that drips would hold a reader for ever.
    """
    body = b""
    while time.monotonic() < until and len(body) <= maximum_bytes:
        if not (more := answer.read1(65_536)):
            answer.release_conn()
            return body
        body += more
    answer.close()
    return None


class HttpReadings:
    """The port Readings."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(retries=False)

    def json(self, sli: HttpSli, timeout_seconds: float) -> tuple[float, float]:
        """Return the value and the number of observations of one indicator."""
        answer = self._get(sli.url, {}, timeout_seconds)
        return _number(answer, sli.field), _number(answer, sli.observations)

    def prometheus(self, sli: PrometheusSli, timeout_seconds: float) -> float:
        """Return the one value of an instant query (Prometheus HTTP API, /api/v1/query)."""
        url = f"{sli.url.rstrip('/')}/api/v1/query"
        answer = self._get(url, {"query": sli.query}, timeout_seconds)
        try:
            result = answer["data"]["result"]
            if len(result) != 1:
                raise LookupError(f"the query gave {len(result)} series, one is needed")
            value = float(result[0]["value"][1])
        except (KeyError, IndexError, TypeError, ValueError):
            raise LookupError("the query's answer has no value") from None
        if not math.isfinite(value):
            raise LookupError(f"the query gave {value}")
        return value

    def _get(self, url: str, fields: dict[str, str], timeout_seconds: float) -> Any:
        until = time.monotonic() + timeout_seconds
        try:
            answer = self._pool.request(
                "GET",
                url,
                fields=fields or None,
                timeout=urllib3.Timeout(total=timeout_seconds),
                preload_content=False,
            )
            body = read_body(answer, until)
        except urllib3.exceptions.HTTPError as error:
            raise LookupError(f"{url} did not answer: {type(error).__name__}") from None
        if body is None:
            raise LookupError(f"{url} did not answer within {timeout_seconds:g} s and 1 MB")
        if answer.status != 200:
            raise LookupError(f"{url} answered {answer.status}")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise LookupError(f"{url} did not answer JSON") from None


def _number(answer: Any, field: str) -> float:
    value = answer.get(field) if isinstance(answer, dict) else None
    number = math.nan
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with suppress(OverflowError):  # an integer beyond all floats
            number = float(value)
    if not math.isfinite(number):
        raise LookupError(f"the field {field} is {str(value)[:80]!r}, not a number")
    return number
