"""Logs as one JSON object a line, and the line that each request leaves."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_QUIET_PATHS: Final = ("/health", "/static/")
_request_log = logging.getLogger("chat.request")


class JsonFormatter(logging.Formatter):
    """Writes the message, what `extra={"fields": {…}}` adds, and the traceback if there is one."""

    def __init__(self, instance_id: str, version: str) -> None:
        super().__init__()
        self._instance_id = instance_id
        self._version = version

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "instance": self._instance_id,
            "version": self._version,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(instance_id: str, version: str) -> None:
    """Send every logger's lines, uvicorn's too, to standard output as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(instance_id, version))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for chatty in ("botocore", "boto3", "urllib3", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class RequestLog:
    """ASGI middleware: logs how each HTTP request went, by its route's pattern."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_see)
        finally:
            quiet = scope["path"].startswith(_QUIET_PATHS) and status < 500
            level = logging.DEBUG if quiet else logging.WARNING if status >= 500 else logging.INFO
            fields = {
                "method": scope["method"],
                "route": getattr(scope.get("route"), "path", "(none)"),
                "status": status,
                "duration_ms": round((time.perf_counter() - started) * 1000, 1),
            }
            _request_log.log(level, "request", extra={"fields": fields})
