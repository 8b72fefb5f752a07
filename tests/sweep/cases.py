"""What is broken: each task of each machine, in each way, once and for good."""

from collections.abc import Iterator
from dataclasses import dataclass

from lab.account.sabotage import KINDS, START_KINDS
from tests.definitions.stack import Machine, State, machine

MACHINES = ("experiment", "canary", "report", "recover")

ALWAYS = 1000
"""More often than any task is tried."""


@dataclass(frozen=True)
class Case:
    """One task broken in one way. `skip` visits go well first; `times` strikes follow.

    `primed` is the task that is broken first, where only a failure leads to this state. `handled`
    is whether the machine goes on after this error, as after an answer; `starts` is whether the
    task starts another machine, that is the report.
    """

    machine: str
    state: str
    kind: str
    error: str
    skip: int
    times: int
    primed: str | None
    handled: bool
    starts: bool

    @property
    def name(self) -> str:
        how = "always " if self.times == ALWAYS else ""
        visit = f" at visit {self.skip + 1}" if self.skip else ""
        return f"{self.machine}: {self.state}{visit} {how}{self.kind}"

    @property
    def on(self) -> str:
        """The machine whose run is broken."""
        return "canary" if self.machine == "canary" else "experiment"

    @property
    def goes_back(self) -> bool:
        """Whether only a canary that is worse comes to this task."""
        return self.machine == "canary" and self.state == "Undo Run"

    @property
    def gated(self) -> bool:
        """Whether only a canary with a chaos gate comes to this task."""
        return self.machine == "canary" and self.state == "Start Experiment"

    @property
    def is_harmless(self) -> bool:
        """Whether the run must end as if nothing had been done to it."""
        whole = self.machine == self.on and not self.primed
        return whole and self.kind in ("throttled", "twice")

    @property
    def keeps_verdict(self) -> bool:
        """Whether the run was judged as one that went well before it is broken."""
        return self.starts and self.machine == self.on and not self.primed

    @property
    def passes(self) -> bool:
        """Whether the task is tried again after this, and does well then."""
        return self.times != ALWAYS and self.kind != "unknown"

    @property
    def knows_its_effect(self) -> bool:
        """Whether the run can say for sure what its task has done: not where no answer ever comes,
        nor where another `recover` may do what one could not."""
        lost = self.times == ALWAYS and self.kind in ("times out", "crashes after")
        return self.machine == self.on and not lost


def cases() -> list[Case]:
    """All cases, from the definitions."""
    return [case for name in MACHINES for case in _cases_of(machine(name))]


def _cases_of(one: Machine) -> Iterator[Case]:
    main = _main_path(one)
    for task in [*one.tasks(), *one.starts()]:
        starts = task.function is None
        primed = None if task.name in main else _primer(one, main)
        expected = _expected(task)
        for kind in START_KINDS if starts else KINDS:
            visits = (0, 1) if task.name == _primer(one, main) and kind != "twice" else (0,)
            for skip in visits:
                for times in _times(kind):
                    handled = kind == "expected" and _leads_on(task, expected, main)
                    yield Case(
                        one.name, task.name, kind, expected, skip, times, primed, handled, starts
                    )


def _times(kind: str) -> tuple[int, ...]:
    if kind == "throttled":
        return (2,)
    if kind == "twice":
        return (ALWAYS,)
    return (1,) if kind.startswith("stopped") else (1, ALWAYS)


def _expected(task: State) -> str:
    """The first error that the task catches by name, else one that it retries."""
    caught = [name for catch in task.body.get("Catch", []) for name in catch["ErrorEquals"]]
    named = [name for name in caught if not name.startswith("States.")]
    return named[0] if named else "TransientError"


def _leads_on(task: State, error: str, main: set[str]) -> bool:
    """Whether an error leads to a state that is reached without a failure too."""
    caught = (c["Next"] for c in task.body.get("Catch", []) if error in c["ErrorEquals"])
    return next(caught, None) in main


def _main_path(one: Machine) -> set[str]:
    """The states that are reached without a failure."""
    found: set[str] = set()
    for scope in one.scopes():
        waiting = [scope["StartAt"]]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            state = State(name, scope["States"][name], scope["States"])
            waiting += [n for n, how in state.followers().items() if how != "catch"]
    return found


def _loops(one: Machine, task: State) -> bool:
    """Whether the machine can come back to a task without a failure."""
    seen: set[str] = set()
    waiting = [task.name]
    while waiting:
        state = State(name := waiting.pop(), task.scope[name], task.scope)
        for follower, how in state.followers().items():
            if how == "catch" or follower in seen:
                continue
            if follower == task.name:
                return True
            seen.add(follower)
            waiting.append(follower)
    return False


def _primer(one: Machine, main: set[str]) -> str | None:
    """The first task of the main path that can be visited again: at its second visit, the run has
    done something that must be undone."""
    return next((t.name for t in one.tasks() if t.name in main and _loops(one, t)), None)
