"""A person is asked: the canary waits, the watch stays armed, and every answer is taken once."""

import pytest

from steadystate.canary_contracts import Answer, Weights
from steadystate.domain.verdict import Verdict
from steadystate.errors import GateClosed, TransientError
from tests.canary.sides import ORIGINAL
from tests.canary.worlds import CANARY, RUN, World

APPROVED = Answer(decision="approve", by="mina", reason="errors are known")
REJECTED = Answer(decision="reject", by="jun", reason="not today")
STEPS = [{"weight": 10, "approve": True}, {"weight": 100}]
AT_TEN = Weights(stable=90, canary=10)


def waiting(**changes: object) -> World:
    """A canary that waits for a person at its first step."""
    world = World(**({"steps": STEPS} | changes))
    world.plan()
    world.until("ask")
    world.ask()
    return world


def without_evidence(**changes: object) -> World:
    """The same without the traffic that the promotion needs, and with `inconclusive: hold`."""
    world = World(inconclusive="hold", **changes)
    world.sides.requests_per_second = 4
    world.sides.rates["slow"] = (0.001, 0.001)
    world.plan()
    world.until("ask")
    world.ask()
    return world


def test_a_step_that_asks_waits_with_its_weights_and_goes_on_when_approved() -> None:
    world = waiting()
    gate = world.kept().progress.gate
    assert gate is not None
    assert gate.token == "token-1"
    assert "10 % held, with evidence" in gate.why
    assert world.balancer.weights == AT_TEN
    assert world.answered(APPROVED) == "shift"
    world.until("evaluate")
    judged = world.evaluate()
    assert judged.verdict is Verdict.PASS, judged.reason
    step = world.kept().progress.steps[0]
    assert (step.outcome, step.approved_by) == ("promoted", "mina")
    assert world.kept().progress.gate is None


def test_an_approval_is_announced_once_though_it_is_asked_for_twice() -> None:
    world = waiting()
    world.clock.wait(5)
    world.ask("token-2")
    gate = world.kept().progress.gate
    assert gate is not None
    assert gate.token == "token-2"
    assert [w for w, _ in world.account.announced].count("Approval Needed") == 1


def test_a_question_that_is_delivered_again_after_the_answer_asks_nobody() -> None:
    world = waiting()
    assert world.answered(APPROVED) == "shift"
    world.ask()
    assert world.kept().progress.gate is None
    assert world.shift().next == "bake"


def test_a_canary_goes_back_when_nobody_could_be_asked() -> None:
    world = World(steps=STEPS)
    world.plan()
    world.until("ask")
    assert world.answered(None) == "rollback"
    world.until("evaluate", "rollback")
    assert world.evaluate().verdict is Verdict.INCONCLUSIVE
    assert world.balancer.weights == ORIGINAL


def test_a_rejected_canary_goes_back_with_the_name_and_the_reason() -> None:
    world = waiting()
    assert world.answered(REJECTED) == "rollback"
    world.until("evaluate", "rollback")
    judged = world.evaluate()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.reason.startswith("rejected: jun: not today")
    assert world.balancer.weights == ORIGINAL


def test_an_approval_without_the_evidence_goes_on_and_is_inconclusive_at_the_end() -> None:
    world = without_evidence(steps=[10, 100])
    assert world.answered(APPROVED) == "shift"
    world.sides.requests_per_second = 200
    world.until("evaluate")
    judged = world.evaluate()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "promoted without evidence at 10 % (approved by mina)" in judged.reason
    assert world.balancer.weights == Weights(stable=0, canary=100)
    assert world.kept().progress.steps[0].outcome == "approved"


def test_evidence_that_comes_while_a_person_is_asked_counts() -> None:
    world = without_evidence(steps=[10, 100])
    world.sides.requests_per_second = 200
    for _ in range(4):
        world.clock.wait(60)
        assert world.watch_gates() == [RUN]
    assert world.answered(APPROVED) == "shift"
    assert world.kept().progress.steps[0].outcome == "promoted"


@pytest.mark.parametrize("trouble", ["regression", "foreign weights", "unhealthy canary"])
def test_the_watch_turns_a_canary_back_while_it_waits(trouble: str) -> None:
    world = waiting()
    world.clock.wait(60)
    assert world.watch_gates() == [RUN]
    assert not world.gates.closed
    if trouble == "regression":
        world.sides.turn_worse(errors=0.2)
    elif trouble == "foreign weights":
        world.balancer.become(Weights(stable=1, canary=1))
    else:
        world.sides.healthy_targets[CANARY] = 0
    world.clock.wait(60)
    world.watch_gates()
    error, cause = world.gates.closed["token-1"]
    assert error == GateClosed.__name__
    assert cause.startswith(trouble)
    assert world.answered(None) == "rollback"
    world.until("evaluate", "rollback")
    judged = world.evaluate()
    assert judged.reason.startswith(trouble)
    left = Weights(stable=1, canary=1) if trouble == "foreign weights" else ORIGINAL
    assert world.balancer.weights == left


def test_an_approval_that_comes_after_the_watch_turned_back_changes_nothing() -> None:
    world = waiting()
    world.sides.healthy_targets[CANARY] = 0
    world.watch_gates()
    assert world.answered(APPROVED) == "rollback"


def test_what_the_watch_decided_is_told_again_until_it_comes_through() -> None:
    world = waiting()
    world.sides.healthy_targets[CANARY] = 0
    world.watch_gates()
    world.gates.closed.clear()
    looks = len(world.table.looks(RUN))
    world.watch_gates()
    assert "token-1" in world.gates.closed
    assert len(world.table.looks(RUN)) == looks


def test_nobody_answers_within_the_limit_and_the_canary_goes_back() -> None:
    world = waiting(hold_limit="10m")
    for _ in range(11):
        world.clock.wait(60)
        world.watch_gates()
    assert world.gates.closed["token-1"][1] == "unanswered: nobody answered within 600 s"
    world.until("evaluate", world.answered(None))
    judged = world.evaluate()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "nobody answered within 600 s" in judged.reason


def test_a_timeout_of_the_waiting_task_itself_goes_back_too() -> None:
    world = waiting()
    assert world.answered(None) == "rollback"
    assert world.kept().progress.steps[0].outcome == "held"


def test_an_answer_that_is_delivered_twice_is_taken_once() -> None:
    world = waiting()
    assert [world.answered(APPROVED), world.answered(APPROVED)] == ["shift", "shift"]
    assert world.kept().progress.step == 1
    assert [w for w, _ in world.account.announced].count("Step Promoted") == 1


def test_a_canary_that_goes_back_already_asks_nobody() -> None:
    world = waiting()
    world.sides.healthy_targets[CANARY] = 0
    world.watch_gates()
    with pytest.raises(GateClosed, match="unhealthy canary"):
        world.ask("token-2")


def test_the_lease_is_kept_while_a_person_is_asked() -> None:
    world = waiting()
    for _ in range(30):
        world.clock.wait(60)
        world.watch_gates()
    assert world.table.leases["shop"].until > world.clock.at


def test_one_canary_that_cannot_be_looked_at_is_named() -> None:
    world = waiting()
    mine = world.table.leases.pop("shop")
    with pytest.raises(TransientError, match=f"{RUN}: run {RUN} lost"):
        world.watch_gates()
    world.table.leases["shop"] = mine
    assert world.watch_gates() == [RUN]


def test_a_canary_that_does_not_wait_is_not_looked_at() -> None:
    world = World()
    world.plan()
    world.until("bake")
    assert world.watch_gates() == []
