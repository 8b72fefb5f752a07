"""A service for tests: /health, /pid, /environment, /database and /account."""

import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg


def database() -> str:
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=60) as connection:
        return str(connection.execute("SELECT count(*) FROM visits").fetchone())


def account() -> str:
    with urllib.request.urlopen(
        os.environ["AWS_ENDPOINT_URL"] + "/moto-api/", timeout=60
    ) as answer:
        return str(answer.status)


ANSWERS = {
    "/health": lambda: "ok",
    "/pid": lambda: str(os.getpid()),
    "/environment": lambda: "\n".join(f"{name}={value}" for name, value in os.environ.items()),
    "/database": database,
    "/account": account,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        try:
            status, content = 200, ANSWERS[self.path]().encode()
        except Exception as error:
            status, content = 500, repr(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
