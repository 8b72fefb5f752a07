"""The customer's pages: sign in, accounts, history, products. Transfers are in transfer_pages."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .gateway import ApiError, Gateway, GatewayError
from .inputs import RefusedError
from .site import SESSION_COOKIE, Site, Visit
from .tokens import Signer

Handler = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Pages:
    """Pages over the API: each shows what the WAS answers, for the customer who is signed in."""

    def __init__(self, site: Site, gateway: Gateway, signer: Signer) -> None:
        self._site = site
        self._gateway = gateway
        self._signer = signer

    def routes(self) -> list[Route]:
        return [
            Route("/", self.open(self.start)),
            Route("/login", self.open(self.login_form)),
            Route("/login", self.open(self.login), methods=["POST"]),
            Route("/logout", self.signed_in(self.logout), methods=["POST"]),
            Route("/accounts", self.signed_in(self.accounts)),
            Route("/accounts/{account_id}", self.signed_in(self.account)),
            Route("/products", self.open(self.products)),
            Route("/static/{name}", self.static),
        ]

    def open(self, handler: Handler) -> Endpoint:
        """An endpoint for everyone. A posted form is read and must be ours."""

        async def endpoint(request: Request) -> Response:
            visit = self._site.visit(request)
            return await self._answer(visit, handler)

        return endpoint

    def signed_in(self, handler: Handler) -> Endpoint:
        """An endpoint for customers; others are sent to sign in."""

        async def endpoint(request: Request) -> Response:
            visit = self._site.visit(request)
            if visit.session is None:
                return self._to_login(visit)
            return await self._answer(visit, handler)

        return endpoint

    async def _answer(self, visit: Visit, handler: Handler) -> Response:
        try:
            if visit.request.method == "POST":
                await self._site.read_form(visit)
            return await handler(visit)
        except RefusedError as refusal:
            return self._site.error_page(visit, refusal.status)
        except GatewayError:
            return self._site.error_page(visit, 503)
        except ApiError as error:
            if error.status == 401:
                visit.session = None
                return self._to_login(visit)
            return self._site.error_page(visit, error.status)

    def _to_login(self, visit: Visit) -> Response:
        had_session = SESSION_COOKIE in visit.request.cookies
        return self._site.redirect(visit, "/login?notice=expired" if had_session else "/login")

    async def api(self, visit: Visit, method: str, *path: str, **rest: Any) -> Any:
        """The API's answer for this customer; raises ApiError and GatewayError."""
        token = self._site.bearer(visit) if visit.session else ""
        return await self._gateway.call(
            method, *path, token=token, request_id=visit.request_id, **rest
        )

    async def start(self, visit: Visit) -> Response:
        return self._site.redirect(visit, "/accounts" if visit.session else "/login")

    async def login_form(self, visit: Visit) -> Response:
        if visit.session:
            return self._site.redirect(visit, "/accounts")
        notice = visit.request.query_params.get("notice", "")
        return self._login_page(visit, notice=notice if notice in ("expired", "bye") else "")

    async def login(self, visit: Visit) -> Response:
        customer, password = visit.form.get("customer", ""), visit.form.get("password", "")
        if not customer or not password:
            return self._login_page(visit, "incomplete", 400)
        try:
            reply = await self.api(
                visit, "POST", "login", content={"customer": customer, "password": password}
            )
        except ApiError as error:
            if error.status == 429:
                return self._login_page(visit, "locked", 429)
            if error.status in (400, 401):
                return self._login_page(visit, "wrong", 401)
            raise
        session = self._signer.session(reply["token"], now=time.time())
        if session is None:
            raise GatewayError(502, "was_broke_off", "Web and WAS sign with different secrets.")
        self._site.sign_in(visit, session)
        return self._site.redirect(visit, "/accounts")

    def _login_page(
        self, visit: Visit, problem: str = "", status: int = 200, *, notice: str = ""
    ) -> Response:
        return self._site.page(
            visit,
            "login.html",
            status=status,
            problem=problem,
            notice=notice,
            customer=visit.form.get("customer", ""),
        )

    async def logout(self, visit: Visit) -> Response:
        visit.session = None
        return self._site.redirect(visit, "/login?notice=bye")

    async def accounts(self, visit: Visit) -> Response:
        reply = await self.api(visit, "GET", "accounts")
        return self._site.page(
            visit,
            "accounts.html",
            section="accounts",
            name=reply["customer"]["name"][visit.language],
            accounts=reply["accounts"],
            total=sum(account["balance"] for account in reply["accounts"]),
        )

    async def account(self, visit: Visit) -> Response:
        before = visit.request.query_params.get("before", "")
        reply = await self.api(
            visit,
            "GET",
            "accounts",
            visit.request.path_params["account_id"],
            "history",
            query={"limit": "20", **({"before": before} if before else {})},
        )
        return self._site.page(visit, "account.html", section="accounts", before=before, **reply)

    async def products(self, visit: Visit) -> Response:
        reply = await self.api(visit, "GET", "products")
        return self._site.page(
            visit, "products.html", section="products", products=reply["products"]
        )

    async def static(self, request: Request) -> Response:
        return self._site.static(request.path_params["name"]) or self._site.error_page(
            self._site.visit(request), 404
        )
