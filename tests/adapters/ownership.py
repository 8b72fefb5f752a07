"""What may happen to a workload, in any order and at any time: two runs, their leases, the ledger.

The rules are those of the machines and of nobody else: a run begins, looks, opens its undo and
acts, dies and wakes, is undone, judged and released by itself or by `recover`. The model knows who
may act; the store under test must agree.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from steadystate.contracts import Run, Sample
from steadystate.domain.verdict import Verdict
from steadystate.errors import LeaseLost, TransientError, UndoIncomplete, WorkloadBusy
from steadystate.ports import RunStore
from steadystate.run.fault import ACT_WITHIN_SECONDS
from steadystate.run.timing import LEASE_SECONDS
from tests.run.worlds import RUN, START, World

BOTH = ["fis-template", "fis-experiment"]
_NAMES = count()


def planned(run_id: str, workload: str, started_at: float = START) -> Run:
    """A run as plan_run makes it."""
    world = World()
    world.plan()
    run = world.table.get(RUN)
    assert run is not None
    update = {"run_id": run_id, "workload": workload, "started_at": started_at}
    return run.model_copy(update={"plan": run.plan.model_copy(update=update)})


_PLANNED = planned("template", "template")


def again(run_id: str, workload: str, started_at: float) -> Run:
    """Another run like the planned one."""
    update = {"run_id": run_id, "workload": workload, "started_at": started_at}
    return _PLANNED.model_copy(update={"plan": _PLANNED.plan.model_copy(update=update)})


def sample(look: int) -> Sample:
    """A look at nothing."""
    return Sample(look=look, phase="baseline", started_at=0, ended_at=0, points={}, ticks=[])


@dataclass
class Known:
    """What the model knows of a run. `seen` is the run as its task read it, perhaps long ago."""

    run: Run
    seen: Run
    open: bool = True
    judged: bool = False
    undoing: bool = False
    owes: bool = False
    fault: bool = False
    looks: set[int] = field(default_factory=set)


class Ownership(RuleBasedStateMachine):
    """One workload and its runs. A subclass says what store is tested."""

    new_store: Callable[[], RunStore]

    def __init__(self) -> None:
        super().__init__()
        self.store = type(self).new_store()
        self.workload = f"workload-{next(_NAMES)}"
        self.now = START
        self.runs: list[Known] = []
        self.holder: Known | None = None
        self.until = 0.0

    @rule(seconds=st.sampled_from([0.5, 4.0, LEASE_SECONDS - 10]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(after=st.sampled_from([0.0, LEASE_SECONDS + 1]))
    def a_run_begins(self, after: float) -> None:
        self.now += after
        run = again(f"run-{next(_NAMES)}", self.workload, self.now)
        held = self.holder is not None and (self.holder.owes or self.until >= self.now)
        with refused_if(held, WorkloadBusy):
            self.store.begin(run, self.now + LEASE_SECONDS)
            self.holder, self.until = Known(run, run), self.now + LEASE_SECONDS
            self.runs.append(self.holder)

    # what a run does; `which` is one of the latest, be it the holder or one that wakes late

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 1), fresh=st.booleans())
    def a_look_is_kept(self, which: int, fresh: bool) -> None:
        """A task read its run just now, or before whatever happened since."""
        known = self._run(which)
        stored = self.store.get(known.run.plan.run_id)
        assert stored is not None
        if fresh:
            known.seen = stored
        with refused_if(known is not self.holder, LeaseLost):
            self.store.renew_lease(known.run, self.now + LEASE_SECONDS)
            self.until = self.now + LEASE_SECONDS
        look = known.seen.version
        progress = known.seen.progress.model_copy(update={"looks": look + 1})
        lost = known is not self.holder or known.judged
        stale = stored.version != known.seen.version
        with refused_if(lost or stale, LeaseLost if lost else TransientError):
            known.seen = self.store.keep_look(known.seen, progress, sample(look))
            known.looks.add(look)

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 1), after=st.sampled_from([0.5, ACT_WITHIN_SECONDS + 1]))
    def a_run_opens_its_undo_and_acts(self, which: int, after: float) -> None:
        known = self._run(which)
        over = known.judged or known.undoing or not known.open
        with refused_if(known is not self.holder or over, LeaseLost):
            self.store.open_undo(known.run, BOTH, self.now)
            known.owes = True
            known.fault = after <= ACT_WITHIN_SECONDS
        self.now += after

    # what undoes, judges and closes: the run itself, or recover

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 1), whole=st.booleans())
    def a_run_is_undone(self, which: int, whole: bool) -> None:
        known = self._run(which)
        run_id = known.run.plan.run_id
        self.store.end_acts(run_id)
        known.undoing = True
        stored = self.store.get(run_id)
        assert stored is not None
        self.store.save_progress(stored, stored.progress)
        if whole:
            known.fault = False
            for record in self.store.undo_records(run_id):
                self.store.close_undo(run_id, record.what, self.now, "nothing left")

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 1), verdict=st.sampled_from(list(Verdict)))
    def a_run_is_judged(self, which: int, verdict: Verdict) -> None:
        known = self._run(which)
        run_id = known.run.plan.run_id
        first = self.store.save_verdict(run_id, verdict, "seen", self.now, f"runs/{run_id}")
        assert first is not known.judged
        known.judged = True

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 1))
    def a_run_is_released(self, which: int) -> None:
        known = self._run(which)
        run_id = known.run.plan.run_id
        left = [r for r in self.store.undo_records(run_id) if r.state == "open"]
        with refused_if(bool(left), UndoIncomplete):
            assert self.store.release_lease(run_id) is (known is self.holder)
            known.open = False
            if known is self.holder:
                self.holder, self.until = None, 0.0

    # what must always be so

    @invariant()
    def a_fault_acts_only_where_its_run_holds_the_workload_and_is_open(self) -> None:
        for known in self.runs:
            if known.fault:
                assert known is self.holder
                assert known.open

    @invariant()
    def a_closed_run_owes_nothing(self) -> None:
        for known in self.runs[-2:]:
            if not known.open:
                records = self.store.undo_records(known.run.plan.run_id)
                assert all(r.state == "undone" for r in records)

    @invariant()
    def the_store_says_who_is_open_and_what_was_kept(self) -> None:
        still = set(self.store.open_runs())
        for known in self.runs[-2:]:
            run_id = known.run.plan.run_id
            assert (run_id in still) is known.open
            assert {s.look for s in self.store.samples(run_id)} == known.looks

    def _run(self, which: int) -> Known:
        """One of the latest runs: older ones are over, or sleep for ever."""
        latest = self.runs[-2:]
        return latest[which % len(latest)]


@contextmanager
def refused_if(expected: bool, error: type[Exception]) -> Iterator[None]:
    """The block is refused with the error exactly if that is expected."""
    try:
        yield
    except error:
        assert expected, f"refused with {error.__name__}"
    else:
        assert not expected, f"not refused with {error.__name__}"
