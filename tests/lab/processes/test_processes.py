"""Children say when they are ready, stop when told, and never outlive their parent."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from lab import processes

CHILD = """
import subprocess, sys, time
from pathlib import Path
from lab import processes
processes.exit_with_parent()
grandchild = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL)
processes.write_ready(Path(sys.argv[1]), {"grandchild": grandchild.pid})
time.sleep(600)
"""

PARENT = """
import sys, time
from pathlib import Path
from lab import processes
directory = Path(sys.argv[1])
child = processes.start([sys.executable, "-c", sys.argv[2], directory / "child.json"],
                        log_path=directory / "child.log", name="child")
ready = processes.wait_ready(directory / "child.json", child)
processes.write_ready(directory / "parent.json", {"child": child.pid, **ready})
time.sleep(600)
"""


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], timeout_seconds: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "condition did not come true in time"
        time.sleep(0.02)


def start_child(directory: Path, code: str = CHILD) -> processes.Process:
    return processes.start(
        [sys.executable, "-c", code, directory / "ready.json"],
        log_path=directory / "child.log",
        name="child",
    )


def test_a_ready_child_hands_over_what_it_wrote(tmp_path: Path) -> None:
    child = start_child(tmp_path)
    ready = processes.wait_ready(tmp_path / "ready.json", child)
    assert is_running(ready["grandchild"])
    child.stop()


def test_a_child_that_dies_before_it_is_ready_is_reported_with_its_log(tmp_path: Path) -> None:
    child = start_child(tmp_path, "raise SystemExit('no such table: customers')")
    with pytest.raises(processes.ProcessFailedError, match="no such table: customers"):
        processes.wait_ready(tmp_path / "ready.json", child)


def test_a_child_that_is_never_ready_is_reported_after_the_timeout(tmp_path: Path) -> None:
    child = start_child(tmp_path, "import time; time.sleep(600)")
    with pytest.raises(processes.ProcessFailedError, match=r"not ready after 0\.2 s"):
        processes.wait_ready(tmp_path / "ready.json", child, timeout_seconds=0.2)
    child.stop()


def test_stopping_takes_the_whole_process_group_along(tmp_path: Path) -> None:
    child = start_child(tmp_path)
    grandchild = processes.wait_ready(tmp_path / "ready.json", child)["grandchild"]
    assert child.stop() == -signal.SIGTERM
    wait_until(lambda: not is_running(grandchild))
    assert child.stop() == -signal.SIGTERM, "stopping twice is no error"


def test_a_child_that_ignores_sigterm_is_killed_after_the_timeout(tmp_path: Path) -> None:
    child = start_child(
        tmp_path, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + CHILD
    )
    processes.wait_ready(tmp_path / "ready.json", child)
    assert child.stop(timeout_seconds=0.1) == -signal.SIGKILL


def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    parent = processes.start(
        [sys.executable, "-c", PARENT, tmp_path, CHILD],
        log_path=tmp_path / "parent.log",
        name="parent",
    )
    ready = processes.wait_ready(tmp_path / "parent.json", parent)
    assert is_running(ready["child"])
    assert is_running(ready["grandchild"])
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(30)
    wait_until(lambda: not is_running(ready["child"]) and not is_running(ready["grandchild"]))


def test_the_environment_is_laid_over_the_parents(tmp_path: Path) -> None:
    code = (
        "import json, os, sys; from pathlib import Path; "
        "Path(sys.argv[1]).write_text(json.dumps(dict(os.environ)))"
    )
    child = processes.start(
        [sys.executable, "-c", code, tmp_path / "environment.json"],
        env={"BANK_SECRET": "s3cret"},
        log_path=tmp_path / "child.log",
        name="child",
    )
    assert child.wait(30) == 0
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert environment["BANK_SECRET"] == "s3cret"
    assert environment["PATH"] == os.environ["PATH"]
    child.stop()
