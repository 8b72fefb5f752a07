"""What every page has in common: the visitor's language and session, rendering, safe headers."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import jinja2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from . import language
from .inputs import RefusedError, limited_body
from .tokens import PAGE_SESSION_SECONDS, Session, Signer

SESSION_COOKIE: Final = "bank_session"
VISITOR_COOKIE: Final = "bank_visitor"
LANGUAGE_COOKIE: Final = "bank_language"
_YEAR_SECONDS: Final = 365 * 86400
_RENEW_AFTER_SECONDS: Final = 60
_HERE: Final = Path(__file__).parent
_STATIC_TYPES: Final = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


@dataclass
class Visit:
    """One request to a page. `form` holds the fields of a posted form."""

    request: Request
    language: str
    session: Session | None
    visitor: str
    form: dict[str, str] = field(default_factory=dict)

    @property
    def request_id(self) -> str:
        request_id: str = self.request.state.request_id
        return request_id

    @property
    def is_secure(self) -> bool:
        forwarded = self.request.headers.get("x-forwarded-proto", self.request.url.scheme)
        return forwarded == "https"


class Site:
    """Renders pages and reads what a browser sends."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._files = {path.name: path.read_bytes() for path in (_HERE / "static").iterdir()}
        self._versions = {
            name: hashlib.sha256(content).hexdigest()[:12] for name, content in self._files.items()
        }
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["static"] = self._static_url

    def _static_url(self, name: str) -> str:
        return f"/static/{name}?v={self._versions[name]}"

    def static(self, name: str) -> Response | None:
        content = self._files.get(name)
        if content is None:
            return None
        headers = {"cache-control": f"public, max-age={_YEAR_SECONDS}", **_HEADERS}
        return Response(content, 200, headers, _STATIC_TYPES[Path(name).suffix])

    def visit(self, request: Request) -> Visit:
        cookies = request.cookies
        return Visit(
            request=request,
            language=language.choose(
                request.query_params.get("lang"),
                cookies.get(LANGUAGE_COOKIE),
                request.headers.get("accept-language", ""),
            ),
            session=self._signer.session(cookies.get(SESSION_COOKIE, ""), now=time.time()),
            visitor=cookies.get(VISITOR_COOKIE) or secrets.token_urlsafe(16),
        )

    async def read_form(self, visit: Visit) -> None:
        """Fill `visit.form`; raises RefusedError: 403 if the form did not come from our page."""
        body = await limited_body(visit.request)
        try:
            pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
        except ValueError:
            raise RefusedError(400, "bad_form", "The form cannot be read.") from None
        visit.form = {n: value if n == "password" else value.strip() for n, value in pairs}
        # Browsers that send this header name cross-site requests for what they are.
        origin = visit.request.headers.get("sec-fetch-site", "same-origin")
        token = visit.form.get("form_token", "")
        if origin not in ("same-origin", "none") or not self._signer.form_token_is_right(
            token, _binding(visit)
        ):
            raise RefusedError(403, "bad_form_token", "The form has expired.")

    def page(
        self, visit: Visit, template: str, *, status: int = 200, section: str = "", **content: Any
    ) -> Response:
        other = "en" if visit.language == "ko" else "ko"
        html = self._templates.get_template(template).render(
            t=language.texts(visit.language),
            language=visit.language,
            other_language=other,
            language_url=_in_language(visit.request, other),
            money=partial(language.money, language=visit.language),
            moment=partial(language.moment, language=visit.language),
            signed_in=visit.session is not None,
            form_token=self._signer.form_token(_binding(visit)),
            section=section,
            request_id=visit.request_id,
            **content,
        )
        headers = {
            "cache-control": "no-store",
            "content-language": visit.language,
            "vary": "accept-language, cookie",
            **_HEADERS,
        }
        return self._with_cookies(visit, Response(html, status, headers, "text/html"))

    def error_page(self, visit: Visit, status: int) -> Response:
        """The page for a status; those without a page of their own use the nearest one's."""
        shown = status if status in (400, 403, 404, 405, 500, 503) else 503
        if 400 <= status < 500 and shown == 503:
            shown = 400
        return self.page(visit, "error.html", status=status, section="", shown=shown)

    def redirect(self, visit: Visit, url: str) -> Response:
        headers = {"cache-control": "no-store", **_HEADERS}
        return self._with_cookies(visit, RedirectResponse(url, 303, headers))

    def sign_in(self, visit: Visit, session: Session) -> None:
        visit.session = replace(session, expires_at=0)  # so that the cookie is written

    def bearer(self, visit: Visit) -> str:
        """The token that the API takes for this visit's session."""
        assert visit.session is not None  # noqa: S101 (asked for signed-in pages only)
        return self._signer.renew(visit.session, now=time.time(), lifetime_seconds=60)

    def _with_cookies(self, visit: Visit, response: Response) -> Response:
        cookies = visit.request.cookies
        put = partial(
            response.set_cookie, path="/", httponly=True, samesite="lax", secure=visit.is_secure
        )
        if visit.request.query_params.get("lang") == visit.language:
            put(LANGUAGE_COOKIE, visit.language, max_age=_YEAR_SECONDS)
        if visit.visitor != cookies.get(VISITOR_COOKIE):
            put(VISITOR_COOKIE, visit.visitor)
        now = time.time()
        if visit.session is None:
            if SESSION_COOKIE in cookies:
                response.delete_cookie(SESSION_COOKIE, path="/")
        elif visit.session.expires_at - now < PAGE_SESSION_SECONDS - _RENEW_AFTER_SECONDS:
            token = self._signer.renew(
                visit.session, now=now, lifetime_seconds=PAGE_SESSION_SECONDS
            )
            put(SESSION_COOKIE, token)
        if visit.is_secure:
            response.headers["strict-transport-security"] = f"max-age={_YEAR_SECONDS}"
        return response


def _binding(visit: Visit) -> str:
    return visit.session.session_id if visit.session else visit.visitor


def _in_language(request: Request, other: str) -> str:
    """This page in the other language; a posted page cannot be repeated, so its form instead."""
    if request.method in ("GET", "HEAD"):
        query = [(n, v) for n, v in request.query_params.multi_items() if n != "lang"]
        return f"{request.url.path}?{urlencode([*query, ('lang', other)])}"
    start = request.url.path.split("/")[1]
    return f"/{start if start in ('login', 'transfer') else ''}?lang={other}"
