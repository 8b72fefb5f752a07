"""A run that wakes after its lease was taken over can no longer act, nor write what matters."""

import threading

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from steadystate.adapters.run_store import TableRunStore
from steadystate.domain.verdict import Verdict
from steadystate.errors import LeaseLost, TransientError, UndoIncomplete, WorkloadBusy
from steadystate.ports import RunStore
from tests.adapters.ownership import BOTH, START, Ownership, again, sample
from tests.run.services import Clock
from tests.run.tables import Table

ONE = again("one", "bank", START)
TWO = again("two", "bank", START + 901)


@pytest.fixture
def store(table: str) -> TableRunStore:
    return TableRunStore(table)


def many(machine: type[Ownership], examples: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


def test_two_runs_and_time_in_any_order_never_act_on_one_workload(table: str) -> None:
    class OnDynamoDB(Ownership):
        @staticmethod
        def new_store() -> RunStore:
            return TableRunStore(table)

    many(OnDynamoDB, 15)


def test_the_table_in_memory_keeps_the_same_rules() -> None:
    class InMemory(Ownership):
        @staticmethod
        def new_store() -> RunStore:
            return Table(Clock())

    many(InMemory, 400)


def test_a_look_of_a_run_that_lost_its_lease_midway_leaves_nothing(store: TableRunStore) -> None:
    store.begin(ONE, START + 900)
    store.begin(TWO, START + 1801)
    with pytest.raises(LeaseLost, match="run one lost workload bank"):
        store.keep_look(ONE, ONE.progress, sample(0))
    assert store.samples("one") == []
    assert store.get("one") == ONE


def test_a_lease_that_owes_an_undo_does_not_pass_on_by_expiry(store: TableRunStore) -> None:
    store.begin(ONE, START + 900)
    store.open_undo(ONE, BOTH, START + 899)
    with pytest.raises(WorkloadBusy, match=r"run one .* still has something to undo"):
        store.begin(TWO, START + 1801)
    assert store.get("two") is None
    for what in BOTH:
        store.close_undo("one", what, START + 902, "nothing left")
    store.release_lease("one")
    store.begin(TWO, START + 1801)


def test_nothing_is_opened_once_the_undo_began(store: TableRunStore) -> None:
    store.begin(ONE, START + 900)
    store.end_acts("one")
    with pytest.raises(LeaseLost, match="may not act"):
        store.open_undo(ONE, BOTH, START + 1)
    assert store.undo_records("one") == []
    store.end_acts("never")
    assert store.get("never") is None


@pytest.mark.parametrize("over", ["judged", "released"])
def test_a_run_that_is_over_opens_nothing_and_keeps_nothing(
    store: TableRunStore, over: str
) -> None:
    store.begin(ONE, START + 900)
    if over == "judged":
        store.save_verdict("one", Verdict.ERROR, "broke", START + 1, "runs/one/run.json")
    else:
        store.release_lease("one")
    with pytest.raises(LeaseLost):
        store.open_undo(ONE, BOTH, START + 1)
    with pytest.raises(LeaseLost):
        store.keep_look(ONE, ONE.progress, sample(0))
    assert store.samples("one") == []


def test_of_two_looks_at_the_same_moment_one_is_kept_and_the_other_looks_again(
    store: TableRunStore,
) -> None:
    store.begin(ONE, START + 900)
    first = store.keep_look(ONE, ONE.progress.model_copy(update={"looks": 1}), sample(0))
    with pytest.raises(TransientError, match="went on meanwhile"):
        store.keep_look(ONE, ONE.progress, sample(0))
    assert store.get("one") == first
    assert first.progress.looks == 1


def test_what_an_undo_keeps_is_not_lost_under_a_look_that_ends_late(store: TableRunStore) -> None:
    store.begin(ONE, START + 900)
    store.save_progress(ONE, ONE.progress.model_copy(update={"phase": "recovering"}))
    with pytest.raises(TransientError):
        store.keep_look(ONE, ONE.progress, sample(0))
    with pytest.raises(TransientError):
        store.save_progress(ONE, ONE.progress)
    stored = store.get("one")
    assert stored is not None
    assert stored.progress.phase == "recovering"


def test_an_undo_that_is_opened_while_the_run_is_closed_keeps_it_open(
    store: TableRunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.begin(ONE, START + 900)
    read = store.undo_records

    def read_then_open(run_id: str) -> object:
        records = read(run_id)
        monkeypatch.undo()
        store.open_undo(ONE, BOTH, START + 1)
        return records

    monkeypatch.setattr(store, "undo_records", read_then_open)
    with pytest.raises(TransientError, match="changed meanwhile"):
        store.release_lease("one")
    with pytest.raises(UndoIncomplete):
        store.release_lease("one")
    assert store.open_runs() == ["one"]


def test_a_plan_that_is_delivered_twice_at_once_begins_once(store: TableRunStore) -> None:
    store.begin(ONE, START + 900)
    store.begin(ONE, START + 900)
    assert store.open_runs() == ["one"]


def test_fifty_times_two_executions_for_one_workload_exactly_one_begins(
    store: TableRunStore,
) -> None:
    for turn in range(50):
        runs = [again(f"{side}-{turn}", f"w-{turn}", START) for side in ("a", "b")]
        gate, outcomes = threading.Barrier(2), list[str]()

        def begin(run_id: int, gate: threading.Barrier, outcomes: list[str]) -> None:
            gate.wait()
            run = runs[run_id]  # noqa: B023 - joined below
            while True:
                try:
                    store.begin(run, START + 900)
                    outcomes.append(run.plan.run_id)
                except WorkloadBusy:
                    pass
                except TransientError:
                    continue
                return

        threads = [threading.Thread(target=begin, args=[n, gate, outcomes]) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (winner,) = outcomes
        assert f"run {winner} since" in str(store.holder(f"w-{turn}", START))
