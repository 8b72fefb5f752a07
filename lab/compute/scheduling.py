"""What an ECS service does next, from what runs of it now. No input or output.

Source: Amazon ECS Developer Guide, "Deployment parameters" of rolling updates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """What a service says: how many tasks of which deployment, and its bounds in percent."""

    count: int
    deployment: str
    minimum_percent: int = 100
    maximum_percent: int = 200


@dataclass(frozen=True)
class Present:
    """A task that is to run. `steady`: it does its work; `unhealthy`: it should not go on."""

    id: str
    deployment: str
    steady: bool
    unhealthy: bool = False


@dataclass(frozen=True)
class Orders:
    start: int
    stop: tuple[str, ...]


def decide(wanted: Wanted, tasks: Sequence[Present]) -> Orders:
    """How many tasks of the deployment to start, and which to stop. `tasks`: the oldest first.

    Tasks of earlier deployments go as soon as enough others are steady.
    """
    most = wanted.count * wanted.maximum_percent // 100
    least = math.ceil(wanted.count * wanted.minimum_percent / 100)
    new = [task for task in tasks if task.deployment == wanted.deployment]
    stop = [task for task in new if task.unhealthy]
    kept = [task for task in new if not task.unhealthy]
    # The youngest of those that do nothing yet go first.
    kept.sort(key=lambda task: not task.steady)
    stop += kept[wanted.count :]
    steady = sum(task.steady for task in tasks if task not in stop)
    for task in tasks:
        if task.deployment != wanted.deployment:
            if task.steady and steady <= least:
                continue
            steady -= task.steady
            stop.append(task)
    room = max(most, wanted.count) - len(tasks)
    start = max(0, min(wanted.count - len(new), room))
    return Orders(start, tuple(task.id for task in stop))
