"""Child processes that never outlive their parent.

A child holds the read end of a pipe on its standard input, and nobody else holds the write end
but its parent. The kernel closes it when the parent dies, however it dies; the child reads
end-of-file and goes, and takes its process group along.
"""

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_POLL_SECONDS = 0.02
_LOG_TAIL_BYTES = 4000
_ROOT = Path(__file__).resolve().parents[1]


class ProcessFailedError(Exception):
    """A child died before it was ready, or was not ready in time; the message ends with its log."""


@dataclass(frozen=True)
class Process:
    """A running child: leader of its own session and process group.

    Its standard input stays open as long as this object's `popen` is alive; closing it, or the
    death of this process, tells the child to go.
    """

    name: str
    popen: "subprocess.Popen[bytes]"
    log_path: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def poll(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        return self.popen.poll()

    def wait(self, timeout_seconds: float) -> int:
        """Wait for the end. Raises subprocess.TimeoutExpired."""
        return self.popen.wait(timeout_seconds)

    def kill(self) -> None:
        """SIGKILL to the whole process group, and wait until the child is gone."""
        _kill_group(self.pid)
        self.popen.wait()
        self._close_stdin()

    def stop(self, timeout_seconds: float = 10.0) -> int:
        """End it: SIGTERM, after `timeout_seconds` SIGKILL; its process group is gone afterwards.

        Returns the exit status, negative for a signal. May be called again.
        """
        if self.popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(timeout_seconds)
            _kill_group(self.pid)
        status = self.popen.wait()
        self._close_stdin()
        return status

    def log_tail(self) -> str:
        """The end of what it wrote, for error messages."""
        try:
            content = self.log_path.read_bytes()[-_LOG_TAIL_BYTES:]
        except FileNotFoundError:
            return ""
        return content.decode(errors="replace").strip()

    def _close_stdin(self) -> None:
        if self.popen.stdin is not None:
            self.popen.stdin.close()


def start(
    argv: Sequence[str | Path],
    *,
    log_path: Path,
    name: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start a child in a session of its own; its output is appended to `log_path`.

    `env` is laid over this process's environment. The child must call `exit_with_parent`; it
    finds the package `lab` whatever its working directory is.
    """
    environment = {**os.environ, **(env or {})}
    paths = [str(_ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        popen = subprocess.Popen(
            [os.fspath(argument) for argument in argv],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
    return Process(name=name, popen=popen, log_path=log_path)


def python(module: str, *arguments: str | Path) -> list[str]:
    """The command line that runs a module with this very interpreter."""
    return [sys.executable, "-m", module, *(os.fspath(argument) for argument in arguments)]


def exit_with_parent(before_exit: Callable[[], None] | None = None) -> None:
    """Call first thing in a child: it and its process group die when the parent is gone.

    `before_exit` runs before that, in another thread than the main one; it must be quick. Does
    nothing when standard input is neither a pipe nor a socket (started by hand from a terminal).
    """
    mode = os.fstat(sys.stdin.fileno()).st_mode if sys.stdin else 0
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        threading.Thread(
            target=_follow_stdin,
            args=(sys.stdin.buffer, before_exit),
            name="exit-with-parent",
            daemon=True,
        ).start()


def write_ready(path: Path, content: Mapping[str, Any]) -> None:
    """Say that this process is ready: one JSON line, seen whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content) + "\n")
    temporary.replace(path)


def wait_ready(path: Path, process: Process, timeout_seconds: float = 60.0) -> dict[str, Any]:
    """What the child wrote with `write_ready`.

    Raises ProcessFailedError, with the tail of its log, when it dies first or takes longer.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        # The order matters: a child may write and end between two looks.
        status = process.poll()
        if path.exists():
            content: dict[str, Any] = json.loads(path.read_text())
            return content
        if status is not None:
            raise ProcessFailedError(
                f"{process.name} ended with status {status} before it was ready "
                f"(log {process.log_path}):\n{process.log_tail()}"
            )
        if time.monotonic() > deadline:
            raise ProcessFailedError(
                f"{process.name} was not ready after {timeout_seconds:g} s "
                f"(log {process.log_path}):\n{process.log_tail()}"
            )
        time.sleep(_POLL_SECONDS)


def _follow_stdin(stdin: IO[bytes], before_exit: Callable[[], None] | None) -> None:
    # os.read instead of stdin.read: a buffered reader's lock would block the interpreter's exit.
    with contextlib.suppress(OSError):
        while os.read(stdin.fileno(), 4096):
            pass
    try:
        if before_exit is not None:
            before_exit()
    finally:
        _kill_group(os.getpgrp())
        os._exit(1)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
