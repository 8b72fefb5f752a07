"""Each way to break a task, tried for real; `make sweep` tries them all, on every task."""

import pytest

from lab.account.sabotage import KINDS, START_KINDS
from tests.definitions.stack import START_EXECUTION, machine
from tests.sweep.cases import MACHINES, Case, cases
from tests.sweep.runner import Result
from tests.sweep.sweep import Sweep


def sample() -> list[Case]:
    """Of each kind of failure one case on functions of experiments, of every third one on other
    machines and on tasks that start a report; each on another task."""
    found: dict[tuple[str, str, bool], list[Case]] = {}
    for case in cases():
        found.setdefault((case.machine, case.kind, case.starts), []).append(case)
    return [
        group[(5 * n + 3) % len(group)]
        for n, ((name, _, starts), group) in enumerate(found.items())
        if (name == "experiment" and not starts) or n % 3 == 0
    ]


SAMPLE = sample()


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, dict[Case, Result]]:
    sweep = Sweep(SAMPLE, lambda _: None)
    found = sweep.run(tmp_path_factory.mktemp("sweep"), places=1)
    return sweep, {result.case: result for result in found}


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.name)
def test_a_broken_task_leaves_nothing_behind_and_an_honest_verdict(
    swept: tuple[Sweep, dict[Case, Result]], case: Case
) -> None:
    assert swept[1][case].problems == []


def test_nothing_at_all_is_left_when_all_is_over(
    swept: tuple[Sweep, dict[Case, Result]],
) -> None:
    """Also what carries no run's name or tag."""
    assert swept[0].left == []


@pytest.mark.parametrize("name", MACHINES)
def test_every_task_of_the_swept_machines_is_broken_in_every_way(name: str) -> None:
    tasks = [state for state in machine(name).states() if state.body["Type"] == "Task"]
    starts = {state.name for state in tasks if state.body["Resource"] == START_EXECUTION}
    tried: dict[str, set[str]] = {}
    for case in cases():
        if case.machine == name:
            tried.setdefault(case.state, set()).add(case.kind)
    assert tried == {
        state.name: set(START_KINDS if state.name in starts else KINDS) for state in tasks
    }
