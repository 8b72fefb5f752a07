"""Password hashes, and what makes checking them cheap under load and dear to guess.

A hash costs about 20 ms of one core. So that a customer who signs in again does not pay it each
time, a right password is remembered for five minutes: not the password but its HMAC under a key
that only this process has, bound to the stored hash, so that a changed password is not accepted.
Wrong passwords always cost the full price, and ten of them lock the customer for a minute.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

COST_LOG2: Final = 13
REMEMBER_SECONDS: Final = 300.0
REMEMBER_AT_MOST: Final = 10_000
FAILURES_ALLOWED: Final = 10
FAILURE_WINDOW_SECONDS: Final = 60.0


def hash_password(password: str, *, cost_log2: int = COST_LOG2) -> str:
    """`scrypt$<log2 n>$<salt>$<hash>`, salt and hash in base64."""
    salt = secrets.token_bytes(16)
    return f"scrypt${cost_log2}${_text(salt)}${_text(_scrypt(password, salt, cost_log2))}"


def password_is_right(password: str, stored: str) -> bool:
    _, cost, salt, expected = stored.split("$")
    actual = _scrypt(password, base64.b64decode(salt), int(cost))
    return hmac.compare_digest(actual, base64.b64decode(expected))


def _scrypt(password: str, salt: bytes, cost_log2: int) -> bytes:
    # 128 * r * n bytes of memory: 8 MiB at n = 2**13.
    return hashlib.scrypt(
        password.encode(), salt=salt, n=2**cost_log2, r=8, p=1, maxmem=2**27, dklen=32
    )


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


class PasswordChecks:
    """Checks passwords off the event loop, remembers right ones, counts wrong ones."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._right_until: OrderedDict[bytes, float] = OrderedDict()
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        # Two at a time: a storm of logins must not take every core from the requests.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="password")
        # Checked when the customer is unknown, so that both cases take the same time.
        self._nobody: str | None = None

    def locked_for_seconds(self, customer_id: str) -> float:
        """How long the customer must wait after too many wrong passwords; 0 if not at all."""
        failures = self._failures.get(customer_id, [])
        if len(failures) < FAILURES_ALLOWED:
            return 0.0
        return max(0.0, failures[-FAILURES_ALLOWED] + FAILURE_WINDOW_SECONDS - self._clock())

    async def check(self, customer_id: str, password: str, stored: str | None) -> bool:
        """True if the password fits; `stored` is None for a customer that does not exist."""
        mark = hmac.new(self._key, f"{stored}\0{password}".encode(), hashlib.sha256).digest()
        if self._right_until.get(mark, 0.0) > self._clock():
            return True
        loop = asyncio.get_running_loop()
        if stored is None:
            if self._nobody is None:
                self._nobody = await loop.run_in_executor(
                    self._threads, hash_password, secrets.token_hex()
                )
            await loop.run_in_executor(self._threads, password_is_right, password, self._nobody)
            right = False
        else:
            right = await loop.run_in_executor(self._threads, password_is_right, password, stored)
        if right:
            self._remember(mark)
        else:
            self._count_failure(customer_id)
        return right

    def _remember(self, mark: bytes) -> None:
        self._right_until[mark] = self._clock() + REMEMBER_SECONDS
        self._right_until.move_to_end(mark)
        while len(self._right_until) > REMEMBER_AT_MOST:
            self._right_until.popitem(last=False)

    def _count_failure(self, customer_id: str) -> None:
        failures = self._failures.setdefault(customer_id, [])
        failures.append(self._clock())
        del failures[:-FAILURES_ALLOWED]
        self._failures.move_to_end(customer_id)
        while len(self._failures) > REMEMBER_AT_MOST:
            self._failures.popitem(last=False)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
