"""Whole runs: what a service does under a fault decides the verdict, and nothing is left behind."""

import json
from collections.abc import Callable
from datetime import datetime

import pytest

from steadystate.contracts import Failure
from steadystate.domain.verdict import Verdict
from steadystate.errors import FaultFailed, LeaseLost
from steadystate.evidence import Evidence
from steadystate.run.judgement import ABORTED, Facts, judge
from steadystate.run.plan import LONGEST_RUN_SECONDS
from tests.run.worlds import RUN, Lease, World, arn_of


def steady(world: World) -> None:
    world.service.effect = (0.3, 1.5)


def harmless(world: World) -> None:
    world.service.effect = None


def costly(world: World) -> None:
    world.service.effect = (0.3, 20.0)


def slow_to_recover(world: World) -> None:
    steady(world)
    world.input["overrides"]["recovery.target"] = "1s"


def never_recovers(world: World) -> None:
    world.service.effect = (0.3, 10_000.0)
    world.input["overrides"] |= {"recovery.target": "1m", "recovery.limit": "2m"}


def hits_nothing(world: World) -> None:
    world.fis.hits = 0
    world.service.effect = None


def guarded(world: World) -> None:
    world.service.effect, world.service.of, world.fis.lasts = (1.0, 60.0), 1, 120.0


def refused_by_fis(world: World) -> None:
    world.fis.refuses = "ServiceQuotaExceededException"


def fails_midway(world: World) -> None:
    world.fis.lasts, world.fis.fails_after = 60.0, 8.0


def never_ends(world: World) -> None:
    steady(world)
    world.fis.lasts = 100_000.0


RUNS: dict[Callable[[World], None], tuple[Verdict, str]] = {
    steady: (Verdict.PASS, "all 7 objectives kept; recovered"),
    harmless: (Verdict.PASS, "no impact"),
    costly: (Verdict.FAIL, "errors: "),
    slow_to_recover: (Verdict.FAIL, "recovery: recovery took"),
    never_recovers: (Verdict.FAIL, "over the target of 60 s"),
    hits_nothing: (Verdict.INCONCLUSIVE, "the fault hit no target"),
    guarded: (Verdict.FAIL, "guardrail too-many-errors"),
    refused_by_fis: (Verdict.ERROR, "FaultFailed in inject: FIS refused to start"),
    fails_midway: (Verdict.ERROR, "FaultFailed in watch: the FIS experiment failed"),
    never_ends: (Verdict.INCONCLUSIVE, "the fault did not end within 600 s"),
}


@pytest.mark.parametrize("make", RUNS, ids=lambda make: make.__name__)
def test_a_run_ends_in_the_verdict_that_the_service_earned_and_leaves_nothing(
    make: Callable[[World], None],
) -> None:
    world = World()
    make(world)
    began = world.clock.at
    answer = world.run()
    verdict, part = RUNS[make]
    assert (answer.verdict, part in answer.reason) == (verdict, True), answer.reason
    assert world.clean()
    assert world.clock.at - began < LONGEST_RUN_SECONDS


@pytest.mark.parametrize("make", RUNS, ids=lambda make: make.__name__)
def test_a_verdict_is_the_same_when_it_is_judged_again_from_its_evidence(
    make: Callable[[World], None],
) -> None:
    world = World()
    make(world)
    answer = world.run()
    evidence = Evidence.model_validate_json(world.account.evidence[RUN])
    assert evidence.to_json() == world.account.evidence[RUN]
    again = judge(
        Facts(
            plan=evidence.plan,
            baseline=evidence.baseline,
            samples=evidence.samples,
            fault=evidence.fault,
            stop=evidence.stop,
            failure=evidence.failure,
        )
    )
    assert (again.verdict, again.reason) == (evidence.verdict, evidence.verdict_reason)
    assert (answer.verdict, answer.reason) == (evidence.verdict, evidence.verdict_reason)
    assert [(o.name, o.verdict, o.observed) for o in again.objectives] == [
        (o.name, o.verdict, o.observed) for o in evidence.objectives
    ]
    assert again.recovery.verdict is evidence.recovery.verdict


@pytest.mark.parametrize("make", RUNS, ids=lambda make: make.__name__)
def test_the_evidence_tells_the_whole_run(make: Callable[[World], None]) -> None:
    world = World()
    make(world)
    world.run()
    run = json.loads(world.account.evidence[RUN])
    assert run["schema"] == "steadystate/run/v1"
    assert set(run) >= {
        *("run_id", "kind", "scenario", "workload", "requested_by", "reason", "started_at"),
        *("ended_at", "verdict", "objectives", "recovery", "guardrails", "timeline", "samples"),
        *("undo", "cost"),
    }
    assert all(u["state"] == "undone" and u["verified_at"] and u["found"] for u in run["undo"])
    moments = [datetime.fromisoformat(line["at"]) for line in run["timeline"]]
    assert moments == sorted(moments)
    assert run["timeline"][0]["what"] == "planned"
    assert run["cost"]["actual"]["total"] > 0
    assert [s["look"] for s in run["samples"]] == list(range(len(run["samples"])))


def test_the_measured_recovery_holds_the_true_one() -> None:
    for end in (1.5, 4.0, 9.7, 23.4):
        world = World()
        world.service.effect = (0.3, end)
        world.run()
        recovery = json.loads(world.account.evidence[RUN])["recovery"]
        assert recovery["from_fault"]["low"] <= end <= recovery["from_fault"]["high"]
        assert recovery["from_breach"]["low"] <= end - 0.3 <= recovery["from_breach"]["high"]
        assert recovery["from_fault"]["high"] - recovery["from_fault"]["low"] <= 2.0


def test_a_broken_guardrail_ends_the_window_midway_and_stops_fis_within_seconds() -> None:
    world = World()
    world.service.effect, world.service.of, world.fis.lasts = (0.0, 600.0), 1, 600.0
    world.input["overrides"]["guardrails.too-many-errors.points"] = 3
    world.plan()
    assert world.watch().next == "inject"
    assert world.inject().next == "undo"
    sample = world.table.samples(RUN)[-1]
    assert len(sample.ticks) < 5
    world.undo()
    assert not world.fis.running()
    assert world.fis.experiments["EXP0"].status == "stopped"
    stopped_after = world.clock.at - world.fis.experiments["EXP0"].started_at
    assert stopped_after <= 5.0 + 3.0
    assert world.watch().phase == "recovering"


def test_a_guardrail_that_broke_stays_broken_when_the_answer_is_lost() -> None:
    """A second delivery must not find the service well again and let the fault go on."""
    world = World()
    world.service.effect, world.service.of, world.fis.lasts = (1.0, 6.0), 1, 600.0
    world.input["overrides"]["guardrails.too-many-errors.points"] = 3
    world.plan()
    world.watch()
    answer = world.inject()
    while answer.next == "watch":
        answer = world.watch()
    assert answer.next == "undo"
    world.clock.wait(10.0)
    assert world.watch().next == "undo"


def test_a_guardrail_that_sees_nothing_stops_the_run_without_a_verdict_on_the_service() -> None:
    world = World()
    steady(world)
    world.fis.lasts = 600.0
    world.input["overrides"] |= {
        "guardrails.too-many-errors.sli": "error_rate",
        "guardrails.too-many-errors.missing_after": "20s",
    }
    world.plan()
    assert world.watch().next == "inject"
    world.service.traffic = 0
    answer = world.inject()
    while answer.next == "watch":
        answer = world.watch()
    assert answer.next == "undo"
    world.undo()
    world.service.traffic = 50
    while world.watch().next != "evaluate":
        pass
    judged = world.evaluate()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "blind guardrail too-many-errors: no data for" in judged.reason


def test_traffic_that_stops_during_the_fault_is_inconclusive() -> None:
    world = World()
    harmless(world)
    world.plan()
    world.watch()
    world.service.traffic = 0
    answer = world.inject()
    while answer.next == "watch":
        answer = world.watch()
    world.undo()
    while world.watch().next != "evaluate":
        pass
    judged = world.evaluate()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "errors: " in judged.reason


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("imbalance", "ledger-balances: 70 KRW misses = 0 KRW"),
        ("lost_transfers", "no-transfer-lost: 70 misses = 0"),
        ("duplicate_transfers", "no-transfer-twice: 70 misses = 0"),
    ],
)
def test_money_lost_under_the_fault_fails_the_run(field: str, part: str) -> None:
    world = World()
    steady(world)
    world.input["overrides"] |= {"recovery.target": "30s", "recovery.limit": "1m"}
    world.plan()
    world.watch()
    answer = world.inject()
    world.service.integrity[field] = 70.0
    while answer.next == "watch":
        answer = world.watch()
    world.undo()
    while world.watch().next != "evaluate":
        pass
    judged = world.evaluate()
    assert judged.verdict is Verdict.FAIL
    assert part in judged.reason


def test_an_integrity_that_cannot_be_read_after_the_run_is_inconclusive() -> None:
    world = World()
    steady(world)
    world.input["overrides"] |= {"recovery.target": "30s", "recovery.limit": "1m"}
    world.plan()
    world.watch()
    answer = world.inject()
    while answer.next == "watch":
        answer = world.watch()
    world.undo()
    world.service.silent = True
    while world.watch().next != "evaluate":
        pass
    judged = world.evaluate()
    assert judged.verdict is Verdict.INCONCLUSIVE
    notes = [note for sample in world.table.samples(RUN) for note in sample.notes]
    assert any("did not answer" in note for note in notes)


def test_a_run_that_lost_its_lease_may_not_act() -> None:
    world = World()
    world.plan()
    world.watch()
    world.table.leases["bank"] = Lease("another", world.clock.at, world.clock.at + 900)
    for act in (world.watch, world.inject):
        with pytest.raises(LeaseLost):
            act()
    assert not world.fis.calls
    world.release()
    assert world.table.leases["bank"].run_id == "another"


def test_a_run_that_the_table_does_not_know_may_not_act() -> None:
    world = World()
    for act in (world.watch, world.inject):
        with pytest.raises(LeaseLost, match="run-1 is not in the table"):
            act()
    assert world.undo() == 0
    judged = world.evaluate(Failure(error="States.Timeout", cause="", state="Plan Run"))
    assert judged.verdict is Verdict.ERROR
    assert "never planned" in judged.reason
    world.release()
    assert not world.touched()


def test_a_stopped_run_is_inconclusive_and_a_broken_one_is_an_error() -> None:
    for error, verdict in ((ABORTED, Verdict.INCONCLUSIVE), ("States.Timeout", Verdict.ERROR)):
        world = World()
        steady(world)
        world.plan()
        world.watch()
        world.inject()
        world.undo()
        judged = world.evaluate(Failure(error=error, cause="by hand", state="injecting"))
        assert judged.verdict is verdict
        assert "by hand" in judged.reason


def test_a_failing_experiment_keeps_its_last_sample() -> None:
    world = World()
    fails_midway(world)
    world.plan()
    world.watch()
    answer = world.inject()
    looks = len(world.table.samples(RUN))
    with pytest.raises(FaultFailed, match="the agent is gone"):
        for _ in range(10):
            answer = world.watch()
    assert answer.next == "watch"
    assert len(world.table.samples(RUN)) > looks


def test_each_phase_is_announced_on_the_bus() -> None:
    world = World()
    steady(world)
    world.run()
    told = [what for what, _ in world.account.announced]
    for what in ("Run Planned", "Steady", "Fault Started", "Run Undone", "Recovered"):
        assert told.count(what) == 1, what
    assert told[-2:] == ["Run Finished", "Run Released"]
    finished = dict(world.account.announced)["Run Finished"]
    assert finished["verdict"] == "PASS"


def test_a_run_that_was_closed_is_found_once_more_when_the_end_of_its_execution_is_told() -> None:
    """It may have ended right before it began its report; all else is done, and done once."""
    world = World()
    steady(world)
    answer = world.run()
    world.account.executions[arn_of(RUN)] = ("ABORTED", "", "stopped by hand")
    assert world.leftovers() == []
    assert world.leftovers("never-was") == []
    ((run_id, failure),) = world.leftovers(RUN)
    told, timeline = list(world.account.announced), world.table.events(RUN)
    assert world.undo(run_id) == 2
    assert world.evaluate(failure) == answer
    world.release()
    assert (world.account.announced, world.table.events(RUN)) == (told, timeline)
    assert world.clean()


def test_a_run_that_was_never_judged_is_found_by_what_is_open_alone() -> None:
    world = World()
    world.plan()
    assert world.leftovers(RUN) == []
    world.account.executions[arn_of(RUN)] = ("ABORTED", "", "stopped by hand")
    assert [run_id for run_id, _ in world.leftovers(RUN)] == [RUN]


def test_an_execution_that_is_over_is_told_from_one_that_runs() -> None:
    world = World()
    world.plan()
    assert world.leftovers() == []
    world.account.executions[arn_of(RUN)] = ("ABORTED", "stopped by hand", "customers call")
    ((run_id, failure),) = world.leftovers()
    assert run_id == RUN
    assert failure.error == ABORTED
    assert failure.cause == "stopped by hand: customers call"
