"""Runs, leases, samples and the undo ledger in a real table of the template's shape."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.stub import Stubber

from steadystate.adapters import aws
from steadystate.adapters.run_store import TableRunStore
from steadystate.contracts import Event, Progress, Run, Sample
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point
from steadystate.domain.verdict import Verdict
from steadystate.errors import (
    LeaseLost,
    PreflightFailed,
    TransientError,
    UndoIncomplete,
    WorkloadBusy,
)
from tests.run.worlds import RUN, START, World

BOTH = ["fis-template", "fis-experiment"]


def planned(run_id: str, *, workload: str = "bank", started_at: float = START) -> Run:
    world = World()
    world.plan()
    run = world.table.get(RUN)
    assert run is not None
    update = {"run_id": run_id, "workload": workload, "started_at": started_at}
    return run.model_copy(update={"plan": run.plan.model_copy(update=update)})


@pytest.fixture
def store(table: str) -> TableRunStore:
    return TableRunStore(table)


def test_a_run_is_read_back_as_it_was_written(store: TableRunStore) -> None:
    run = planned("one")
    assert store.get("one") is None
    store.begin(run, START + 900)
    assert store.get("one") == run
    assert store.holder("bank", START) == "run one since 2027-01-15 08:00:00 UTC"
    assert store.holder("shop", START) is None


def test_a_busy_workload_is_refused_and_nothing_of_the_second_run_is_written(
    store: TableRunStore,
) -> None:
    store.begin(planned("one"), START + 900)
    with pytest.raises(WorkloadBusy, match="bank is held by run one since 2027-01-15"):
        store.begin(planned("two", started_at=START + 10), START + 910)
    assert store.get("two") is None
    assert store.open_runs() == ["one"]
    store.begin(planned("three", workload="shop"), START + 900)


def within(canary: str, run_id: str) -> Run:
    run = planned(run_id)
    return run.model_copy(update={"plan": run.plan.model_copy(update={"within": canary})})


def test_a_run_begins_within_the_run_that_holds_the_workload_and_has_a_lease_of_its_own(
    store: TableRunStore,
) -> None:
    outer, inner = planned("one"), within("one", "one-at-10")
    store.begin(outer, START + 900)
    store.begin(inner, START + 900)
    assert store.lease_until("bank", "one") == START + 900
    assert store.lease_until("bank/one", "one-at-10") == START + 900
    store.open_undo(inner, BOTH, START)
    store.renew_lease(inner, START + 950)
    with pytest.raises(WorkloadBusy, match="bank/one is held by run one-at-10"):
        store.begin(within("one", "one-at-50"), START + 900)
    for what in BOTH:
        store.close_undo("one-at-10", what, START, "gone")
    assert store.release_lease("one-at-10")
    assert store.lease_until("bank/one", "one-at-10") is None
    assert store.lease_until("bank", "one") == START + 900


@pytest.mark.parametrize("because", ["it never was", "its undo has begun", "it is over"])
def test_a_run_does_not_begin_within_one_that_does_not_hold_the_workload(
    store: TableRunStore, because: str
) -> None:
    if because != "it never was":
        store.begin(planned("one"), START + 900)
    if because == "its undo has begun":
        store.end_acts("one")
    if because == "it is over":
        store.release_lease("one")
    with pytest.raises(PreflightFailed, match="canary one does not hold bank any more"):
        store.begin(within("one", "one-at-10"), START + 900)
    assert store.get("one-at-10") is None
    assert store.lease_until("bank/one", "one-at-10") is None


def test_of_many_runs_that_begin_at_once_one_holds_the_workload(store: TableRunStore) -> None:
    runs = [planned(f"run-{n}") for n in range(8)]
    gate, outcomes = threading.Barrier(len(runs)), list[str]()

    def begin(run: Run) -> None:
        gate.wait()
        for _ in range(20):
            try:
                store.begin(run, START + 900)
                outcomes.append(run.plan.run_id)
            except WorkloadBusy:
                outcomes.append("busy")
            except TransientError:
                continue
            return

    threads = [threading.Thread(target=begin, args=[run]) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [o for o in outcomes if o != "busy"]
    assert len(outcomes) == len(runs)
    assert store.open_runs() == [winner]
    assert f"run {winner} since" in str(store.holder("bank", START))


def test_of_two_runs_that_begin_at_the_same_moment_exactly_one_does_fifty_times(
    store: TableRunStore,
) -> None:
    def begin(run: Run, gate: threading.Barrier) -> str | None:
        gate.wait()
        for _ in range(20):
            try:
                store.begin(run, START + 900)
                return run.plan.run_id
            except WorkloadBusy:
                return None
            except TransientError:
                continue
        raise AssertionError("the table is busy for ever")

    with ThreadPoolExecutor(2) as pool:
        for turn in range(50):
            gate = threading.Barrier(2)
            pair = [planned(f"turn-{turn}-{n}") for n in range(2)]
            (begun,) = filter(None, pool.map(begin, pair, [gate, gate]))
            assert store.open_runs() == [begun]
            assert f"run {begun} since" in str(store.holder("bank", START))
            assert store.release_lease(begun)


def test_a_lease_that_expired_is_taken_over_and_its_old_holder_may_not_act(
    store: TableRunStore,
) -> None:
    old, new = planned("old"), planned("new", started_at=START + 901)
    store.begin(old, START + 900)
    assert store.holder("bank", START + 901) is None
    store.begin(new, START + 1801)
    with pytest.raises(LeaseLost):
        store.renew_lease(old, START + 9000)
    with pytest.raises(LeaseLost):
        store.open_undo(old, BOTH, START + 902)
    assert store.undo_records("old") == []
    assert store.release_lease("old") is False
    assert "run new" in str(store.holder("bank", START + 1000))
    assert store.open_runs() == ["new"]


def test_a_lease_that_is_renewed_is_not_taken_over(store: TableRunStore) -> None:
    run = planned("one")
    store.begin(run, START + 900)
    store.renew_lease(run, START + 5000)
    with pytest.raises(WorkloadBusy):
        store.begin(planned("two", started_at=START + 4000), START + 4900)


def test_a_lease_of_nobody_cannot_be_renewed(store: TableRunStore) -> None:
    with pytest.raises(LeaseLost):
        store.renew_lease(planned("one"), START + 900)


def test_the_ledger_is_written_once_and_closed_with_what_was_found(store: TableRunStore) -> None:
    run = planned("one")
    store.begin(run, START + 900)
    assert store.workloads_with_open_undo() == {}
    store.open_undo(run, BOTH, START + 1)
    store.open_undo(run, BOTH, START + 2)
    assert sorted(r.what for r in store.undo_records("one")) == sorted(BOTH)
    assert store.workloads_with_open_undo() == {"bank": "one"}
    with pytest.raises(UndoIncomplete, match="still has to undo fis-"):
        store.release_lease("one")
    assert store.open_runs() == ["one"]
    for what in BOTH:
        assert store.close_undo("one", what, START + 5, "nothing left")
        assert not store.close_undo("one", what, START + 6, "somebody else came first")
    records = store.undo_records("one")
    assert {(r.state, r.verified_at, r.found) for r in records} == {
        ("undone", START + 5, "nothing left")
    }
    assert store.workloads_with_open_undo() == {}


def test_what_was_undone_cannot_be_opened_again(store: TableRunStore) -> None:
    run = planned("one")
    store.begin(run, START + 900)
    store.open_undo(run, BOTH, START + 1)
    store.close_undo("one", "fis-template", START + 5, "no template left")
    with pytest.raises(LeaseLost):
        store.open_undo(run, BOTH, START + 6)
    states = {r.what: r.state for r in store.undo_records("one")}
    assert states == {"fis-template": "undone", "fis-experiment": "open"}


def test_a_released_run_is_closed_and_its_workload_is_free(store: TableRunStore) -> None:
    store.begin(planned("one"), START + 900)
    assert store.release_lease("one") is True
    assert store.release_lease("one") is False
    assert store.open_runs() == []
    assert store.holder("bank", START) is None
    assert store.get("one") is not None
    store.begin(planned("two", started_at=START + 1), START + 901)
    assert store.release_lease("one") is False
    assert "run two" in str(store.holder("bank", START + 2))
    assert store.release_lease("never") is False


def test_progress_is_read_back_to_the_last_digit(store: TableRunStore) -> None:
    begun = planned("one")
    store.begin(begun, START + 900)
    progress = Progress(
        phase="injecting",
        looks=3,
        read_until=START + 0.1,
        last_failed_at=1 / 3,
        recent={"errors": [Point(START, 0.1, 20.0)]},
    )
    assert store.keep_look(begun, progress) == store.get("one")
    run = store.get("one")
    assert run is not None
    assert run.progress == progress


def test_progress_of_a_run_that_does_not_exist_makes_no_run(store: TableRunStore) -> None:
    with pytest.raises(LeaseLost):
        store.save_progress(planned("never"), Progress())
    assert store.get("never") is None


def test_the_first_verdict_stays(store: TableRunStore) -> None:
    store.begin(planned("one"), START + 900)
    key = "runs/one/run.json"
    assert store.save_verdict("one", Verdict.FAIL, "missed", START + 60, key)
    assert not store.save_verdict("one", Verdict.PASS, "changed my mind", START + 61, "elsewhere")
    run = store.get("one")
    assert run is not None
    assert (run.verdict, run.verdict_reason, run.ended_at) == (Verdict.FAIL, "missed", START + 60)
    assert run.evidence == "runs/one/run.json"


def sample(look: int, *, note: str = "") -> Sample:
    ticks = [Tick(START + n, 20, 1, START + n, START + n + 0.95, 33.3) for n in range(60)]
    points = {f"sli_{n}": [Point(START + n, 0.1, 3.0)] * 20 for n in range(10)}
    return Sample(
        look=look,
        phase="recovering",
        started_at=START,
        ended_at=START + 60,
        points=points,
        ticks=ticks,
        notes=[note] if note else [],
    )


def test_samples_come_back_in_order_over_many_pages_and_a_look_is_kept_once(
    store: TableRunStore,
) -> None:
    run = planned("one")
    store.begin(run, START + 900)
    for look in [*range(119, -1, -1), 7]:  # over a megabyte, which is one page of a query
        run = store.keep_look(run, run.progress, sample(look, note="x" * 3000))
    samples = store.samples("one")
    assert [s.look for s in samples] == list(range(120))
    assert samples[7] == sample(7, note="x" * 3000)
    assert store.samples("two") == []


def test_the_timeline_is_in_order_of_time(store: TableRunStore) -> None:
    for at, what in ((START + 10, "b"), (START + 9.5, "a"), (START + 100, "c"), (START + 10, "b")):
        store.add_event("one", Event(at=at, what=what))
    assert [e.what for e in store.events("one")] == ["a", "b", "c"]


def test_the_latest_runs_come_first(store: TableRunStore) -> None:
    for n in range(7):
        run = planned(f"run-{n}", workload=f"w-{n}", started_at=START + n)
        store.begin(run, START + 900)
    assert [r.plan.run_id for r in store.recent(3)] == ["run-6", "run-5", "run-4"]
    assert len(store.recent(100)) == 7
    assert sorted(store.open_runs()) == [f"run-{n}" for n in range(7)]


def test_everything_expires(store: TableRunStore, connected: Any, table: str) -> None:
    run = planned("one")
    store.begin(run, START + 900)
    store.open_undo(run, BOTH, START)
    store.keep_look(run, run.progress, sample(0))
    store.add_event("one", Event(at=START, what="planned"))
    items = connected.client("dynamodb").scan(TableName=table)["Items"]
    kept = [item for item in items if not item["pk"]["S"].startswith("WORKLOAD#")]
    assert len(kept) == 5
    for item in kept:
        assert float(item["expires"]["N"]) > START, item["sk"]


Call = Callable[[TableRunStore], object]


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("get_item", lambda s: s.get("one")),
        ("query", lambda s: s.samples("one")),
        ("query", lambda s: s.open_runs()),
        ("put_item", lambda s: s.add_event("one", Event(at=START, what="x"))),
        ("update_item", lambda s: s.save_progress(planned("one"), Progress())),
        ("transact_write_items", lambda s: s.begin(planned("one"), START + 900)),
    ],
    ids=["get", "samples", "open runs", "add", "update", "begin"],
)
@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_throttling_is_a_passing_fault(
    store: TableRunStore, operation: str, call: Call, code: str
) -> None:
    with Stubber(aws.client("dynamodb")) as stub:
        stub.add_client_error(operation, code)
        with pytest.raises(TransientError, match=code):
            call(store)


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("TransactionConflict", TransientError),
        ("ThrottlingError", TransientError),
        ("ProvisionedThroughputExceeded", TransientError),
        ("ConditionalCheckFailed", LeaseLost),
    ],
)
def test_a_cancelled_transaction_is_told_by_its_reason(
    store: TableRunStore, reason: str, error: type[Exception]
) -> None:
    run = planned("one")
    with Stubber(aws.client("dynamodb")) as stub:
        stub.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            modeled_fields={"CancellationReasons": [{"Code": "None"}, {"Code": reason}]},
        )
        with pytest.raises(error):
            store.open_undo(run, BOTH, START)
