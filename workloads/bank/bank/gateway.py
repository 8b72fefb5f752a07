"""The web's way to its WAS: one pool of connections, short timeouts, errors as clear answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import httpx

# The WAS waits 2 s for a connection and 4 s for an answer (9 s for the integrity check).
TIMEOUT: Final = httpx.Timeout(10.0, connect=1.0, pool=2.0)
HEALTH_TIMEOUT: Final = httpx.Timeout(1.0)
# The WAS answers a deep check within a second, with the reason; leave it the time to say so.
DEEP_HEALTH_TIMEOUT: Final = httpx.Timeout(1.5, connect=1.0)
# Below the WAS's own keep-alive timeout, so that no connection is reused while it is being closed.
LIMITS: Final = httpx.Limits(
    max_connections=100, max_keepalive_connections=50, keepalive_expiry=30.0
)


class GatewayError(Exception):
    """The WAS gave no answer. `status` is 502 or 503, `code` a stable word."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class ApiError(Exception):
    """The WAS answered with an error; `code` and `field` are the API's."""

    def __init__(self, status: int, code: str, field: str | None) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.field = field


class Gateway:
    """Speaks to the WAS for the API's clients (`forward`) and for the pages (`call`)."""

    def __init__(self, was_url: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=was_url,
            timeout=TIMEOUT,
            limits=LIMITS,
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def forward(
        self,
        method: str,
        target: str,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        timeout: httpx.Timeout = TIMEOUT,  # noqa: ASYNC109 (httpx's own kind)
    ) -> httpx.Response:
        """Send a request as it is (`target` = path and query); raises GatewayError."""
        try:
            return await self._client.request(
                method, target, headers=headers, content=body, timeout=timeout
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise GatewayError(
                503, "was_unavailable", "The bank's application server cannot be reached."
            ) from error
        except httpx.PoolTimeout as error:
            raise GatewayError(503, "web_busy", "Too many requests are under way.") from error
        except httpx.TimeoutException as error:
            raise GatewayError(
                503,
                "was_timeout",
                "The bank's application server did not answer in time. A transfer may or may not"
                " have been made: send it again with the same Idempotency-Key.",
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise GatewayError(
                502,
                "was_broke_off",
                "The bank's application server broke off. A transfer may or may not have been"
                " made: send it again with the same Idempotency-Key.",
            ) from error

    async def call(
        self,
        method: str,
        *path: str,
        token: str = "",
        request_id: str = "",
        query: Mapping[str, str] | None = None,
        content: Mapping[str, Any] | None = None,
        key: str = "",
    ) -> Any:
        """The JSON answer to a call of the API; raises ApiError and GatewayError.

        `path` is given in segments, which are quoted: what a visitor typed stays one segment.
        """
        target = "/api/" + "/".join(quote(segment, safe="") for segment in path)
        if query:
            target += "?" + str(httpx.QueryParams(dict(query)))
        given = {
            "x-request-id": request_id,
            "authorization": f"Bearer {token}" if token else "",
            "idempotency-key": key,
        }
        headers = [(name.encode(), value.encode()) for name, value in given.items() if value]
        body = b"" if content is None else json.dumps(content).encode()
        response = await self.forward(method, target, headers=headers, body=body)
        try:
            answer = response.json()
        except ValueError as error:
            raise GatewayError(502, "was_broke_off", "The answer was not JSON.") from error
        if response.is_success:
            return answer
        raise ApiError(response.status_code, answer.get("error", ""), answer.get("field"))
