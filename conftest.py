"""Settings of all tests, those of the workloads too: a machine's speed refuses nobody's change.

Hypothesis draws the same examples each time, and does not time them. Tests that measure real
processes on a shared machine are tried again when they fail; the summary says which.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
MEASURING = (HERE / "tests/e2e", HERE / "tests/lab")

settings.register_profile(
    "steadystate",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steadystate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in MEASURING):
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=5))
