"""What a refusal must look like: lines that a person can read, soon."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from steadystate.errors import InvalidDocument, Refused

LONGEST_LINE = 1000
LONGEST_SECONDS = 20.0
"""Of work, on the slowest machine: what grows with the square of a text takes minutes."""
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
    assert time.thread_time() - began < LONGEST_SECONDS
    assert _peak_megabytes() - peak < MOST_MEGABYTES


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def accepted_or_refused(read: Callable[[], object], source: str) -> object | None:
    """Either a value, or None after a refusal in lines; any other error goes through."""
    with little_work():
        try:
            return read()
        except InvalidDocument as error:
            check_lines(error, source)
            return None


def planned_or_refused(plan: Callable[[object], None], given: object) -> bool:
    """Whether an execution's input is planned; a refusal is in lines, and names the wrong field."""
    with little_work():
        try:
            plan(given)
        except InvalidDocument as error:
            assert all(": " in line for line in check_lines(error, ""))
            return False
        except Refused as error:  # the documents are right, and their world is not
            assert str(error).isprintable()
            return False
        return True
