"""Logs as one JSON object a line, and the line that each request leaves."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID_HEADER: Final = "x-request-id"
_QUIET_PATHS: Final = ("/health", "/static/")
_request_log = logging.getLogger("bank.request")


class JsonFormatter(logging.Formatter):
    """Writes the message, what `extra={"fields": {…}}` adds, and the traceback if there is one."""

    def __init__(self, service: str, instance_id: str) -> None:
        super().__init__()
        self._service = service
        self._instance_id = instance_id

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "instance": self._instance_id,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(service: str, instance_id: str) -> None:
    """Send every logger's lines, uvicorn's too, to standard output as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service, instance_id))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for chatty in ("httpx", "httpcore", "botocore", "psycopg.pool", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class RequestLog:
    """ASGI middleware: names each request by an id, and logs how it went.

    The route's pattern is logged instead of the path, so that no account number gets into logs.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _incoming_id(scope) or uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    (REQUEST_ID_HEADER.encode(), request_id.encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _log(scope, request_id, status, time.perf_counter() - started)


def _incoming_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == REQUEST_ID_HEADER.encode():
            text: str = value.decode("latin-1")
            if len(text) <= 64 and text.isascii() and text.replace("-", "").isalnum():
                return text
    return ""


def _log(scope: Scope, request_id: str, status: int, seconds: float) -> None:
    quiet = scope["path"].startswith(_QUIET_PATHS) and status < 500
    level = logging.DEBUG if quiet else logging.WARNING if status >= 500 else logging.INFO
    if not _request_log.isEnabledFor(level):
        return
    route = getattr(scope.get("route"), "path", "(none)")
    fields = {
        "request_id": request_id,
        "method": scope["method"],
        "route": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
    }
    _request_log.log(level, "request", extra={"fields": fields})
