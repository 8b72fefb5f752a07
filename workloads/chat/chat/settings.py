"""What an instance reads from its environment, checked once at start."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .defects import NO_DEFECT, Defect

VERSIONS: Final = ("blue", "green")


class SettingError(Exception):
    """An environment variable is missing or wrong; the message names it and says what to do."""


@dataclass(frozen=True)
class Settings:
    """`drain_seconds`: how long connections live on after SIGTERM before they are told to go.

    Region, credentials and endpoint of DynamoDB are found by boto3 itself (AWS_…).
    """

    host: str
    port: int
    secret: str
    instance_id: str
    version: str
    defect: Defect
    redis_url: str
    redis_password: str | None
    table_prefix: str
    drain_seconds: float


def read(environment: Mapping[str, str]) -> Settings:
    """Raises SettingError."""
    secret = environment.get("CHAT_SECRET", "").strip()
    if not secret:
        raise SettingError("CHAT_SECRET is not set: give the secret that signs tokens")
    version = environment.get("CHAT_VERSION") or VERSIONS[0]
    if version not in VERSIONS:
        raise SettingError(f"CHAT_VERSION is {version!r}: give blue or green")
    prefix = environment.get("CHAT_TABLE_PREFIX", "chat-")
    if not re.fullmatch(r"[A-Za-z0-9_.-]{0,100}", prefix):
        raise SettingError(f"CHAT_TABLE_PREFIX is {prefix!r}: give letters, digits, '-' or '_'")
    redis_url = environment.get("REDIS_URL", "").strip()
    if not redis_url.startswith(("redis://", "rediss://")):
        raise SettingError("REDIS_URL is not set: give redis://host:port, or rediss:// for TLS")
    try:
        defect = Defect.parse(environment.get("CHAT_DEFECT") or NO_DEFECT)
    except ValueError as error:
        raise SettingError(f"CHAT_DEFECT: {error}") from None
    return Settings(
        host=environment.get("CHAT_HOST") or "127.0.0.1",
        port=int(_number(environment, "PORT", 8080, 0, 65535)),
        secret=secret,
        instance_id=environment.get("CHAT_INSTANCE_ID") or socket.gethostname(),
        version=version,
        defect=defect,
        redis_url=redis_url,
        redis_password=environment.get("REDIS_PASSWORD") or None,
        table_prefix=prefix,
        drain_seconds=_number(environment, "CHAT_DRAIN_SECONDS", 20, 0, 3600),
    )


def _number(
    environment: Mapping[str, str], name: str, default: float, low: float, high: float
) -> float:
    text = environment.get(name, "").strip() or str(default)
    try:
        value = float(text)
    except ValueError:
        raise SettingError(f"{name} is {text!r}: give a number from {low:g} to {high:g}") from None
    if not low <= value <= high:
        raise SettingError(f"{name} is {text}: give a number from {low:g} to {high:g}")
    return value


def read_or_exit() -> Settings:
    """Settings, or one clear line on standard error and exit status 2."""
    try:
        return read(os.environ)
    except SettingError as error:
        sys.stderr.write(f"chat: {error}\n")
        raise SystemExit(2) from None
