"""What a refusal must look like: lines that a person can read, soon."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from steadystate.errors import InvalidDocument

LONGEST_LINE = 1000
LONGEST_SECONDS = 20.0
"""Of work, on the slowest machine: what grows with the square of a text takes minutes."""
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
    began = time.thread_time()
    with pytest.raises(InvalidDocument) as caught:
        yield
    assert time.thread_time() - began < LONGEST_SECONDS
    lines = check_lines(caught.value, source)
    assert any(all(part in line for part in parts) for line in lines), lines


def accepted_or_refused(read: Callable[[], object], source: str) -> object | None:
    """Either a value, or None after a refusal in lines; any other error goes through."""
    try:
        return read()
    except InvalidDocument as error:
        check_lines(error, source)
        return None
