"""Killing a session: a leader and every process that came out of it, whatever their groups."""

import os
import signal
import time

import psutil  # type: ignore[import-untyped]


def members(session: int) -> list[int]:
    """The living processes of a session; zombies are dead."""
    found = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == session and (psutil.Process(pid).status() != psutil.STATUS_ZOMBIE):
                found.append(pid)
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue
    return found


def kill(session: int, timeout_seconds: float = 5.0) -> None:
    """SIGKILL to all of them, the leader first, until none is left. Blocks.

    Raises TimeoutError when one survives.
    """
    deadline = time.monotonic() + timeout_seconds
    left = [session]
    while True:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        left = members(session)
        if not left:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {left} of session {session} survive SIGKILL")
        time.sleep(0.005)
