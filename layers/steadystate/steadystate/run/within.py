"""An experiment within a canary: the fault reaches the canary's side alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from steadystate.canary_contracts import CanaryRun
from steadystate.documents.workload import Target
from steadystate.errors import PreflightFailed
from steadystate.ports import ResolvedTarget, RunStore, TargetHealth, Targets


class Planning(Protocol):
    """What narrowing a fault needs of the world."""

    @property
    def store(self) -> RunStore: ...

    @property
    def health(self) -> TargetHealth: ...

    @property
    def targets(self) -> Targets: ...


@dataclass(frozen=True, slots=True)
class CanarysSide:
    """The port Targets, narrowed to what is registered in a canary's target group."""

    targets: Targets
    group: str
    members: set[str]

    def resolve(self, target: Target) -> Sequence[ResolvedTarget]:
        """Return the resources on the canary's side. Raises PreflightFailed where there is none."""
        found = self.targets.resolve(target)
        kept = [resource for resource in found if resource.target_id in self.members]
        if not kept:
            raise PreflightFailed(
                f"none of {len(found)} resources is on the canary's side: {self.group} has "
                f"{', '.join(sorted(self.members)) or 'no target'}"
            )
        return kept


def on_the_canarys_side(canary: str, workload: str, world: Planning) -> Targets:
    """Return the targets of a chaos gate. What serves stable too is no target.

    Raises
    ------
    PreflightFailed
        The canary does not hold the workload, or its target groups cannot be read.
    """
    run = world.store.get(canary)
    if not isinstance(run, CanaryRun) or world.store.lease_until(workload, canary) is None:
        raise PreflightFailed(f"within: {canary} is no canary that holds workload {workload}")
    traffic = run.plan.traffic
    try:
        members = world.health.members(traffic.canary) - world.health.members(traffic.stable)
    except LookupError as error:
        raise PreflightFailed(f"within: {error}") from error
    return CanarysSide(world.targets, traffic.canary, members)
