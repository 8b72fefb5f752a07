"""What CloudWatch does by itself: metrics out of functions' logs, metrics of queues, alarms.

Sources: CloudWatch User Guide, "Specification: Embedded metric format"; "Available CloudWatch
metrics for Amazon SQS"; "Alarm actions". Alarms tell SNS topics here, and nothing else.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.account.alarms import EVERY_SECONDS, is_known, state_of, watched
from lab.account.cloudwatch import MetricError, Metrics

log = logging.getLogger(__name__)

_ACTIONS = {
    "OK": "OKActions",
    "ALARM": "AlarmActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


class LogMetrics:
    """Metrics that functions write into their logs; each line is read once."""

    def __init__(self, directory: Path, metrics: Metrics) -> None:
        self._directory, self._metrics = directory, metrics
        self._read: dict[Path, int] = {}

    def look(self) -> None:
        """Take what was written since the last look, up to the last whole line."""
        for path in sorted(self._directory.glob("*.log")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                lines, end, _ = file.read().rpartition(b"\n")
            self._read[path] = self._read.get(path, 0) + len(lines + end)
            for line in lines.split(b"\n"):
                if b'"_aws"' in line:
                    self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            for written in _documents(line.decode()):
                at = written["_aws"]["Timestamp"] / 1000
                for directive in written["_aws"]["CloudWatchMetrics"]:
                    data = list(_data(written, directive, at))
                    self._metrics.put(directive["Namespace"], data, at)
        except (ValueError, KeyError, TypeError, MetricError):
            log.exception("a metric in a log cannot be read: %s", line[:500])


def _documents(line: str) -> Iterator[Any]:
    """Read a line, on which two of a function's processes may have written at once: Lambda's
    runtime client writes the end of a line by itself."""
    end, decoder = 0, json.JSONDecoder()
    while end < len(line):
        document, end = decoder.raw_decode(line, end)
        yield document


def _data(
    written: Mapping[str, Any], directive: Mapping[str, Any], at: float
) -> Iterator[dict[str, Any]]:
    """Each metric, once for each set of dimensions."""
    for names in directive["Dimensions"]:
        dimensions = [{"Name": name, "Value": str(written[name])} for name in names]
        for metric in directive["Metrics"]:
            value = written[metric["Name"]]
            yield {
                "MetricName": metric["Name"],
                "Dimensions": dimensions,
                "Values": value if isinstance(value, list) else [value],
                "Unit": metric.get("Unit"),
                "Timestamp": at,
            }


class Watch:
    """Looks each EVERY_SECONDS, while the account is up."""

    def __init__(self, metrics: Metrics, state: Path, client: Callable[[str], Any]) -> None:
        self._metrics, self._client = metrics, client
        self._logs = LogMetrics(state / "functions", metrics)

    def start(self) -> None:
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(EVERY_SECONDS - time.time() % EVERY_SECONDS)
            try:
                self.look(time.time())
            except Exception:
                log.exception("the alarms could not be evaluated")

    def look(self, now: float) -> None:
        """Read what is new, and let every alarm have the state that it should."""
        self._logs.look()
        alarms = self._client("cloudwatch").describe_alarms()["MetricAlarms"]
        if alarms:
            self._count_messages(now)
        for alarm in filter(is_known, alarms):
            state = state_of(alarm, self._metrics, now, alarm["StateValue"])
            if state != alarm["StateValue"]:
                self._change(alarm, state)

    def _count_messages(self, now: float) -> None:
        sqs = self._client("sqs")
        for url in sqs.list_queues().get("QueueUrls", []):
            name = "ApproximateNumberOfMessages"
            told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
            datum = {
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Dimensions": [{"Name": "QueueName", "Value": url.rpartition("/")[2]}],
                "Value": float(told[name]),
            }
            self._metrics.put("AWS/SQS", [datum], now - 0.001)  # within the period that ends now

    def _change(self, alarm: Mapping[str, Any], state: str) -> None:
        name, reason = alarm["AlarmName"], f"{watched(alarm)} was evaluated: {state}"
        self._client("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue=state, StateReason=reason
        )
        told = {
            "AlarmName": name,
            "AlarmDescription": alarm.get("AlarmDescription"),
            "AlarmArn": alarm["AlarmArn"],
            "NewStateValue": state,
            "NewStateReason": reason,
            "OldStateValue": alarm["StateValue"],
        }
        for action in alarm.get(_ACTIONS[state], []) if alarm["ActionsEnabled"] else []:
            if action.split(":")[2] == "sns":
                self._client("sns").publish(
                    TopicArn=action, Subject=f'{state}: "{name}"'[:100], Message=json.dumps(told)
                )
