"""What changes on a request or an answer on its way through the load balancer."""

import os
import time
from collections.abc import Iterable, Mapping

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict

from lab.balancer.routing import Request

BUFFERED_BODY_BYTES = 64 * 1024
"""Bodies up to this length are passed on whole, others as they come."""

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_FORWARDED = _HOP_BY_HOP | {"expect"}
_TITLES = {
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}


def seen(request: web.BaseRequest) -> Request:
    """What the rules look at."""
    return Request(
        method=request.method,
        host=request.host,
        path=request.rel_url.raw_path,
        query=request.rel_url.raw_query_string,
        headers=tuple(request.headers.items()),
        source_ip=request.remote or "127.0.0.1",
    )


def request_headers(request: web.BaseRequest, port: int) -> CIMultiDict[str]:
    """The headers that the target gets; `port` is the listener's."""
    headers = _without(request.headers.items(), request.headers, _NOT_FORWARDED)
    if "upgrade" in request.headers.get(hdrs.CONNECTION, "").lower():
        headers[hdrs.CONNECTION] = "Upgrade"
        headers[hdrs.UPGRADE] = request.headers.get(hdrs.UPGRADE, "")
    client = request.remote or ""
    before = headers.get(hdrs.X_FORWARDED_FOR)
    headers[hdrs.X_FORWARDED_FOR] = f"{before}, {client}" if before else client
    headers[hdrs.X_FORWARDED_PROTO] = "http"
    headers["X-Forwarded-Port"] = str(port)
    if "X-Amzn-Trace-Id" not in headers:
        headers["X-Amzn-Trace-Id"] = f"Root=1-{int(time.time()):08x}-{os.urandom(12).hex()}"
    return headers


async def request_body(request: web.BaseRequest) -> bytes | aiohttp.StreamReader | None:
    """The body for the target; None when there is none."""
    if not request.can_read_body:
        return None
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    length = request.content_length
    if length is not None and length <= BUFFERED_BODY_BYTES:
        return await request.read()
    return request.content


def answer_headers(answer: aiohttp.ClientResponse) -> CIMultiDict[str]:
    """The headers that the client gets."""
    headers = _without(answer.headers.items(), answer.headers, _HOP_BY_HOP)
    if answer.status == 101:
        headers[hdrs.CONNECTION] = "Upgrade"
        headers[hdrs.UPGRADE] = answer.headers.get(hdrs.UPGRADE, "")
    return headers


def own_response(
    status: int, body: str = "", content_type: str = "text/plain", location: str | None = None
) -> web.Response:
    """An answer that the load balancer gives by itself."""
    response = web.Response(status=status, text=body, content_type=content_type)
    response.headers[hdrs.SERVER] = "awselb/2.0"
    if location is not None:
        response.headers[hdrs.LOCATION] = location
    return response


def elb_error(status: int) -> web.Response:
    """The load balancer's own error page."""
    title = _TITLES[status]
    page = f"<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n"
    return own_response(status, page, "text/html")


def _without(
    items: Iterable[tuple[str, str]], headers: Mapping[str, str], dropped: frozenset[str]
) -> CIMultiDict[str]:
    named = headers.get(hdrs.CONNECTION)
    if named:
        dropped |= {token.strip().lower() for token in named.split(",")}
    return CIMultiDict([(key, value) for key, value in items if key.lower() not in dropped])
