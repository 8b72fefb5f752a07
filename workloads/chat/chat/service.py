"""`python -m chat.service`: one instance of the chat, blue or green."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from . import logs, messages
from .bus import Bus
from .defects import Defect
from .messages import RefusedError
from .rooms import Rooms
from .server import serve
from .sessions import Host, Session
from .settings import Settings, read_or_exit
from .speaking import Speaking
from .store import Store, StoreUnavailableError
from .tokens import Signer, User

STATIC: Final = Path(__file__).parent / "static"
DEEP_HEALTH_SECONDS: Final = 1.5
MINE_AT_MOST: Final = 50
PAGE_HEADERS: Final = {
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'self'; connect-src 'self' ws: wss:",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_log = logging.getLogger("chat.service")


class Service:
    """The endpoints. One instance a process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(settings.table_prefix)
        self._bus = Bus(settings.redis_url, settings.redis_password, settings.instance_id)
        self._rooms = Rooms(self._store, lambda: self._bus.alive)
        self._signer = Signer(settings.secret)
        self._speaking = Speaking(self._store, self._rooms, self._bus)
        self._host = Host(
            instance_id=settings.instance_id,
            version=settings.version,
            defect=settings.defect,
            signer=self._signer,
            store=self._store,
            rooms=self._rooms,
            speaking=self._speaking,
        )
        self._sessions: set[Session] = set()
        self.draining = False

    @property
    def connections(self) -> int:
        return len(self._sessions)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/health/deep", self.deep_health),
                Route("/api/version", self.version),
                Route("/api/join", self.join, methods=["POST"]),
                Route("/api/rooms/{room}/messages", self.read, methods=["GET"]),
                Route("/api/rooms/{room}/messages", self.say, methods=["POST"]),
                Route("/api/me/messages", self.my_messages),
                Route("/api/me/connections", self.my_connections),
                WebSocketRoute("/ws", self.connect),
                Route("/", self.page),
                Mount("/static", StaticFiles(directory=STATIC)),
            ],
            middleware=[
                Middleware(logs.RequestLog),
                Middleware(_Versioned, settings=self._settings),
            ],
            exception_handlers={
                RefusedError: _refused,
                HTTPException: _http_error,
                StoreUnavailableError: _store_unavailable,
                Exception: _internal_error,
            },
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._bus.start(receive=self._rooms.offer, connected=self._rooms.catch_up_if_possible)
        self._rooms.start()
        yield
        await self._rooms.close()
        await self._bus.close()
        self._store.close()

    async def health(self, _: Request) -> Response:
        """503 while draining, so that the load balancer sends nobody new."""
        return answer(
            {
                "status": "draining" if self.draining else "ok",
                "instance": self._settings.instance_id,
                "version": self._settings.version,
                "connections": self.connections,
            },
            503 if self.draining else 200,
        )

    async def deep_health(self, _: Request) -> Response:
        """Without DynamoDB nothing can be said: 503. Without Redis messages come half a second
        later: 200, and `degraded`."""
        started = time.perf_counter()
        dynamodb = "ok"
        try:
            async with asyncio.timeout(DEEP_HEALTH_SECONDS):
                await self._store.ping()
        except (StoreUnavailableError, TimeoutError):
            dynamodb = "unavailable"
        redis = "ok" if self._bus.alive else "unavailable"
        failing = self.draining or dynamodb != "ok"
        return answer(
            {
                "status": "failing" if failing else "ok" if redis == "ok" else "degraded",
                "instance": self._settings.instance_id,
                "version": self._settings.version,
                "dynamodb": dynamodb,
                "dynamodb_ms": round((time.perf_counter() - started) * 1000, 1),
                "redis": redis,
            },
            503 if failing else 200,
        )

    async def version(self, _: Request) -> Response:
        return answer({"version": self._settings.version, "instance": self._settings.instance_id})

    async def join(self, request: Request) -> Response:
        name = messages.user_name((await _json_body(request)).get("name"))
        user = User(await self._store.new_user_id(), name)
        token = self._signer.token(user, now=time.time())
        return answer({"user_id": user.id, "name": name, "token": token}, 201)

    async def read(self, request: Request) -> Response:
        room = messages.room_name(request.path_params["room"])
        after = messages.position(request.query_params.get("after"))
        limit = messages.page_size(request.query_params.get("limit"))
        found = await self._rooms.read(room, after, limit)
        return answer({"room": room, "messages": [message.content() for message in found]})

    async def say(self, request: Request) -> Response:
        user = self._user(request)
        room = messages.room_name(request.path_params["room"])
        draft = messages.draft(await _json_body(request), user_id=user.id, name=user.name)
        message, is_new = await self._speaking.say(room, draft)
        return answer({**message.content(), "repeated": not is_new}, 201 if is_new else 200)

    async def my_messages(self, request: Request) -> Response:
        found = await self._store.of_user(self._user(request).id, MINE_AT_MOST)
        return answer({"messages": [message.content() for message in found]})

    async def my_connections(self, request: Request) -> Response:
        found = await self._store.connections_of(self._user(request).id)
        shown = ("connectionId", "instance", "version")
        return answer({"connections": [{key: one[key] for key in shown} for one in found]})

    async def connect(self, websocket: WebSocket) -> None:
        if self.draining:
            refusal = {"error": "draining", "message": "This instance is going: connect again."}
            await websocket.send_denial_response(answer(refusal, 503, {"retry-after": "1"}))
            return
        session = Session(websocket, self._host)
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)

    async def page(self, _: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)

    def _user(self, request: Request) -> User:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = self._signer.user(token.strip(), now=time.time())
        if scheme.lower() != "bearer" or user is None:
            raise RefusedError(
                401, "not_signed_in", "Join, and send the token as Authorization: Bearer <token>."
            )
        return user


class _Versioned:
    """ASGI middleware: says the version in a header, and has the switched-on defect.

    Health has no defect: an unhealthy target gets no requests, and its defect would not be seen.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._header = (b"x-chat-version", settings.version.encode())
        self._defect: Defect = settings.defect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        async def send_with_version(message: Message) -> None:
            if message["type"] in {
                "http.response.start",
                "websocket.accept",
                "websocket.http.response.start",
            }:
                message["headers"] = [*message.get("headers", []), self._header]
            await send(message)

        if not scope["path"].startswith("/health"):
            await asyncio.sleep(self._defect.slow_seconds)
            if self._defect.fails():
                content = {"error": "internal_error", "message": "The switched-on defect."}
                if scope["type"] == "http":
                    await answer(content, 500)(scope, receive, send_with_version)
                else:
                    refused = WebSocket(scope, receive, send_with_version)
                    await refused.send_denial_response(answer(content, 500))
                return
        await self._app(scope, receive, send_with_version)


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Response(
        body, status, {"cache-control": "no-store", **(headers or {})}, "application/json"
    )


async def _json_body(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > messages.BODY_AT_MOST_BYTES:
            raise RefusedError(
                413, "too_large", f"The body is over {messages.BODY_AT_MOST_BYTES} bytes."
            )
    return messages.json_object(bytes(body))


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101 (registered for this class)
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else None
    return answer(error.content(), error.status, headers)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for this class)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    return answer(
        {"error": code, "message": error.detail}, error.status_code, dict(error.headers or {})
    )


async def _store_unavailable(_: Request, error: Exception) -> Response:
    _log.warning("store unavailable", extra={"fields": {"error": str(error)}})
    message = (
        "The store cannot be reached. A message may or may not be stored:"
        " send it again with the same id."
    )
    return answer({"error": "store_unavailable", "message": message}, 503, {"retry-after": "1"})


async def _internal_error(_: Request, error: Exception) -> Response:
    # Starlette raises the error again after this answer; uvicorn logs it.
    return answer(
        {"error": "internal_error", "message": f"An error inside: {type(error).__name__}."}, 500
    )


def main() -> None:
    settings = read_or_exit()
    logs.configure(settings.instance_id, settings.version)
    service = Service(settings)
    serve(service.app(), service, settings)


if __name__ == "__main__":
    main()
