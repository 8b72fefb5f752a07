"""Runs all cases: several places side by side, and in each several workloads."""

import traceback
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.sweep.canaries import customers
from tests.sweep.cases import Case
from tests.sweep.news import news
from tests.sweep.place import place
from tests.sweep.runner import Result, Runner

SEATS: Final = {"experiment": ("w", 3), "canary": ("c", 2)}
"""The workloads of a place, by the machine that runs on them: how they are called, and how many.
FIS has five experiments at once."""


class Sweep:
    """The cases that wait, and the results of those that are over."""

    def __init__(self, cases: Iterable[Case], say: Callable[[Result], None]) -> None:
        self._waiting: dict[str, deque[tuple[int, Case]]] = {m: deque() for m in SEATS}
        for number, case in enumerate(cases, start=1):
            self._waiting[case.on].append((number, case))
        self._results: dict[int, Result] = {}
        self.left: list[str] = []
        """What accounts still had when all was over, whoever left it; known after `run`."""
        self._say = say

    def run(self, state: Path, places: int) -> list[Result]:
        """Run all in so many accounts; return the results in the order of the cases."""
        with ThreadPoolExecutor(places) as pool:
            for work in [pool.submit(self._run_in, state / f"place-{n}") for n in range(places)]:
                work.result()
        return [self._results[number] for number in sorted(self._results)]

    def _run_in(self, state: Path) -> None:
        state.mkdir()
        with (
            place(state, SEATS["experiment"][1]) as made,
            customers(made, SEATS["canary"][1]) as sides,
            news(made) as heard,
        ):
            runner = Runner(made, heard, sides)
            seats = [(m, f"{name}{n}") for m, (name, count) in SEATS.items() for n in range(count)]
            with ThreadPoolExecutor(len(seats)) as pool:
                for work in [pool.submit(self._run_on, runner, *seat) for seat in seats]:
                    work.result()
            self.left += [f"{state.name}: {one}" for one in runner.left_by_anybody()]

    def _run_on(self, runner: Runner, machine: str, workload: str) -> None:
        """Run what waits for a machine, one after the other, on a workload."""
        while self._waiting[machine]:
            try:
                number, case = self._waiting[machine].popleft()
            except IndexError:
                return  # another one took the last
            run_id = f"sweep-{number:04d}"
            try:
                result = runner.run(case, run_id, workload)
            except Exception:
                problem = traceback.format_exc()
                result = Result(case, run_id, "BROKEN", "none", [problem], 0.0)
            self._results[number] = result
            self._say(result)
