"""Waits until a lab has a history that a run can be compared with."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cli.library import SHIPPED, Files
from cli.place import Kind
from cli.views import LiveView, PlainView
from steadystate.adapters.aws import client
from steadystate.adapters.cloudwatch import CloudWatch
from steadystate.adapters.resources import SsmParameters
from steadystate.adapters.side_counts import CloudWatchSideCounts
from steadystate.canary.scenario import read_canary
from steadystate.canary_contracts import Traffic
from steadystate.contracts import ExecutionInput
from steadystate.documents.workload import CloudWatchSli, LoadBalancerSli
from steadystate.domain.series import usable
from steadystate.run.scenario import read_documents

HISTORY_PERIODS: Final = 6
"""Metric periods of traffic that the baseline of an experiment needs at least."""

COUNTED_PERIODS: Final = 12
"""Metric periods of stable's counts that a canary's judge is given; with more it decides sooner."""

HISTORY_SECONDS: Final = 120.0
"""How long the history is waited for; without it the run says itself that it has no baseline."""

Seen = Callable[[float, int], Mapping[str, Sequence[object]]]
"""The periods with data by name, until a moment, of so many seconds each."""


def wait_for_history(wanted: ExecutionInput, kind: Kind, view: LiveView | PlainView) -> None:
    """Wait until there are enough metric periods for the scenario."""
    if kind == "canary":
        _wait(_counts(wanted), COUNTED_PERIODS, view)
        return
    experiment, workload = read_documents(wanted, Files(SHIPPED), SsmParameters())
    used = {objective.sli for objective in experiment.objectives.values()}
    slis = {
        name: sli
        for name, sli in workload.slis.items()
        if name in used and isinstance(sli, (LoadBalancerSli, CloudWatchSli))
    }

    def points(until: float, period_seconds: int) -> Mapping[str, Sequence[object]]:
        found = CloudWatch().read(
            slis,
            workload.load_balancer,
            since=until - experiment.baseline.duration,
            until=until,
            period_seconds=period_seconds,
        )
        return {name: usable(found.get(name, [])) for name in slis}

    if slis:
        _wait(points, max(HISTORY_PERIODS, experiment.baseline.minimum_points), view)


def _counts(wanted: ExecutionInput) -> Seen:
    canary, workload = read_canary(wanted, Files(SHIPPED), SsmParameters())
    if workload.traffic is None:
        raise LookupError(f"{workload.name} has no traffic")  # read_canary refuses it
    traffic = Traffic(**workload.traffic.model_dump())

    def counts(until: float, period_seconds: int) -> Mapping[str, Sequence[object]]:
        return CloudWatchSideCounts().read(
            traffic,
            workload.load_balancer,
            canary.metrics,
            since=until - canary.history,
            until=until,
            period_seconds=period_seconds,
        )

    return counts


def _wait(seen: Seen, needed: int, view: LiveView | PlainView) -> None:
    period, delay = _timing()
    until = time.monotonic() + HISTORY_SECONDS + needed * period
    before = -1
    while time.monotonic() < until:
        settled = (time.time() - delay) // period * period
        fewest = min(len(periods) for periods in seen(settled, period).values())
        if fewest >= needed:
            return
        if fewest != before:
            view.waiting(f"history to compare with: {fewest} of {needed} periods of {period} s")
            before = fewest
        time.sleep(1)
    view.say(f"there is too little history to compare with: {before} of {needed} periods")


def _timing() -> tuple[int, float]:
    """Return period and delay of the metrics, as the lab's stack was deployed with."""
    from lab.up import STACK

    stacks = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    values = {p["ParameterKey"]: p["ParameterValue"] for p in stacks[0]["Parameters"]}
    return int(values["MetricPeriodSeconds"]), float(values["MetricDelaySeconds"])
