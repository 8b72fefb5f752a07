"""Canaries that a report must be able to show, run by the product's own code in a small world."""

from functools import cache

from steadystate.contracts import Failure
from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence
from steadystate.run.judgement import ABORTED
from tests.canary.worlds import RUN, World

STEPS = [10, 50, 90, 100]


@cache
def promoted() -> Evidence:
    """A canary as good as stable, promoted step by step."""
    world = World(steps=STEPS)
    world.run()
    return world.evidence()


@cache
def rolled_back() -> Evidence:
    """A canary that turns worse at half of the traffic, and goes back."""
    world = World(steps=STEPS)
    world.plan()
    world.until("shift", world.step("shift"))
    world.sides.turn_worse(errors=0.05)
    world.until("evaluate")
    world.evaluate()
    return world.evidence()


@cache
def taken_back() -> Evidence:
    """A run that does nothing but take a promoted canary back."""
    world = World(steps=STEPS)
    world.run()
    world.input = {"rollback": RUN, "reason": "customers complain", "requested_by": "jun"}
    world.run("back-1")
    return world.evidence("back-1")


@cache
def barely_begun() -> Evidence:
    """A canary that a person stopped before its first look."""
    world = World(steps=STEPS)
    world.plan()
    world.evaluate(Failure(error=ABORTED, cause="not today"))
    return world.evidence()


def with_gate_and_approval(evidence: Evidence) -> Evidence:
    """The same canary, with a chaos gate at its first step and a person's yes at its second."""
    canary = evidence.canary
    assert canary is not None
    gate = {"experiment_run": "gate-1", "experiment_verdict": Verdict.PASS}
    steps = list(canary.steps)
    steps[0] = steps[0].model_copy(update=gate)
    steps[1] = steps[1].model_copy(update={"approved_by": "kim"})
    looks = [k.model_copy(update={"under_fault": 3 <= k.look <= 5}) for k in canary.looks]
    canary = canary.model_copy(update={"steps": steps, "looks": looks})
    return evidence.model_copy(update={"canary": canary})
