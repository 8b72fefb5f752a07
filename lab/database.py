"""A real PostgreSQL on loopback for one RDS instance.

`Database` is the supervisor's side. The server runs under a guard process (`python -m
lab.database`), which ends it when the supervisor is gone, however that died. The binaries are
those of the pgserver wheel; settings that integrity rests on (fsync, full_page_writes,
synchronous_commit) stay at PostgreSQL's defaults.

PostgreSQL refuses to run as root; then it runs as nobody. So that the data may lie where nobody
cannot go (a state directory below /root), the directory is handed over as an open descriptor.
Programs in such a place are copied once to the system's temporary directory.
"""

import contextlib
import ctypes
import functools
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from lab import processes
from lab.ports import reserve_port

NOBODY = 65534
START_SECONDS = 30.0
# A fast shutdown writes a checkpoint; what takes longer is ended as by a power cut.
STOP_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "16MB",
    "max_connections": "100",
    # Files below the data directory instead of /dev/shm, where a crash would leave them.
    "dynamic_shared_memory_type": "mmap",
    "max_wal_size": "256MB",
    "logging_collector": "off",
    "timezone": "UTC",
}


class DatabaseError(Exception):
    """The server could not be initialised or started; the message ends with its log."""


@dataclass
class Database:
    """One PostgreSQL server; its port stays the same over restarts.

    `directory` is where it lives; data that is there already is used again.
    """

    identifier: str
    name: str
    user: str
    directory: Path
    port: int = field(default_factory=reserve_port)
    _guard: processes.Process | None = None
    _password: str = ""

    @property
    def url(self) -> str:
        """Its address with user and password."""
        return self.url_at("127.0.0.1", self.port)

    def url_at(self, host: str, port: int | str) -> str:
        """The same when it is reached by another way."""
        return f"postgresql://{self.user}:{self._password}@{host}:{port}/{self.name}"

    @property
    def running(self) -> bool:
        return self._guard is not None and self._guard.poll() is None

    def start(self) -> None:
        """Start it and return when it accepts connections. Blocks. Raises DatabaseError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        data = self._initialise()
        # A name of its own for every start: a file of an earlier one must not look ready.
        ready = self.directory / f"ready-{secrets.token_hex(4)}.json"
        self._guard = processes.start(
            processes.python(
                "lab.database", "--data", data, "--port", str(self.port), "--ready", ready
            ),
            log_path=self.directory / "postgres.log",
            name=f"database {self.identifier}",
        )
        try:
            processes.wait_ready(ready, self._guard, START_SECONDS)
            self._create_database()
        except (processes.ProcessFailedError, psycopg.Error) as error:
            self._guard.stop()
            raise DatabaseError(str(error)) from error
        finally:
            ready.unlink(missing_ok=True)

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, everything committed is on disk. Blocks."""
        if self._guard is not None:
            self._guard.stop(STOP_SECONDS + 5)
            self._guard = None

    def reboot(self) -> None:
        """Shut down and start on the same port; every connection is dropped. Blocks."""
        self.stop()
        self.start()

    def connections(self) -> int:
        """How many clients are connected, this question aside. Raises psycopg.Error."""
        with psycopg.connect(self.url, connect_timeout=2) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            ).fetchone()
        return int(row[0]) if row else 0

    def _initialise(self) -> Path:
        """The data directory, made if there is none: whole or not at all."""
        password_path = self.directory / "password"
        data = self.directory / "data"
        if data.exists() and password_path.exists():
            self._password = password_path.read_text()
            return data
        shutil.rmtree(data, ignore_errors=True)
        self._password = secrets.token_urlsafe(16)
        fresh = self.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        secret = self.directory / "password.new"
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        account = _account()
        if account is not None:
            os.chown(fresh, account, account)
            os.chown(secret, account, account)
        # No sync here: what a crash of the machine loses now is made again.
        with _handed_over(fresh) as (path, first), _handed_over(secret) as (secret_path, second):
            result = subprocess.run(
                [binaries() / "initdb", "--pgdata", path, "--username", self.user,
                 "--pwfile", secret_path, "--auth", "scram-sha-256", "--encoding", "UTF8",
                 "--locale", "C", "--no-sync"],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/",
                pass_fds=(*first, *second), user=account, group=account,
                extra_groups=None if account is None else [],
            )  # fmt: skip
        secret.unlink()
        if result.returncode != 0:
            raise DatabaseError(f"initdb of {self.identifier} failed:\n{result.stderr}")
        fresh.rename(data)
        password_path.touch(mode=0o600)
        password_path.write_text(self._password)
        return data

    def remove(self) -> None:
        """Stop it and delete its data."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _create_database(self) -> None:
        administration = self.url.rsplit("/", 1)[0] + "/postgres"
        with psycopg.connect(administration, autocommit=True, connect_timeout=5) as connection:
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (self.name,)
            ).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name)))


@functools.cache
def binaries() -> Path:
    """Where PostgreSQL's programs are, in a place where they can be run."""
    # Found, not imported: its package sets up things that are of no use here.
    found = importlib.util.find_spec("pgserver")
    if found is None or found.origin is None:
        raise DatabaseError("PostgreSQL is missing: install the lab's requirements (pgserver)")
    installation = Path(found.origin).parent / "pginstall"
    if _account() is not None and not _reachable(installation):
        # Libraries are found relative to the programs, some beside the package: all go along.
        packages = installation.parents[1]
        copy = Path(tempfile.gettempdir()) / f"steadystate-pgserver-{os.getuid()}"
        if not copy.exists():
            fresh = Path(tempfile.mkdtemp(prefix="steadystate-pgserver-"))
            for part in ("pgserver/pginstall", "pgserver.libs"):
                shutil.copytree(packages / part, fresh / part)
            fresh.chmod(0o755)
            with contextlib.suppress(OSError):  # another process was first
                fresh.rename(copy)
        installation = copy / "pgserver/pginstall"
    return installation / "bin"


def _account() -> int | None:
    """The user id to run the server as, None for our own."""
    return NOBODY if os.geteuid() == 0 else None


@contextlib.contextmanager
def _handed_over(path: Path) -> Iterator[tuple[Path, tuple[int, ...]]]:
    """A name of `path` that the server's account can use, and descriptors to pass on for it."""
    if _account() is None or sys.platform != "linux":
        yield path, ()
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield Path(f"/proc/self/fd/{descriptor}"), (descriptor,)
    finally:
        os.close(descriptor)


def _reachable(path: Path) -> bool:
    """Whether everybody may pass all directories down to `path`."""
    path = path.resolve()
    return all(parent.stat().st_mode & 0o001 for parent in (path, *path.parents))


def _guard(data: Path, port: int, ready: Path) -> int:
    """Run the server until told to stop (SIGTERM), the parent is gone, or it ends by itself."""
    ended = threading.Event()
    stopping: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        stopping.append(number)
        if server.poll() is None:
            server.send_signal(number)

    signal.signal(signal.SIGTERM, lambda *_: stop(signal.SIGINT))  # fast shutdown
    account = _account()
    settings = [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
    with _handed_over(data) as (path, descriptors):
        server = subprocess.Popen(
            [binaries() / "postgres", "-D", path, "-p", str(port), *settings],
            stdin=subprocess.DEVNULL, cwd="/", pass_fds=descriptors, user=account, group=account,
            extra_groups=None if account is None else [],
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )  # fmt: skip

    def before_exit() -> None:
        stop(signal.SIGQUIT)  # immediate shutdown: as a power cut, to be recovered from the log
        ended.wait(2.0)

    processes.exit_with_parent(before_exit)
    threading.Thread(target=_say_ready, args=(server, port, ready), daemon=True).start()
    while True:
        try:
            status = server.wait(STOP_SECONDS if stopping else 1.0)
            break
        except subprocess.TimeoutExpired:
            if stopping:
                stop(signal.SIGQUIT)
    ended.set()
    return 0 if stopping else abs(status) or 1


def _say_ready(server: "subprocess.Popen[bytes]", port: int, ready: Path) -> None:
    while server.poll() is None:
        # A server that still recovers refuses sessions with SQLSTATE 57P03 (cannot_connect_now);
        # one that asks for a password is there.
        try:
            psycopg.connect(
                host="127.0.0.1", port=port, user="nobody", dbname="postgres", connect_timeout=2
            ).close()
        except psycopg.OperationalError as error:
            if "password" in str(error):
                processes.write_ready(ready, {"port": port})
                return
        time.sleep(0.03)


_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ready", type=Path, required=True)
    arguments = parser.parse_args()
    sys.exit(_guard(arguments.data, arguments.port, arguments.ready))
