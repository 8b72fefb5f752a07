"""A server on loopback that speaks the Converse wire format, and remembers what it was asked."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[["Server", BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """`replies` are given one after the other, the last one for ever."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def conversing() -> Iterator[Server]:
    known = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            known.asked.append(json.loads(body))
            known.paths.append(self.path)
            number = min(len(known.asked), len(known.replies)) - 1
            with contextlib.suppress(OSError):
                known.replies[number](known, self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Clients that hang up are part of the tests."""

    server = Quiet(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield known
    finally:
        known.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, error: str = "") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    if error:
        handler.send_header("x-amzn-ErrorType", error)
    handler.end_headers()
    handler.wfile.write(body)


def answer(content: list[dict[str, Any]], stop: str = "tool_use") -> Reply:
    """A whole answer of the model."""
    body = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop,
        "usage": {"inputTokens": 2000, "outputTokens": 500, "totalTokens": 2500},
        "metrics": {"latencyMs": 7},
    }
    return lambda _, handler: send(handler, 200, json.dumps(body).encode())


def tool_use(prose: Any, name: str = "write_report") -> Reply:
    """An answer that calls the tool."""
    return answer([{"toolUse": {"toolUseId": "t1", "name": name, "input": prose}}])


def says(text: str, stop: str = "end_turn") -> Reply:
    """An answer in words, without the tool."""
    return answer([{"text": text}], stop)


def failing(status: int, error: str) -> Reply:
    body = json.dumps({"message": "not now"}).encode()
    return lambda _, handler: send(handler, status, body, error)


def raw(body: bytes) -> Reply:
    return lambda _, handler: send(handler, 200, body)


def never(server: Server, handler: BaseHTTPRequestHandler) -> None:
    """No answer before the test is over."""
    server.over.wait(60)
    handler.close_connection = True


def dripping(server: Server, handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then: no single read is slow."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not server.over.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()
    handler.close_connection = True


def hanging_up(_: Server, handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.close()
