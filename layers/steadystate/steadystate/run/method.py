"""Turns the method of an experiment into FIS actions on resources that exist and may be hit."""

import hashlib
import json
import math
from collections.abc import Sequence

from steadystate.contracts import FaultAction
from steadystate.documents.experiment import ACTIONS, ActionDocument, Experiment
from steadystate.documents.workload import Workload
from steadystate.errors import PreflightFailed
from steadystate.ports import ResolvedTarget, Targets

SETTLE_SECONDS = 600.0
"""What FIS and the service may need around an action's own duration."""


def resolve_method(
    experiment: Experiment, workload: Workload, run_id: str, targets: Targets, region: str
) -> dict[str, FaultAction]:
    """Return the actions with their targets as ARNs.

    Which of several resources are hit is drawn by the run's id: fair over runs, and the same for a
    repeated delivery of the task.

    Raises
    ------
    PreflightFailed
        A target has no resource, fewer than are asked for, or one without the permitting tag.
    """
    resolved: dict[str, FaultAction] = {}
    for name, action in experiment.method.items():
        arns: list[str] = []
        share = 1.0
        if action.target is not None:
            found = targets.resolve(workload.targets[action.target])
            arns = _select(action, found, f"{experiment.name}.yaml: method.{name}", run_id)
            share = len(arns) / len(found)
        resource, key = ACTIONS[action.action]
        resolved[name] = FaultAction(
            action=action.action,
            target_key=key,
            resource=resource,
            targets=arns,
            parameters=_parameters(action, region),
            start_after=action.start_after,
            duration_seconds=action.duration or 0.0,
            struck_share=share,
        )
    return resolved


def longest_path_seconds(actions: dict[str, FaultAction]) -> float:
    """Return how long the actions last, given which wait for which."""

    def ends(name: str) -> float:
        action = actions[name]
        return action.duration_seconds + max((ends(a) for a in action.start_after), default=0.0)

    return max(ends(name) for name in actions)


def _select(
    action: ActionDocument, resources: Sequence[ResolvedTarget], place: str, run_id: str
) -> list[str]:
    if not resources:
        raise PreflightFailed(f"{place}: target {action.target!r} has no resource that is up")
    barred = [r.arn for r in resources if not r.allowed]
    if barred:
        raise PreflightFailed(
            f"{place}: {', '.join(barred)} must carry the tag steadystate:allow = true"
        )
    count = _count(action.select, len(resources))
    if count > len(resources):
        raise PreflightFailed(
            f"{place}: select {action.select} asks for more than the {len(resources)} that are up"
        )
    drawn = sorted(resources, key=lambda r: hashlib.sha256(f"{run_id} {r.arn}".encode()).digest())
    return sorted(r.arn for r in drawn[:count])


def _count(select: str, available: int) -> int:
    if select == "all":
        return available
    if select.endswith("%"):
        return max(1, available * int(select.rstrip("% ")) // 100)
    return int(select)


def _parameters(action: ActionDocument, region: str) -> dict[str, str]:
    seconds = math.ceil(action.duration or 0)
    if action.document is None:
        lasting = {"duration": f"PT{seconds}S"} if seconds else {}
        return {**action.parameters, **lasting}
    document = {"DurationSeconds": str(seconds), **action.parameters}
    if action.document == "AWSFIS-Run-Kill-Process":
        document.pop("DurationSeconds")
    return {
        "documentArn": f"arn:aws:ssm:{region}::document/{action.document}",
        "documentParameters": json.dumps(document, sort_keys=True),
        "duration": f"PT{seconds}S",
    }
