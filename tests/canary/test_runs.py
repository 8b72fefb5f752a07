"""Canaries from plan to verdict: promoted on evidence, back on a reason, and nothing else."""

import json

import pytest

from steadystate.canary.judgement import facts_of_evidence, judge_canary
from steadystate.canary_contracts import Weights
from steadystate.contracts import Failure, Halt
from steadystate.domain.verdict import Verdict
from steadystate.errors import Halted, LeaseLost
from steadystate.run.judgement import ABORTED
from tests.canary.sides import ORIGINAL
from tests.canary.worlds import CANARY, RUN, START, World, arn_of
from tests.run.worlds import Lease

PROMOTED = Weights(stable=0, canary=100)


@pytest.mark.parametrize("steps", [[10, 50, 90, 100], [5, 10, 25, 50, 100], [100]])
def test_a_healthy_canary_is_promoted_step_by_step_with_evidence(steps: list[int]) -> None:
    world = World(steps=steps)
    judged = world.run()
    assert judged.verdict is Verdict.PASS, judged.reason
    assert world.balancer.weights == PROMOTED
    assert [w.canary for w in world.balancer.calls] == steps
    assert world.clean()
    (record,) = world.table.undo_records(RUN)
    assert (record.state, record.found) == ("undone", "kept at 0/100: promoted")
    assert [s.outcome for s in world.kept().progress.steps] == ["promoted"] * len(steps)


def test_a_canary_that_turns_worse_goes_back_and_says_why_in_numbers() -> None:
    world = World()
    world.plan()
    world.until("bake")
    world.clock.wait(20)
    world.sides.turn_worse(errors=0.05)
    world.until("evaluate", "bake")
    assert world.balancer.weights == ORIGINAL
    judged = world.evaluate()
    assert judged.verdict is Verdict.FAIL
    for part in ("regression: errors: e-value reached 200 at look", "canary", "against stable"):
        assert part in judged.reason
    evidence = world.evidence().canary
    assert evidence is not None
    assert evidence.rollback is not None
    assert evidence.rollback.seconds is not None
    assert evidence.rollback.seconds <= 5.0
    assert evidence.weights[-1].stable == 100
    assert evidence.steps[0].outcome == "rolled back"


def test_slow_requests_roll_back_like_errors() -> None:
    world = World()
    world.plan()
    world.until("bake")
    world.sides.turn_worse(slow=0.2)
    world.until("evaluate", "bake")
    assert "regression: slow: e-value" in world.evaluate().reason


def test_a_regression_that_starts_at_the_second_step_is_found() -> None:
    world = World()
    world.plan()
    world.until("shift", world.step("shift"))
    world.sides.turn_worse(errors=0.05)
    world.until("evaluate")
    assert world.evaluate().verdict is Verdict.FAIL
    assert world.balancer.weights == ORIGINAL


def test_a_canary_without_traffic_is_never_promoted() -> None:
    world = World()
    world.plan()
    world.sides.requests_per_second = 0
    world.until("evaluate")
    judged = world.evaluate()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "no requests on canary" in judged.reason
    assert world.balancer.weights == ORIGINAL


def test_too_little_traffic_is_inconclusive_and_goes_back() -> None:
    world = World()
    world.sides.requests_per_second = 4
    judged = world.run()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "no evidence: errors: canary had" in judged.reason
    assert world.balancer.weights == ORIGINAL


def test_a_canary_alone_goes_back_as_soon_as_it_is_shown_to_be_unacceptable() -> None:
    """Blue and green: there is no stable to compare with, so the acceptable rate judges."""
    world = World(steps=[100])
    world.sides.rates["errors"] = (0.06, 0.06)
    judged = world.run()
    assert judged.verdict is Verdict.FAIL
    assert "in this look, alone, where 3 % is acceptable" in judged.reason
    assert world.balancer.weights == ORIGINAL
    assert len(world.table.looks(RUN)) < 5


def test_a_canary_alone_that_is_neither_acceptable_nor_not_is_not_promoted() -> None:
    world = World(steps=[100])
    world.sides.rates["errors"] = (0.03, 0.03)
    judged = world.run()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "the acceptable rate is not shown" in judged.reason
    assert world.balancer.weights == ORIGINAL


def test_metrics_that_stay_away_end_the_bake_without_evidence() -> None:
    world = World()
    world.plan()
    world.until("bake")
    world.sides.throttled = 10_000
    world.until("evaluate", "bake")
    judged = world.evaluate()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert world.balancer.weights == ORIGINAL
    notes = [note for look in world.table.looks(RUN) for note in look.notes]
    assert "metrics: GetMetricData: Throttling" in notes


def test_metrics_that_come_late_are_read_again() -> None:
    world = World()
    world.plan()
    world.until("bake")
    world.sides.throttled = 5
    world.until("evaluate", "bake")
    assert world.evaluate().verdict is Verdict.PASS
    looks = [look.metrics["errors"] for look in world.table.looks(RUN) if look.metrics]
    counts = [period.at for look in looks for period in look.counts]
    assert counts == sorted(set(counts))


def test_a_broken_guardrail_ends_the_window_early_and_goes_back() -> None:
    world = World()
    world.plan()
    world.until("bake")
    world.bake()
    world.sides.probes_fail_from = world.clock.at
    began = world.clock.at
    world.until("evaluate", "bake")
    assert world.clock.at - began < 5.0
    judged = world.evaluate()
    assert judged.verdict is Verdict.FAIL
    assert judged.reason.startswith("guardrail outage: probe_errors 100 % misses < 50 %")


def test_guardrails_speak_in_the_final_bake_too() -> None:
    world = World(steps=[100])
    world.plan()
    state = "shift"
    while world.kept().progress.phase != "final":
        state = world.step(state)
    world.sides.probes_fail_from = world.clock.at
    world.until("evaluate", state)
    assert world.evaluate().verdict is Verdict.FAIL
    assert world.balancer.weights == ORIGINAL


def test_a_canary_without_a_healthy_target_goes_back_at_once() -> None:
    world = World()
    world.plan()
    world.until("bake")
    world.sides.healthy_targets[CANARY] = 0
    assert world.bake().next == "rollback"
    world.undo()
    judged = world.evaluate()
    assert judged.verdict is Verdict.FAIL
    assert "has no healthy target" in judged.reason


@pytest.mark.parametrize("foreign", [Weights(stable=70, canary=30), ORIGINAL, None])
def test_weights_of_somebody_else_stop_the_run_and_are_left_alone(foreign: Weights | None) -> None:
    world = World()
    world.plan()
    world.until("bake")
    world.bake()
    world.balancer.become(foreign)
    calls = len(world.balancer.calls)
    world.until("evaluate", "bake")
    judged = world.evaluate()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.reason.startswith("foreign weights: someone else set")
    assert world.balancer.weights == foreign
    assert len(world.balancer.calls) == calls
    world.release()
    assert world.clean()


def test_weights_that_somebody_changes_before_a_shift_are_left_alone() -> None:
    world = World()
    world.plan()
    world.balancer.become(Weights(stable=60, canary=40))
    assert world.shift().next == "rollback"
    world.undo()
    assert world.balancer.weights == Weights(stable=60, canary=40)
    assert not world.balancer.calls


def test_an_original_without_the_canarys_group_loses_it_again() -> None:
    world = World()
    world.balancer.weights = alone = Weights(stable=1, canary=None)
    world.plan()
    world.until("bake")
    world.sides.turn_worse(errors=0.2)
    world.until("evaluate", "bake")
    assert world.balancer.weights == alone


def test_the_end_says_whether_the_old_side_is_idle() -> None:
    for stragglers, said in ((0, "it can be called idle"), (3, "still had 3 requests")):
        world = World(steps=[100])
        world.sides.stragglers = stragglers
        world.run()
        told = [e.detail for e in world.table.events(RUN) if e.what == "final bake over"]
        assert len(told) == 1
        assert said in told[0]


def test_impossible_counts_are_an_error_and_no_verdict() -> None:
    world = World()
    world.plan()
    world.until("bake")
    world.sides.impossible = True
    with pytest.raises(ValueError, match="cannot be"):
        world.until("evaluate", "bake")
    assert world.kept().verdict is None


def test_a_shift_that_is_refused_is_an_error_and_the_weights_are_read_back() -> None:
    world = World()
    world.balancer.refuses = "not allowed"
    judged = world.run()
    assert judged.verdict is Verdict.ERROR
    assert "as they were: 100/0" in judged.reason
    assert world.clean()


def test_a_stopped_canary_is_inconclusive_and_a_broken_one_is_an_error() -> None:
    for error, verdict in ((ABORTED, Verdict.INCONCLUSIVE), ("States.Timeout", Verdict.ERROR)):
        world = World()
        world.plan()
        world.until("bake")
        world.undo()
        judged = world.evaluate(Failure(error=error, cause="by hand", state="baking"))
        assert judged.verdict is verdict
        assert "by hand; weights restored 100/0 from 90/10" in judged.reason


def test_a_canary_that_lost_its_lease_may_not_act() -> None:
    world = World()
    world.plan()
    mine = world.table.leases["shop"]
    theirs = Lease("another", world.clock.at, world.clock.at + 900)
    world.table.leases["shop"] = theirs
    with pytest.raises(LeaseLost):
        world.shift()
    assert not world.balancer.calls
    world.table.leases["shop"] = mine
    world.shift()
    world.table.leases["shop"] = theirs
    with pytest.raises(LeaseLost):
        world.bake()
    assert not world.table.looks(RUN)


def test_a_bake_waits_for_the_last_whole_metric_period_within_it() -> None:
    world = World()
    world.plan()
    world.until("bake")
    since = world.kept().progress.steps[0].read_back_at
    assert since is not None
    while world.step("bake") == "bake":
        pass
    run = world.kept()
    assert run.progress.read_until >= (since + 60) // 5 * 5
    periods = [
        p.at for look in world.table.looks(RUN) for m in look.metrics.values() for p in m.counts
    ]
    assert max(periods) >= (since + 60) // 5 * 5 - 5


def test_the_verdict_can_be_made_again_from_the_evidence_alone() -> None:
    for worse in (None, 0.05):
        world = World()
        world.plan()
        world.until("bake")
        if worse:
            world.sides.turn_worse(errors=worse)
        world.until("evaluate", "bake")
        world.evaluate()
        evidence = world.evidence()
        again = judge_canary(facts_of_evidence(evidence))
        assert (again.verdict, again.reason) == (evidence.verdict, evidence.verdict_reason)


def test_evidence_that_was_changed_no_longer_promotes() -> None:
    """The verdict rests on the counts, and not on what the run said of them."""
    world = World()
    world.run()
    content = json.loads(world.account.evidence[RUN])
    for look in content["canary"]["looks"]:
        for metric in look["metrics"].values():
            metric["counts"] = []
    changed = world.evidence().model_validate(content)
    assert judge_canary(facts_of_evidence(changed)).verdict is Verdict.INCONCLUSIVE


def test_the_evidence_holds_every_look_and_the_sums_of_both_sides() -> None:
    world = World()
    world.run()
    evidence = world.evidence()
    canary = evidence.canary
    assert canary is not None
    assert [look.look for look in canary.looks] == list(range(len(canary.looks)))
    assert canary.limits == {"errors": pytest.approx(200), "slow": pytest.approx(200)}
    assert canary.totals["errors"].canary_total > 10_000
    assert evidence.kind == "canary"
    assert evidence.started_at.timestamp() == START
    assert canary.finished


def promoted() -> World:
    world = World()
    assert world.run().verdict is Verdict.PASS
    world.input = {"rollback": RUN, "reason": "customers complain", "requested_by": "jun"}
    return world


def test_a_promoted_canary_is_taken_back_in_one_call() -> None:
    world = promoted()
    judged = world.run("back-1")
    assert judged.verdict is Verdict.PASS
    assert judged.reason == ("run canary-1 is taken back; weights restored 100/0 from 0/100")
    assert world.balancer.weights == ORIGINAL
    assert world.clean()
    rollback = world.evidence("back-1").canary
    assert rollback is not None
    assert rollback.rollback is not None
    assert rollback.rollback.seconds is not None
    assert rollback.rollback.seconds <= 5


def test_a_way_back_that_dies_midway_is_finished_by_the_recovery() -> None:
    world = promoted()
    world.plan("back-1")
    world.shift("back-1")
    world.account.executions[arn_of("back-1")] = ("TIMED_OUT", "", "")
    world.recover()
    assert world.balancer.weights == ORIGINAL
    assert world.clean()


@pytest.mark.parametrize("state", ["shift", "bake"])
def test_the_kill_switch_takes_a_canary_back_before_it_acts_and_at_every_look(state: str) -> None:
    world = World()
    world.plan()
    if state == "bake":
        world.until("bake")
    world.account.halted = Halt(who="jun", why="customers call")
    world.until("evaluate", state)
    judged = world.evaluate()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "kill switch: " in judged.reason
    assert "customers call" in judged.reason
    assert world.balancer.weights == ORIGINAL


def test_the_kill_switch_lets_no_canary_start_and_keeps_no_way_back() -> None:
    world = promoted()
    world.account.halted = Halt(who="jun", why="customers call")
    world.plan("back-1")
    world.until("evaluate", run_id="back-1")
    assert world.balancer.weights == ORIGINAL
    other = World()
    other.account.halted = Halt(who="jun", why="customers call")
    with pytest.raises(Halted, match="no run starts"):
        other.plan()
