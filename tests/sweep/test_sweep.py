"""Each way to break a task, tried for real; `make sweep` tries them all, on every task."""

import pytest

from lab.account.sabotage import KINDS
from tests.sweep.cases import Case, cases
from tests.sweep.runner import Result
from tests.sweep.sweep import Sweep


def sample() -> list[Case]:
    """Of each kind of failure one case on experiments, of every third one on other machines; each
    on another task."""
    found: dict[tuple[str, str], list[Case]] = {}
    for case in cases():
        found.setdefault((case.machine, case.kind), []).append(case)
    return [
        group[(5 * n + 3) % len(group)]
        for n, ((machine, _), group) in enumerate(found.items())
        if machine == "experiment" or n % 3 == 0
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


def test_every_task_of_the_swept_machines_is_broken_in_every_way() -> None:
    tried = {(case.machine, case.state, case.kind) for case in cases()}
    tasks = {(machine, state) for machine, state, _ in tried}
    assert {kind for _, _, kind in tried} == set(KINDS)
    assert len(tried) == len(tasks) * len(KINDS)
