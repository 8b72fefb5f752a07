"""Tells the account what the balancer sees: target health and metrics."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import aiohttp
import botocore.exceptions

from lab.balancer.metrics import DATUMS_PER_CALL, NAMESPACE, Metrics
from lab.balancer.targets import GroupTargets

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

log = logging.getLogger(__name__)

HEALTH_SECONDS = 2.0
_AFTER_PERIOD_SECONDS = 0.01


class Publisher:
    """`groups` is the live mapping of the service. An account that does not answer is logged."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        account_url: str,
        cloudwatch: "CloudWatchClient",
        metrics: Metrics,
        groups: Mapping[str, GroupTargets],
    ) -> None:
        self._session = session
        self._health_url = f"{account_url.rstrip('/')}/lab/target-health"
        self._cloudwatch = cloudwatch
        self._metrics = metrics
        self._groups = groups
        self.health_changed = asyncio.Event()

    async def health_forever(self) -> None:
        """Publish at every change, and at least every two seconds."""
        while True:
            self.health_changed.clear()
            await self._publish_health()
            try:
                async with asyncio.timeout(HEALTH_SECONDS):
                    await self.health_changed.wait()
            except TimeoutError:
                continue

    async def metrics_forever(self) -> None:
        """Publish each period right after its end."""
        period = self._metrics.period_seconds
        while True:
            await asyncio.sleep(period - time.time() % period + _AFTER_PERIOD_SECONDS)
            await self.publish_metrics(time.time())

    async def publish_metrics(self, now: float) -> None:
        """Publish the periods that ended before `now`, in epoch seconds."""
        datums = self._metrics.take_finished(now)
        try:
            await asyncio.to_thread(self._put, datums)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            log.warning("%d datapoints could not be published: %s", len(datums), error)

    def _put(self, datums: "list[MetricDatumTypeDef]") -> None:
        for start in range(0, len(datums), DATUMS_PER_CALL):
            self._cloudwatch.put_metric_data(
                Namespace=NAMESPACE, MetricData=datums[start : start + DATUMS_PER_CALL]
            )

    async def _publish_health(self) -> None:
        states = {
            arn: [
                {
                    "id": target.id,
                    "port": target.port,
                    "state": state.health.state,
                    "reason": state.health.reason,
                    "description": state.health.description,
                }
                for target, state in targets.states.items()
            ]
            for arn, targets in self._groups.items()
        }
        try:
            async with self._session.post(
                self._health_url, json=states, timeout=aiohttp.ClientTimeout(total=5)
            ) as answer:
                if answer.status >= 300:
                    log.warning(
                        "target health was refused: %d %s", answer.status, await answer.text()
                    )
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("target health could not be published: %s", error)
