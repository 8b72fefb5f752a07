"""Signed sessions and form tokens. Stateless: every instance with the secret can check them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import astuple, dataclass, replace
from typing import Final

# No session outlives this, however often it is renewed: a stolen cookie must end some time.
SESSION_AT_MOST_SECONDS: Final = 8 * 3600
PAGE_SESSION_SECONDS: Final = 30 * 60


@dataclass(frozen=True)
class Session:
    """`session_id` and `started_at` stay when a session is renewed; times in epoch seconds."""

    customer_id: str
    session_id: str
    started_at: int
    expires_at: int


class Signer:
    """Signs with HMAC-SHA256; each purpose has its own key, so that no token fits another use."""

    def __init__(self, secret: str) -> None:
        self._session_key = hashlib.sha256(b"bank session\0" + secret.encode()).digest()
        self._form_key = hashlib.sha256(b"bank form\0" + secret.encode()).digest()

    def open_session(self, customer_id: str, *, now: float, lifetime_seconds: int) -> str:
        session = Session(customer_id, secrets.token_urlsafe(12), int(now), int(now))
        return self.renew(session, now=now, lifetime_seconds=lifetime_seconds)

    def renew(self, session: Session, *, now: float, lifetime_seconds: int) -> str:
        last = session.started_at + SESSION_AT_MOST_SECONDS
        return self._sign(replace(session, expires_at=min(int(now) + lifetime_seconds, last)))

    def session(self, token: str, *, now: float) -> Session | None:
        """The session of a token, or None if it is forged, damaged or expired."""
        payload, dot, signature = token.partition(".")
        if not dot or not token.isascii():
            return None
        if not hmac.compare_digest(signature, _digest(self._session_key, payload)):
            return None
        try:
            session = Session(*json.loads(_decode(payload)))
        except (ValueError, binascii.Error):
            return None
        return session if now < session.expires_at else None

    def form_token(self, binding: str) -> str:
        """The token that a form must carry; `binding` is a session id or a visitor's cookie."""
        return _digest(self._form_key, binding)

    def form_token_is_right(self, token: str, binding: str) -> bool:
        return token.isascii() and hmac.compare_digest(token, self.form_token(binding))

    def _sign(self, session: Session) -> str:
        content = json.dumps(astuple(session))
        payload = base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")
        return f"{payload}.{_digest(self._session_key, payload)}"


def _digest(key: bytes, text: str) -> str:
    signature = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(signature).decode().rstrip("=")


def _decode(payload: str) -> bytes:
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
