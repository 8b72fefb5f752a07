"""`python -m bank.web`: what the load balancer talks to. Pages, and the way to the WAS's API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import logs
from .gateway import DEEP_HEALTH_TIMEOUT, HEALTH_TIMEOUT, Gateway, GatewayError
from .inputs import RefusedError, limited_body
from .pages import Pages
from .server import serve
from .settings import WebSettings, read_or_exit, web_settings
from .site import Site
from .tokens import Signer
from .transfer_pages import TransferPages

_PASSED_ON: Final = (b"authorization", b"content-type", b"idempotency-key")
_PASSED_BACK: Final = (
    "content-type",
    "cache-control",
    "retry-after",
    "www-authenticate",
    "idempotent-replayed",
    "allow",
)
_API_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def answer(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Response(
        body, status, {"cache-control": "no-store", **(headers or {})}, "application/json"
    )


class Web:
    """Health, the way to the API, and the pages. One instance a process."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._gateway = Gateway(settings.was_url)
        signer = Signer(settings.secret)
        self._site = Site(signer)
        self._pages = Pages(self._site, self._gateway, signer)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/health/deep", self.deep_health),
                Route("/api/{path:path}", self.api, methods=_API_METHODS),
                *self._pages.routes(),
                *TransferPages(self._pages, self._site).routes(),
            ],
            middleware=[Middleware(logs.RequestLog)],
            exception_handlers={HTTPException: self._http_error, Exception: self._internal_error},
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        await self._gateway.close()

    async def health(self, _: Request) -> Response:
        """200 when this web and its WAS are alive; says nothing about the database."""
        try:
            reply = await self._gateway.forward("GET", "/health", timeout=HEALTH_TIMEOUT)
            alive = reply.status_code == 200
        except GatewayError:
            alive = False
        content = {
            "status": "ok" if alive else "failing",
            "instance": self._settings.instance_id,
            "was": "ok" if alive else "unavailable",
        }
        return answer(content, 200 if alive else 503)

    async def deep_health(self, _: Request) -> Response:
        try:
            reply = await self._gateway.forward("GET", "/health/deep", timeout=DEEP_HEALTH_TIMEOUT)
        except GatewayError as error:
            content = {
                "status": "failing",
                "instance": self._settings.instance_id,
                "was": "unavailable",
                "error": error.code,
                "message": error.message,
            }
            return answer(content, 503)
        return _passed_back(reply)

    async def api(self, request: Request) -> Response:
        try:
            body = await limited_body(request)
        except RefusedError as error:
            return answer({"error": error.code, "message": error.message}, error.status)
        # The path as it came, still quoted: decoding it here would change what the WAS sees.
        target = request.scope["raw_path"].decode("latin-1")
        if query := request.scope["query_string"].decode("latin-1"):
            target += "?" + query
        # As bytes: whatever a client put there is the WAS's to refuse.
        headers = [(name, value) for name, value in request.headers.raw if name in _PASSED_ON]
        headers.append((logs.REQUEST_ID_HEADER.encode(), request.state.request_id.encode()))
        try:
            reply = await self._gateway.forward(request.method, target, headers=headers, body=body)
        except GatewayError as error:
            return answer(
                {"error": error.code, "message": error.message}, error.status, {"retry-after": "1"}
            )
        return _passed_back(reply)

    async def _http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 (registered for this class)
        return self._site.error_page(self._site.visit(request), error.status_code)

    async def _internal_error(self, request: Request, error: Exception) -> Response:
        if request.url.path.startswith("/api/"):
            message = f"An error inside the bank's web: {type(error).__name__}."
            return answer({"error": "internal_error", "message": message}, 500)
        return self._site.error_page(self._site.visit(request), 500)


def _passed_back(reply: httpx.Response) -> Response:
    headers = {name: reply.headers[name] for name in _PASSED_BACK if name in reply.headers}
    return Response(reply.content, reply.status_code, headers)


def main() -> None:
    settings = read_or_exit(web_settings)
    logs.configure("web", settings.instance_id)
    serve(Web(settings).app(), host=settings.host, port=settings.port)


if __name__ == "__main__":
    main()
