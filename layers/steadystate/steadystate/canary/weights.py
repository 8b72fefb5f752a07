"""Weights of a canary: what a step sets, and whose the present ones are."""

from steadystate.canary.judging import WHOLE
from steadystate.canary_contracts import AnyRun, CanaryProgress, CanaryRun, Weights
from steadystate.errors import LeaseLost
from steadystate.ports import RunStore


def known_canary(store: RunStore, run_id: str) -> CanaryRun:
    """Return a canary that a task was given. Raises LeaseLost when the table does not know it."""
    run: AnyRun | None = store.get(run_id)
    if not isinstance(run, CanaryRun):
        raise LeaseLost(f"run {run_id} is not in the table as a canary, so it holds no workload")
    return run


def step_weights(weight: int) -> Weights:
    """Return the weights of a step."""
    return Weights(stable=WHOLE - weight, canary=weight)


def expected_weights(run: CanaryRun) -> Weights:
    """Return the weights that the run read back last: the original ones before its first shift."""
    return run.progress.expected or run.plan.original


def own_weights(run: CanaryRun) -> list[Weights]:
    """Return the weights that may be there by this run's doing: those that it read back last, and
    those that it wrote down to set and has not read back. All others are somebody else's."""
    return [w for w in (expected_weights(run), run.progress.intended) if w is not None]


def is_promoted(run: CanaryRun) -> bool:
    """Whether the canary has all traffic for good, with nothing left to be proven."""
    progress: CanaryProgress = run.progress
    return progress.phase == "done" and progress.stop is None and run.plan.rollback_of is None


def shown(weights: Weights | None) -> str:
    """Return weights as people read them, stable first: 90/10; `-` for a side that has none."""
    if weights is None:
        return "unknown"
    return "/".join("-" if side is None else str(side) for side in (weights.stable, weights.canary))


def kept(run: CanaryRun) -> str:
    """Return what the ledger says of weights that stay."""
    return f"kept at {shown(expected_weights(run))}: promoted"
