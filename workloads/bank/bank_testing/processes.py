"""Real processes for the tests: PostgreSQL from the pgserver wheel, the WAS, the web.

All of them die with the test run, also when it is killed: the kernel sends them a signal.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pgserver
import psycopg

BANK = Path(__file__).parents[1]
_BINARIES = Path(pgserver.__file__).parent / "pginstall" / "bin"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
SECRET = "a secret for tests"  # noqa: S105
_held: list[socket.socket] = []


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


def _die_with_parent(how: signal.Signals) -> Callable[[], None]:
    def before_exec() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, how)

    return before_exec


class Postgres:
    """A PostgreSQL of our own. As root it runs as nobody: it refuses to run as root."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"postgresql://bank@127.0.0.1:{self.port}/postgres"
        self._user = "nobody" if os.geteuid() == 0 else None
        # Not below pytest's own directory: nobody may not enter that.
        self._directory = Path(tempfile.mkdtemp(prefix="bank-test-"))
        if self._user:
            shutil.chown(self._directory, self._user)
        subprocess.run(
            [
                *(_BINARIES / "initdb", "-D", self._directory / "data", "-U", "bank"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            user=self._user,
            cwd=self._directory,
        )
        self.start()

    def start(self) -> None:
        log = (self._directory / "log").open("ab")
        self._process = subprocess.Popen(
            [
                *(_BINARIES / "postgres", "-D", self._directory / "data", "-p", str(self.port)),
                *("-h", "127.0.0.1", "-k", self._directory, "-c", "fsync=off"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=self._user,
            cwd=self._directory,
            preexec_fn=_die_with_parent(signal.SIGQUIT),  # noqa: PLW1509 (tests start no threads)
        )
        log.close()
        wait_until(self._answers, "PostgreSQL answers")

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError((self._directory / "log").read_text())
        try:
            psycopg.connect(self.url, connect_timeout=30).close()
        except psycopg.OperationalError:
            return False
        return True

    def crash(self) -> None:
        """Stop at once, without telling the clients or writing a checkpoint."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(60)

    def remove(self) -> None:
        if self._process.poll() is None:
            self.crash()
        shutil.rmtree(self._directory, ignore_errors=True)


class Service:
    """One of the bank's services as a process. `log` holds its output."""

    def __init__(self, module: str, log: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._module = module
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(BANK),
            "PORT": str(self.port),
            "BANK_SECRET": SECRET,
            "BANK_INSTANCE_ID": "i-test",
            **environment,
        }
        self.start()

    def start(self) -> None:
        log = self.log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", self._module],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self._environment,
            cwd=BANK,
            preexec_fn=_die_with_parent(signal.SIGKILL),  # noqa: PLW1509 (tests start no threads)
        )
        log.close()
        wait_until(self._listens, f"{self._module} listens")

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(self.log.read_text())
        try:
            httpx.get(f"{self.url}/health", timeout=60)
        except httpx.TransportError:
            return False
        return True

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
