"""Clients of AWS, made when first needed, and their errors in the project's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from steadystate.errors import TransientError

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "max_attempts": 3},
    tcp_keepalive=True,
)

_PASSING = frozenset(
    {
        "ConditionalRequestConflict",
        "InternalServerError",
        "InternalServiceException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


_ONCE = _CONFIG.merge(Config(read_timeout=4, retries={"total_max_attempts": 1}))


@cache
def client(service: str, *, once: bool = False) -> Any:
    """Return the client of a service; typed by the adapter that uses it.

    `once` is for calls whose effect must not come late: answered or given up within 6 s.
    """
    return boto3.client(service, config=_ONCE if once else _CONFIG)  # type: ignore[call-overload]


def code_of(error: ClientError) -> str:
    """Return the error code that a service answered with."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


@contextmanager
def passing_faults() -> Iterator[None]:
    """Turn throttling and lost connections into TransientError; let everything else through."""
    try:
        yield
    except ClientError as error:
        if code_of(error) in _PASSING:
            raise TransientError(f"{error.operation_name}: {code_of(error)}") from error
        raise
    except BotoCoreError as error:
        raise TransientError(f"{type(error).__name__}: {error}") from error
