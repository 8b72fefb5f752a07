"""Chaos gates: the canary goes on only when an experiment on its side alone has passed."""

from typing import Any

import pytest

from steadystate.canary.chaos import GATE_LIMIT_SECONDS
from steadystate.canary.judgement import facts_of_evidence, judge_canary
from steadystate.canary.shift import SETTLED_AFTER_SECONDS
from steadystate.canary_contracts import CanaryProgress, CanaryRun, Weights
from steadystate.contracts import Halt, Run
from steadystate.domain.verdict import Verdict
from steadystate.errors import InvalidDocument, LeaseLost, SplitFailed, TransientError
from tests.canary.sides import ORIGINAL
from tests.canary.worlds import CANARY, RUN, World, arn_of

GATED: list[Any] = [{"weight": 10, "experiment": "shop-stop"}, 50, 100]
CHILD = f"{RUN}-at-10"


def gated(**changes: Any) -> World:
    return World(steps=GATED, **changes)


def at_the_gate() -> World:
    """A world in which the experiment of a gate goes on."""
    world = gated()
    world.plan()
    world.until("bake")
    return world


def test_a_canary_whose_gate_passes_is_promoted() -> None:
    world = gated()
    judged = world.run()
    assert judged.verdict is Verdict.PASS, judged.reason
    assert world.balancer.weights == Weights(stable=0, canary=100)
    step = world.kept().progress.steps[0]
    assert (step.experiment_run, step.experiment_verdict) == (CHILD, Verdict.PASS)
    found = {r.what: r.found for r in world.table.undo_records(RUN)}
    assert found == {"weights": "kept at 0/100: promoted", "experiment": f"closed: {CHILD}"}
    assert world.clean()
    evidence = world.evidence()
    assert judge_canary(facts_of_evidence(evidence)).verdict is Verdict.PASS


def test_the_experiment_is_told_its_canary_and_reaches_its_side_alone() -> None:
    world = at_the_gate()
    ((name, given),) = world.children.starts
    assert (name, given["scenario"], given["within"]) == (CHILD, "shop-stop", RUN)
    assert given["requested_by"] == "mina"
    child = world.table.get(CHILD)
    assert isinstance(child, Run)
    (fault,) = child.plan.faults.values()
    assert [arn.rpartition("/")[2] for arn in fault.targets] == ["i-1", "i-2"]
    assert {held: lease.run_id for held, lease in world.table.leases.items()} == {
        "shop": RUN,
        f"shop/{RUN}": CHILD,
    }


def test_what_serves_both_sides_is_no_target_of_a_gate() -> None:
    world = gated()
    world.sides.registered[CANARY] = {"i-0", "i-1"}
    world.plan()
    world.until("bake")
    child = world.table.get(CHILD)
    assert isinstance(child, Run)
    assert [t.rpartition("/")[2] for t in child.plan.faults["stop"].targets] == ["i-1"]


def test_counts_under_the_fault_are_kept_and_judged_by_nobody() -> None:
    world = at_the_gate()
    world.sides.turn_worse(errors=0.5)
    for _ in range(6):
        assert world.step("bake") == "bake"
    world.sides.worse = {}
    world.until("evaluate", "bake")
    assert world.evaluate().verdict is Verdict.PASS
    step = world.kept().progress.steps[0]
    begun, over = step.experiment_started_at, step.experiment_ended_at
    assert begun is not None
    assert over is not None
    looks = world.table.looks(RUN)
    counted = [p.at for k in looks if k.metrics for p in k.metrics["errors"].counts]
    assert not [at for at in counted if begun - 5 < at < over]
    left_out = [p for k in looks if k.metrics for p in k.metrics["errors"].left_out]
    assert max(p.canary_bad for p in left_out) >= 50
    marked = [k.started_at for k in looks if k.under_fault]
    assert marked
    assert max(marked) < over


def test_a_step_bakes_in_full_after_its_gate() -> None:
    world = gated()
    world.run()
    step = world.kept().progress.steps[0]
    assert (step.ended_at or 0) - (step.experiment_ended_at or 0) >= 60


@pytest.mark.parametrize(
    ("says", "verdict", "stop"),
    [
        (Verdict.FAIL, Verdict.FAIL, "chaos gate failed"),
        (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, "chaos gate inconclusive"),
        (Verdict.ERROR, Verdict.INCONCLUSIVE, "chaos gate inconclusive"),
        (None, Verdict.INCONCLUSIVE, "chaos gate inconclusive"),
    ],
)
def test_a_gate_that_does_not_pass_takes_the_canary_back_with_its_own_words(
    says: Verdict | None, verdict: Verdict, stop: str
) -> None:
    world = gated()
    world.children.verdict = says
    judged = world.run()
    assert judged.verdict is verdict
    assert judged.reason.startswith(f"{stop}: run {CHILD}")
    assert not says or f"{says} it is" in judged.reason
    assert world.balancer.weights == ORIGINAL
    assert world.kept().progress.steps[0].experiment_verdict is says
    assert world.clean()


def test_a_gate_with_nothing_on_the_canarys_side_is_refused_and_goes_back() -> None:
    world = gated()
    world.sides.registered[CANARY] = {"i-77"}
    judged = world.run()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "PreflightFailed: none of 3 resources is on the canary's side" in judged.reason
    assert world.table.get(CHILD) is None
    assert world.balancer.weights == ORIGINAL
    assert world.clean()


def test_a_gate_without_an_end_goes_back_and_its_experiment_is_stopped() -> None:
    world = at_the_gate()
    (child,) = world.children.executions.values()
    child.ends_at += 10 * GATE_LIMIT_SECONDS
    world.clock.wait(GATE_LIMIT_SECONDS)
    world.until("evaluate", "bake")
    assert "chaos gate unfinished" in world.evaluate().reason
    assert child.status == "ABORTED"


def test_guardrails_stay_armed_during_a_gate() -> None:
    world = at_the_gate()
    world.sides.probes_fail_from = world.clock.at
    world.until("evaluate", "bake")
    judged = world.evaluate()
    assert (judged.verdict, judged.reason[:16]) == (Verdict.FAIL, "guardrail outage")
    assert [e.status for e in world.children.executions.values()] == ["ABORTED"]
    world.release()
    assert world.clean()


def test_a_canary_that_is_killed_during_its_gate_goes_back_and_stops_the_experiment() -> None:
    world = at_the_gate()
    world.step("bake")
    world.account.executions[arn_of(RUN)] = ("ABORTED", "", "by hand")
    restored: list[Any] = []
    stop = world.children.stop

    def stopping(*arguments: Any) -> None:
        restored.append(world.balancer.weights)
        stop(*arguments)

    world.children.stop = stopping  # type: ignore[method-assign]
    world.recover()
    assert restored == [ORIGINAL]
    assert world.clean()
    found = {r.what: r.found for r in world.table.undo_records(RUN)}
    assert found["experiment"] == f"{CHILD} is closed: INCONCLUSIVE"
    assert world.kept().verdict is Verdict.INCONCLUSIVE


def test_an_undo_is_not_done_before_the_run_of_the_gate_is_closed() -> None:
    world = at_the_gate()
    world.children.recovers = 15.0
    begun = world.clock.at
    world.undo()
    assert world.clock.at >= begun + 15.0
    assert CHILD not in world.table.open


def test_weights_that_cannot_be_restored_keep_no_experiment_going() -> None:
    world = at_the_gate()
    world.balancer.refuses = "denied"
    with pytest.raises(SplitFailed):
        world.undo()
    states = {r.what: r.state for r in world.table.undo_records(RUN)}
    assert states == {"weights": "open", "experiment": "undone"}


def test_a_gate_that_is_delivered_twice_starts_one_experiment() -> None:
    world = gated()
    world.plan()
    world.until("experiment")
    assert [world.gate().next for _ in range(3)] == ["bake"] * 3
    assert len(world.children.starts) == 1
    assert world.shift().next == "experiment"


def test_a_start_whose_answer_was_lost_is_found_and_not_made_again() -> None:
    world = gated()
    world.children.answers_lost = 1
    world.plan()
    world.until("experiment")
    with pytest.raises(TransientError):
        world.gate()
    assert world.gate().next == "bake"
    assert len(world.children.starts) == 1


def test_an_undo_waits_for_a_start_that_may_still_come_and_lets_it_touch_nothing() -> None:
    world = gated()
    world.children.answers_lost, world.children.late_by = 1, SETTLED_AFTER_SECONDS - 2
    world.plan()
    world.until("experiment")
    with pytest.raises(TransientError):
        world.gate()
    world.undo()
    (child,) = world.children.executions.values()
    assert child.error == "PreflightFailed"
    assert world.table.get(CHILD) is None
    records = world.table.undo_records(RUN)
    assert [r.state for r in records] == ["undone", "undone"]


def test_what_must_be_undone_is_written_before_an_experiment_starts() -> None:
    world = gated()
    world.plan()
    world.until("experiment")
    seen: list[Any] = []
    start = world.children.start

    def starting(*arguments: str) -> None:
        child = world.kept().progress.child
        seen.append((world.table.ledger[RUN, "experiment"].state, child and child.run_id))
        start(*arguments)

    world.children.start = starting  # type: ignore[method-assign]
    world.gate()
    assert seen == [("open", CHILD)]


def test_an_experiment_is_not_started_once_its_time_has_passed() -> None:
    world = gated()
    world.plan()
    world.until("experiment")
    keep = world.table.keep_look

    def slowly(run: CanaryRun, progress: CanaryProgress, look: Any = None) -> CanaryRun:
        kept = keep(run, progress, look)
        world.clock.wait(6)
        return kept

    world.table.keep_look = slowly  # type: ignore[method-assign, assignment]
    with pytest.raises(TransientError, match="took too long"):
        world.gate()
    assert not world.children.starts


def test_a_gate_that_wakes_after_the_undo_began_starts_nothing() -> None:
    world = gated()
    world.plan()
    world.until("experiment")
    world.undo()
    with pytest.raises(LeaseLost):
        world.gate()
    assert not world.children.starts


def test_no_gate_begins_while_the_kill_switch_is_pulled() -> None:
    world = gated()
    world.plan()
    world.until("experiment")
    world.account.halted = Halt(who="kim", why="incident")
    assert world.gate().next == "rollback"
    assert not world.children.starts


def test_a_gate_that_names_no_experiment_is_refused_at_the_plan() -> None:
    world = World(steps=[{"weight": 10, "experiment": "shop-nothing"}, 100])
    with pytest.raises(InvalidDocument, match=r"steps.0.experiment: 'shop-nothing' is unknown"):
        world.plan()


def test_a_name_that_leaves_no_room_for_its_gates_is_refused_at_the_plan() -> None:
    world = gated()
    with pytest.raises(InvalidDocument, match="too long"):
        world.plan("r" * 76)
