"""The account's connections: kept alive, a thread each, every answer sent in one piece.

werkzeug's own server closes each connection after one request; a hundred requests a second then
cost more in connections and threads than in answers.
"""

import io
import logging
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.exceptions import InternalServerError, ServiceUnavailable
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer

log = logging.getLogger(__name__)

_WITHOUT_BODY = ("1", "204", "304")


def listen(port: int) -> BaseWSGIServer:
    """A server on loopback whose `app` is set later; port 0 lets the OS choose."""
    server = ThreadedWSGIServer("127.0.0.1", port, ServiceUnavailable(), handler=_RequestHandler)
    server.daemon_threads = True
    return server


class _RequestHandler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ = self.make_environ()
        environ["wsgi.input"] = io.BytesIO(_body(environ))
        try:
            status, headers, content = _answer(self.server.app, environ)
        except Exception:
            log.exception("%s %s", self.command, self.path)
            status, headers, content = _answer(InternalServerError(), environ)
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        whole = self.command != "HEAD" and not code.startswith(_WITHOUT_BODY)
        if whole and "content-length" not in {name.lower() for name, _ in headers}:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if whole:
            self.wfile.write(content)

    def log_request(self, *_: object) -> None:
        """Say nothing: hundreds of requests a second are ordinary."""


def _body(environ: dict[str, Any]) -> bytes:
    """The whole body: what an application left of it would be read as the next request."""
    chunked = environ.get("wsgi.input_terminated")
    body: bytes = environ["wsgi.input"].read(
        -1 if chunked else int(environ.get("CONTENT_LENGTH") or 0)
    )
    return body


def _answer(application: Any, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and content of an application's answer."""
    written: list[bytes] = []
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        begun.append((status, headers))
        return written.append

    chunks: Iterable[bytes] = application(environ, start_response)
    try:
        given = list(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    status, headers = begun[-1]
    return status, headers, b"".join([*written, *given])
