"""What a refusal must look like: lines that a person can read, soon."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from steadystate.errors import InvalidDocument, Refused

T = TypeVar("T")
LONGEST_LINE = 1000
LONGEST_SECONDS = 1.0
"""Of processor time: a busy machine does not make an input slow."""
ATTEMPTS = 3
"""How often an input is tried before it is called slow."""
MOST_MEGABYTES = 200
MOST_LINES = 30


def check_lines(error: InvalidDocument, source: str) -> list[str]:
    lines = str(error).split("\n")
    assert 1 <= len(lines) <= MOST_LINES
    for line in lines:
        assert line.isprintable(), line
        assert len(line) <= LONGEST_LINE, len(line)
        assert line.startswith(source) or line.startswith("…"), line
    return lines


@contextmanager
def refused(*parts: str, source: str = "") -> Iterator[None]:
    """The block is refused with a line that holds all the parts, after little work."""
    with little_work(), pytest.raises(InvalidDocument) as caught:
        yield
    lines = check_lines(caught.value, source)
    assert any(all(part in line for part in parts) for line in lines), lines


@contextmanager
def little_work() -> Iterator[None]:
    """The block takes little time, and no memory to speak of."""
    began, peak = time.thread_time(), _peak_megabytes()
    yield
    assert time.thread_time() - began <= LONGEST_SECONDS
    assert _peak_megabytes() - peak < MOST_MEGABYTES


def soon(work: Callable[[], T]) -> T:
    """Return what the work gives; the best of a few attempts takes little time."""
    for _ in range(ATTEMPTS):
        began, peak = time.thread_time(), _peak_megabytes()
        result = work()
        seconds = time.thread_time() - began
        assert _peak_megabytes() - peak < MOST_MEGABYTES
        if seconds <= LONGEST_SECONDS:
            return result
    raise AssertionError(f"{seconds:.1f} s of processor time, at the last of {ATTEMPTS} attempts")


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def accepted_or_refused(read: Callable[[], object], source: str) -> object | None:
    """Either a value, or None after a refusal in lines; any other error goes through."""

    def attempt() -> object | None:
        try:
            return read()
        except InvalidDocument as error:
            check_lines(error, source)
            return None

    return soon(attempt)


def planned_or_refused(plan: Callable[[object], None], given: object) -> bool:
    """Whether an execution's input is planned; a refusal is in lines, and names the wrong field."""

    def attempt() -> bool:
        try:
            plan(given)
        except InvalidDocument as error:
            assert all(": " in line for line in check_lines(error, ""))
            return False
        except Refused as error:  # the documents are right, and their world is not
            assert str(error).isprintable()
            return False
        return True

    return soon(attempt)
