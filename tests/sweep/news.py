"""What the account's event bus says: executions that are over, and what runs announced."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.sweep.place import Place

LOOK_SECONDS: Final = 0.2
WAIT_SECONDS: Final = 120.0
ENDS: Final = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


class News(threading.Thread):
    """Collects the news of a place, until `stop`."""

    def __init__(self, place: Place) -> None:
        super().__init__(daemon=True)
        self._sqs = place.client("sqs")
        self._url = self._sqs.create_queue(QueueName="news")["QueueUrl"]
        names = ["QueueArn"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        patterns = {
            "ended": {"source": ["aws.states"], "detail": {"status": ENDS}},
            "announced": {"source": ["steadystate"]},
        }
        events = place.client("events")
        for rule, pattern in patterns.items():
            events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
            target = {"Id": "news", "Arn": answer["Attributes"]["QueueArn"]}
            events.put_targets(Rule=rule, Targets=[target])
        self._recover = place.outputs["RecoverStateMachineArn"]
        self._ends: dict[str, dict[str, Any]] = {}
        self._recovers: list[str] = []
        self._announced: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self._came = threading.Condition()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            while messages := self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10
            ).get("Messages", []):
                with self._came:
                    for message in messages:
                        self._take(json.loads(message["Body"]))
                    self._came.notify_all()
                for message in messages:
                    handle = message["ReceiptHandle"]
                    self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=handle)

    def stop(self) -> None:
        self._over.set()
        self.join()

    def end_of(self, arn: str) -> dict[str, Any]:
        """Wait for the end of an execution; return its status, error and cause."""
        with self._came:
            if self._came.wait_for(lambda: arn in self._ends, WAIT_SECONDS):
                return self._ends[arn]
        return {"status": "STILL RUNNING"}

    def recovered(self, run_id: str) -> bool:
        """Wait for the end of a `recover` that began because of a run, or was named for it."""
        with self._came:
            return self._came.wait_for(lambda: self._is_recovered(run_id), WAIT_SECONDS)

    def called_missing(self, run_id: str) -> list[str]:
        """Return what ends say of a run's missing report: its own, and those of `recover`."""
        with self._came:
            outputs = [json.loads(end.get("output") or "{}") for end in self._ends.values()]
        own = [o for o in outputs if o.get("run_id") == run_id]
        said = [o["report_missing"] for o in own if "report_missing" in o]
        named = [one for o in outputs for one in o.get("reports_missing", [])]
        return [*said, *(one for one in named if one.startswith(f"{run_id}: "))]

    def announced(self, run_id: str, what: str, wait_seconds: float = 0.0) -> list[dict[str, Any]]:
        """Return the details of what a run announced; wait a while for the first."""

        def found() -> list[dict[str, Any]]:
            return [d for w, d in self._announced.get(run_id, []) if w == what]

        with self._came:
            self._came.wait_for(found, wait_seconds)
            return found()

    def repeated(self, run_id: str) -> list[str]:
        """Return what a run announced of itself more than once in the same words.

        News of its report may come twice: what people were told cannot be taken back, and what is
        taken as told before it is may never come.
        """
        with self._came:
            said = [
                json.dumps([what, detail], sort_keys=True)
                for what, detail in self._announced.get(run_id, [])
                if not what.startswith("Report")
            ]
        return sorted({one for one in said if said.count(one) > 1})

    def _is_recovered(self, run_id: str) -> bool:
        return any(run_id in text for text in self._recovers)

    def _take(self, event: dict[str, Any]) -> None:
        detail = event["detail"]
        if event["source"] == "steadystate":
            run = self._announced.setdefault(detail.get("run_id", ""), [])
            run.append((event["detail-type"], detail))
            return
        self._ends[detail["executionArn"]] = detail
        if detail["stateMachineArn"] == self._recover:
            self._recovers.append(f"{detail['name']} {detail['input']}")


@contextmanager
def news(place: Place) -> Iterator[News]:
    """The news of a place."""
    heard = News(place)
    heard.start()
    try:
        yield heard
    finally:
        heard.stop()


def wait_until(holds: Callable[[], Any], seconds: float = WAIT_SECONDS) -> bool:
    """Look until something holds of which there is no news; say whether it did."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.1)
    return False
