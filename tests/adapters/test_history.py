"""The history in a real table of the template's shape."""

import pytest

from steadystate.adapters import aws
from steadystate.adapters.history import TableHistory
from steadystate.domain.verdict import Verdict
from tests.domain.records import objective, record


@pytest.fixture
def history(table: str) -> TableHistory:
    return TableHistory(table)


def test_a_record_is_read_back_as_it_was_written(history: TableHistory) -> None:
    kept = record(3.7, Verdict.FAIL, recovery=(1.5, None), objectives=(objective(0.1),), weight=0.5)
    history.record(kept)
    assert history.of("bank", 10) == [kept]
    assert history.latest(10) == [kept]


def test_the_same_run_recorded_again_is_kept_once_as_it_is_now(history: TableHistory) -> None:
    history.record(record(1))
    history.record(record(1, Verdict.FAIL))
    assert [r.verdict for r in history.of("bank", 10)] == [Verdict.FAIL]


def test_runs_are_listed_newest_first_by_workload_and_over_all(history: TableHistory) -> None:
    for days, workload in ((3, "bank"), (0, "bank"), (2, "chat"), (1, "bank")):
        history.record(record(days, workload=workload))
    ids = [r.run_id for r in history.latest(10)]
    assert ids == [f"bank-latency-{n}" for n in (0, 1, 2, 3)]
    assert [r.run_id for r in history.of("bank", 2)] == ["bank-latency-0", "bank-latency-1"]
    assert [r.workload for r in history.of("chat", 10)] == ["chat"]
    assert history.of("shop", 10) == []


def test_the_history_does_not_expire_and_is_no_run(history: TableHistory, table: str) -> None:
    history.record(record(1))
    (item,) = aws.client("dynamodb").scan(TableName=table)["Items"]
    assert "expires" not in item
    assert "open" not in item
