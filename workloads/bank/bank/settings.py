"""What a service reads from its environment, checked once at start."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class SettingError(Exception):
    """An environment variable is missing or wrong; the message names it and says what to do."""


@dataclass(frozen=True)
class ServiceSettings:
    """What both services need.

    `host` is the address to listen on: loopback unless `BANK_HOST` says otherwise.
    `metric_namespace` empty means that no metrics are published.
    """

    host: str
    port: int
    secret: str
    instance_id: str
    metric_namespace: str


@dataclass(frozen=True)
class WasSettings(ServiceSettings):
    database_url: str
    pool_size: int


@dataclass(frozen=True)
class WebSettings(ServiceSettings):
    was_url: str


def _required(environment: Mapping[str, str], name: str, meaning: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingError(f"{name} is not set: {meaning}")
    return value


def _whole_number(
    environment: Mapping[str, str], name: str, low: int, high: int, default: int | None = None
) -> int:
    text = environment.get(name, "").strip()
    if not text and default is not None:
        return default
    try:
        value = int(text)
    except ValueError:
        raise SettingError(f"{name} is {text!r}: give a number from {low} to {high}") from None
    if not low <= value <= high:
        raise SettingError(f"{name} is {value}: give a number from {low} to {high}")
    return value


def database_url(environment: Mapping[str, str]) -> str:
    return _required(environment, "DATABASE_URL", "give postgresql://user:password@host/database")


def was_settings(environment: Mapping[str, str]) -> WasSettings:
    """Settings of `bank.was`; raises SettingError."""
    return WasSettings(
        host=environment.get("BANK_HOST") or "127.0.0.1",
        port=_whole_number(environment, "PORT", 0, 65535),
        secret=_required(environment, "BANK_SECRET", "give the secret that signs sessions"),
        instance_id=environment.get("BANK_INSTANCE_ID", ""),
        metric_namespace=environment.get("BANK_METRIC_NAMESPACE", "").strip(),
        database_url=database_url(environment),
        pool_size=_whole_number(environment, "BANK_POOL_SIZE", 1, 100, default=10),
    )


def web_settings(environment: Mapping[str, str]) -> WebSettings:
    """Settings of `bank.web`; raises SettingError."""
    return WebSettings(
        host=environment.get("BANK_HOST") or "127.0.0.1",
        port=_whole_number(environment, "PORT", 0, 65535),
        secret=_required(environment, "BANK_SECRET", "give the secret that signs sessions"),
        instance_id=environment.get("BANK_INSTANCE_ID", ""),
        metric_namespace="",
        was_url=_required(environment, "BANK_WAS_URL", "give the URL of the WAS").rstrip("/"),
    )


def read_or_exit(read: Callable[[Mapping[str, str]], T]) -> T:
    """Settings, or one clear line on standard error and exit status 2."""
    try:
        return read(os.environ)
    except SettingError as error:
        sys.stderr.write(f"bank: {error}\n")
        raise SystemExit(2) from None
