"""Business metrics: counted in memory, published to CloudWatch every ten seconds by a thread.

Published in the namespace given, at one-second resolution so that ten-second periods can be read:
`Transfers` and `Logins` (counts, dimension Result) and `TransferAmount` (KRW, made transfers only).
A period that could not be published is kept and sent with the next one.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

PERIOD_SECONDS: Final = 10.0
_KEEP_PERIODS: Final = 60
_log = logging.getLogger("bank.metrics")

Datum = dict[str, Any]
Publish = Callable[[list[Datum]], None]


@dataclass
class _Counts:
    since: datetime
    transfers: Counter[str] = field(default_factory=Counter)
    logins: Counter[str] = field(default_factory=Counter)
    amount_sum: int = 0
    amount_min: int = 0
    amount_max: int = 0
    amount_count: int = 0

    def add_amount(self, amount: int) -> None:
        self.amount_min = min(self.amount_min, amount) if self.amount_count else amount
        self.amount_max = max(self.amount_max, amount)
        self.amount_sum += amount
        self.amount_count += 1

    def data(self) -> list[Datum]:
        """As PutMetricData takes them; a count of zero is left out."""
        data: list[Datum] = [
            _datum(name, self.since, "Count", Dimensions=_result(result), Value=float(count))
            for name, counter in (("Transfers", self.transfers), ("Logins", self.logins))
            for result, count in sorted(counter.items())
        ]
        if self.amount_count:
            statistics = {
                "SampleCount": float(self.amount_count),
                "Sum": float(self.amount_sum),
                "Minimum": float(self.amount_min),
                "Maximum": float(self.amount_max),
            }
            data.append(_datum("TransferAmount", self.since, "None", StatisticValues=statistics))
        return data


def _result(result: str) -> list[dict[str, str]]:
    return [{"Name": "Result", "Value": result}]


def _datum(name: str, at: datetime, unit: str, **rest: Any) -> Datum:
    return {"MetricName": name, "Timestamp": at, "Unit": unit, "StorageResolution": 1, **rest}


class BusinessMetrics:
    """What happened, since the start and in the current period. Safe to use from any thread."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._total = _Counts(clock())
        self._period = _Counts(clock())

    def transfer(self, result: str, amount: int = 0) -> None:
        """`amount` (KRW) counts only when the result is "made"."""
        with self._lock:
            for counts in (self._total, self._period):
                counts.transfers[result] += 1
                if result == "made":
                    counts.add_amount(amount)

    def login(self, result: str) -> None:
        with self._lock:
            for counts in (self._total, self._period):
                counts.logins[result] += 1

    def snapshot(self) -> dict[str, Any]:
        """Totals since this process started."""
        with self._lock:
            return {
                "since": self._total.since.isoformat(timespec="seconds"),
                "transfers": dict(self._total.transfers),
                "transfer_amount_krw": self._total.amount_sum,
                "logins": dict(self._total.logins),
            }

    def take_period(self) -> list[Datum]:
        """The current period's datapoints, timestamped at its start; a new period begins."""
        with self._lock:
            ended, self._period = self._period, _Counts(self._clock())
        return ended.data()


class Publisher:
    """A thread that publishes each period; `stop` publishes the last one."""

    def __init__(self, metrics: BusinessMetrics, publish: Publish | str) -> None:
        """`publish` is the namespace to publish to in CloudWatch, or a function to call instead."""
        self._metrics = metrics
        self._publish = publish
        self._waiting: deque[list[Datum]] = deque(maxlen=_KEEP_PERIODS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_seconds: float = 3.0) -> None:
        self._stop.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        publish = _to_cloudwatch(self._publish) if isinstance(self._publish, str) else self._publish
        while not self._stop.wait(PERIOD_SECONDS):
            self.publish_period(publish)
        self.publish_period(publish)

    def publish_period(self, publish: Publish) -> None:
        if data := self._metrics.take_period():
            self._waiting.append(data)
        while self._waiting:
            try:
                publish(self._waiting[0])
            except Exception as error:  # botocore raises many kinds; none may end the thread
                fields = {"error": str(error), "periods_waiting": len(self._waiting)}
                _log.warning("metrics could not be published", extra={"fields": fields})
                return
            self._waiting.popleft()


def _to_cloudwatch(namespace: str) -> Publish:
    # Here, because the import takes hundreds of milliseconds and only this thread needs it.
    import boto3
    from botocore.config import Config

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    limits = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})
    client: Any = boto3.client("cloudwatch", region_name=region, config=limits)

    def publish(data: list[Datum]) -> None:
        client.put_metric_data(Namespace=namespace, MetricData=data)

    return publish
