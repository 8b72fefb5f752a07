"""A real server on loopback whose behaviour is chosen by path, and that knows what reached it."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lab.ports import reserve_port


@dataclass
class Server:
    """`bodies` answers by path; `broken` makes `/switch` fail while it is set, `refused` is when;
    `/together` answers once so many requests have arrived."""

    url: str = ""
    bodies: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    arrived: list[float] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    posted: list[bytes] = field(default_factory=list)
    broken: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    slowly_seconds: float = 0.3
    together: int = 1
    refused: list[float] = field(default_factory=list)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    known = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            arrived_at = time.time()
            known.arrived.append(arrived_at)
            path, _, query = self.path.partition("?")
            known.queries.append(query)
            if path == "/hangup":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            elif path == "/drip":
                self._drip()
            elif path == "/silent":
                known.over.wait(600)
                self.close_connection = True
            elif path == "/slow":
                known.over.wait(known.slowly_seconds)
                self._say(200, b"slow")
            elif path == "/switch":
                broken = known.broken.is_set()
                if broken:
                    known.refused.append(arrived_at)
                self._say(503 if broken else 200, b"switch")
            elif path == "/together":
                while len(known.arrived) < known.together and not known.over.wait(0.01):
                    pass
                self._say(200, b"all here")
            else:
                self._say(*known.bodies.get(path, (404, b"nothing here")))

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            known.posted.append(self.rfile.read(length))
            self.do_GET()

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", body.decode())
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def _drip(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "10000")
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(6000):
                    if known.over.wait(0.1):
                        break
                    self.wfile.write(b".")
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        request_queue_size = 128

        def handle_error(self, *_: Any) -> None:
            """Clients that hang up are part of the tests."""

    server = Quiet(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_address[1]}"
    known.bodies["/ok"] = (200, b"fine")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield known
    finally:
        known.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    """A port on which nobody listens."""
    return reserve_port()
