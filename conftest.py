"""Settings of all tests, those of the workloads too: a machine's speed refuses nobody's change.

Hypothesis draws the same examples each time, and does not time them. Tests that measure real
processes on a shared machine are tried again when they fail; the summary says which.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

HERE = Path(__file__).parent
MEASURING = ("tests/e2e", "tests/lab")

settings.register_profile(
    "steadystate",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steadystate")


class ByFolder(LoadScopeScheduling):  # type: ignore[misc]
    """Gives whole folders to the workers of `pytest -n`: a folder shares its processes."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0].rpartition("/")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder:
    config.option.loadscopereorder = False
    return ByFolder(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(HERE).as_posix()
        return next((n for n, one in enumerate(MEASURING) if folder.startswith(one)), 9)

    for item in items:
        if place(item) < 9:
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=5))
    if "PYTEST_XDIST_WORKER" in os.environ:  # what lasts longest begins first
        items.sort(key=place)
