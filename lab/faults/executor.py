"""Watches the FIS experiments of the account and runs them."""

import asyncio
import logging
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lab.compute.cloud import CLIENT_CONFIG, Cloud
from lab.compute.truth_log import TruthLog
from lab.faults.actions import Compute
from lab.faults.experiment import Experiment

_log = logging.getLogger(__name__)
POLL_SECONDS = 0.15
_BEGINNING = {"initiating"}  # its targets are resolved, unlike a pending one
_STOPPED = {"stopping", "stopped"}
_OPEN = {"running", "stopping"}


class Executor:
    """Starts what is initiating, ends what is stopping.

    An experiment that runs in the account but not here was left by an earlier process, whose
    faults died with it: it is reported as failed.
    """

    def __init__(self, compute: Compute, cloud: Cloud, truth: TruthLog) -> None:
        self._compute = compute
        self._cloud = cloud
        self._truth = truth
        self._fis = boto3.client("fis", config=CLIENT_CONFIG)
        self._cloudwatch = boto3.client("cloudwatch", config=CLIENT_CONFIG)
        self._running: dict[str, tuple[Experiment, asyncio.Task[None]]] = {}
        self._alarms: dict[str, list[str]] = {}

    async def run(self) -> None:
        """Until cancelled; then all faults are taken away."""
        try:
            while True:
                try:
                    await self._look()
                except (BotoCoreError, ClientError, OSError) as error:
                    _log.warning("experiments: %s", error)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            for experiment, task in self._running.values():
                task.cancel()
                await asyncio.wait([task])
                await experiment.stop("The lab was shut down.")

    async def _look(self) -> None:
        for summary in await asyncio.to_thread(self._list):
            identifier, status = summary["id"], summary["state"]["status"]
            known = self._running.get(identifier)
            if known is None and status in _BEGINNING:
                await self._start(identifier)
            elif known is None and status in _OPEN:
                await self._disown(identifier, status)
            elif known is not None and status in _STOPPED:
                await self._stop(identifier, "Experiment stopped.")
        for identifier, (experiment, task) in list(self._running.items()):
            if not task.done():
                if await asyncio.to_thread(self._in_alarm, self._alarms[identifier]):
                    await self._stop(identifier, "Experiment halted by stop condition.")
            elif not experiment.acting:
                task.result()
                del self._running[identifier]

    async def _start(self, identifier: str) -> None:
        answer = await asyncio.to_thread(self._fis.get_experiment, id=identifier)
        description: Any = answer["experiment"]
        experiment = Experiment(
            description,
            compute=self._compute,
            cloud=self._cloud,
            targets=await asyncio.to_thread(self._resolved, description),
            truth=self._truth,
        )
        self._alarms[identifier] = [
            condition["value"].rsplit(":alarm:", 1)[-1]
            for condition in description.get("stopConditions") or []
            if condition.get("source") == "aws:cloudwatch:alarm" and condition.get("value")
        ]
        self._running[identifier] = (experiment, asyncio.create_task(experiment.run()))

    async def _stop(self, identifier: str, reason: str) -> None:
        experiment, task = self._running.pop(identifier)
        task.cancel()
        await asyncio.wait([task])
        await experiment.stop(reason)

    async def _disown(self, identifier: str, status: str) -> None:
        if status == "stopping":
            state = {"status": "stopped", "reason": "Experiment stopped."}
        else:
            reason = "The process that ran the experiment ended, and its faults with it."
            state = {"status": "failed", "reason": reason}
        await asyncio.to_thread(
            self._cloud.post, f"/lab/experiments/{identifier}", {"state": state}
        )

    def _list(self) -> list[Any]:
        pages = self._fis.get_paginator("list_experiments").paginate()
        return [experiment for page in pages for experiment in page["experiments"]]

    def _resolved(self, description: Any) -> dict[str, list[str]]:
        """The ids of the targets that the account has chosen when the experiment started."""
        resolved: dict[str, list[str]] = {name: [] for name in description.get("targets") or {}}
        pages = self._fis.get_paginator("list_experiment_resolved_targets").paginate(
            experimentId=description["id"]
        )
        for target in pages.search("resolvedTargets[]"):
            arn = target["targetInformation"]["arn"]
            # ...:instance/i-0123 and ...:db:bank-db
            resolved[target["targetName"]].append(arn.rsplit(":", 1)[-1].rsplit("/", 1)[-1])
        return resolved

    def _in_alarm(self, names: list[str]) -> bool:
        if not names:
            return False
        answer = self._cloudwatch.describe_alarms(AlarmNames=names)
        # moto does not filter by StateValue when there are names.
        alarms = [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]
        return any(alarm["StateValue"] == "ALARM" for alarm in alarms)
