"""What starts runs, taken as the first tasks of the machines take it: planned, or refused."""

import copy
from dataclasses import replace
from typing import Any

from steadystate.canary.plan import plan_canary
from steadystate.contracts import PlanRunInput
from steadystate.run.plan import plan_run
from tests.canary.sides import Balancer, Sides
from tests.canary.worlds import RUN as PROMOTED
from tests.canary.worlds import World as Canaries
from tests.documents.shipped import PublishedParameters, ShippedLibrary
from tests.run.worlds import World, arn_of

RUN = "run-1"

EXPERIMENT: dict[str, Any] = {
    "scenario": "bank-latency",
    "overrides": {"recovery.target": "5m"},
    "reason": "",
    "requested_by": "",
}
CANARY: dict[str, Any] = {
    "scenario": "shop-canary",
    "overrides": {"steps.0.bake": "2m", "final_bake": "1m"},
    "reason": "",
    "requested_by": "",
}
ROLLBACK: dict[str, Any] = {"rollback": PROMOTED, "reason": "", "requested_by": ""}


class _Healthy(Sides):
    """Healthy targets, whatever group is asked for."""

    def healthy(self, target_group: str) -> int:
        return 2


def _promoted() -> Canaries:
    """A world in which a canary has been promoted, so that it can be taken back."""
    world = Canaries(steps=[100], bake="10s", final_bake="5s", history="2m")
    world.balancer.drain = 5.0
    world.run()
    return world


_CANARIES = _promoted()


def plan_experiment(given: object, calendar: str | None = None) -> None:
    """Plan an experiment from an execution's input. Raises Refused."""
    world = World(ShippedLibrary({"blackouts": calendar} if calendar else {}))
    plan_run(PlanRunInput(run_id=RUN, execution_arn=arn_of(RUN), input=given), world.planning)


def plan_a_canary(given: object) -> None:
    """Plan a canary, or the way back of one, from an execution's input. Raises Refused.

    A rollback finds the weights as its run left them; a canary finds the old ones.
    """
    back = isinstance(given, dict) and "rollback" in given
    table = copy.deepcopy(_CANARIES.table)
    balancer = replace(_CANARIES.balancer) if back else Balancer(_CANARIES.clock)
    planning = replace(
        _CANARIES.planning,
        store=table,
        traffic=balancer,
        health=_Healthy(_CANARIES.clock, balancer),
        parameters=PublishedParameters(),
    )
    request = PlanRunInput(run_id="canary-2", execution_arn=arn_of("canary-2"), input=given)
    plan_canary(request, planning)
