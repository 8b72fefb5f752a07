"""The HTTP client of a population of customers; every request is written to the truth log."""

import json
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

REQUEST_TIMEOUT_SECONDS = 5.0
_KEEP_ALIVE_SECONDS = 15.0


class TruthFile:
    """Appends JSON lines; several processes may write to the same file. Lines wait for `flush`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._lines: list[str] = []

    def write(self, line: Mapping[str, Any]) -> None:
        self._lines.append(json.dumps(line, separators=(",", ":")) + "\n")

    def flush(self) -> None:
        """Write out whole lines in one go, so that those of other processes stay whole."""
        content = "".join(self._lines).encode()
        self._lines.clear()
        while content:
            content = content[os.write(self._file, content) :]

    def close(self) -> None:
        self.flush()
        os.close(self._file)


@dataclass(frozen=True)
class Answer:
    """`status` is None when no whole answer came; `error` then says why. `body` is its JSON."""

    status: int | None
    body: dict[str, Any]
    error: str | None

    @property
    def undecided(self) -> bool:
        """Whether the request may or may not have been carried out: worth another try."""
        return self.status is None or self.status >= 500 or self.status in {401, 429}


class Client:
    """Asks one base URL. Connections are kept alive; one that broke is not used again."""

    def __init__(self, base_url: str, truth: TruthFile) -> None:
        self._base_url = base_url.rstrip("/")
        self._truth = truth
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS),
        )
        # aiohttp repeats some requests whose connection broke: the customer saw an error.
        self._session._retry_connection = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def ask(
        self,
        name: str,
        method: str,
        path: str,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        expected: Collection[int] = (200,),
        in_truth: bool = True,
    ) -> Answer:
        """Ask once, and write down how it went under `name`.

        It went well (`ok`) when a whole answer with an expected status came. Checks that are no
        customer's traffic are left out of the truth log with `in_truth`.
        """
        all_headers = dict(headers or {})
        if token is not None:
            all_headers["Authorization"] = f"Bearer {token}"
        sent_at, started = time.time(), time.monotonic()
        status: int | None = None
        content: dict[str, Any] = {}
        problem: str | None = None
        try:
            async with self._session.request(
                method,
                self._base_url + path,
                headers=all_headers,
                json=body,
                allow_redirects=False,
            ) as response:
                content = _parsed(await response.read())
                status = response.status
        except TimeoutError:
            problem = "timeout"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            problem = f"{type(error).__name__}: {error}"
        if in_truth:
            self._truth.write(
                {
                    "kind": "request",
                    "name": name,
                    "sent_at": round(sent_at, 6),
                    "done_at": round(sent_at + time.monotonic() - started, 6),
                    "ok": status in expected,
                    "status": status,
                    "error": problem,
                }
            )
        return Answer(status, content, problem)


def _parsed(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; error pages of a load balancer have none."""
    if not body.lstrip().startswith(b"{"):
        return {}
    content = json.loads(body)
    return content if isinstance(content, dict) else {}
