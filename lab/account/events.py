"""EventBridge's delivery: matched events go to a rule's targets, one after the other, in order."""

import json
import logging
import queue
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger(__name__)

Event = Mapping[str, Any]
Client = Callable[[str], Any]
RoleClient = Callable[[str, str], Any]


class DeliveryError(Exception):
    """A target cannot be reached by the lab; the message says why."""


@dataclass(frozen=True)
class Delivery:
    """An event on its way: to `target`, as PutTargets has it, because of the rule `source_arn`."""

    source_arn: str
    target: Mapping[str, Any]
    event: Event


class Bus:
    """Delivers in a thread of its own, so that nobody waits for a target."""

    def __init__(self, client: Client, role_client: RoleClient) -> None:
        self._client = client
        self._role_client = role_client
        self._queue: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="event-bus", daemon=True).start()

    def publish(self, entry: Mapping[str, Any]) -> None:
        """Put an entry of PutEvents on the account's bus, as an AWS service does."""
        self._queue.put(lambda: self._client("events").put_events(Entries=[entry]))

    def deliver(self, delivery: Delivery) -> None:
        """Send to a target soon; what fails goes to its dead-letter queue, or is logged."""
        self._queue.put(lambda: self._deliver(delivery))

    def send(self, delivery: Delivery) -> None:
        """Send to a target now. Raises DeliveryError, or the service's own error."""
        text = target_input(delivery.target, delivery.event, delivery.source_arn)
        self._send(delivery.target, text, delivery.event)

    def _deliver(self, delivery: Delivery) -> None:
        """Send, once: where AWS tries for a day what may pass, the lab gives up at once."""
        try:
            self.send(delivery)
        except Exception as error:
            queue = delivery.target.get("DeadLetterConfig", {}).get("Arn")
            if not queue:
                raise
            log.warning("an event was not delivered: %s", error)
            self._bury(delivery, queue, error)

    def _bury(self, delivery: Delivery, queue: str, error: Exception) -> None:
        """A rule keeps the event in the queue; a schedule, with its own role, its input."""
        target, source = delivery.target, delivery.source_arn
        of_schedule = source.split(":")[2] == "scheduler"
        sqs = self._role_client("sqs", target["RoleArn"]) if of_schedule else self._client("sqs")
        told = {
            "ERROR_CODE": type(error).__name__,
            "ERROR_MESSAGE": str(error)[:1000],
            "SCHEDULE_ARN" if of_schedule else "RULE_ARN": source,
            "TARGET_ARN": target["Arn"],
        }
        sqs.send_message(
            QueueUrl=self._client("sqs").get_queue_url(QueueName=queue.rpartition(":")[2])[
                "QueueUrl"
            ],
            MessageBody=target["Input"] if of_schedule else json.dumps(delivery.event),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in told.items()
            },
        )

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            try:
                job()
            except Exception:
                log.exception("an event was not delivered")

    def _send(self, target: Mapping[str, Any], text: str, event: Event) -> None:
        arn = target["Arn"]
        service, resource = arn.split(":")[2], arn.split(":", 5)[5]

        def client(name: str) -> Any:
            role = target.get("RoleArn")
            return self._role_client(name, role) if role else self._client(name)

        if service == "states":
            name = f"{event.get('id', uuid.uuid4())}_{uuid.uuid4()}"[:80]
            client("stepfunctions").start_execution(stateMachineArn=arn, name=name, input=text)
        elif service == "lambda":
            client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=text)
        elif service == "sns":
            self._client("sns").publish(TopicArn=arn, Message=text)
        elif service == "sqs":
            self._send_to_queue(resource, target, text)
        elif service == "logs":
            self._log(resource.removeprefix("log-group:").removesuffix(":*"), text)
        elif service == "events" and resource.startswith("event-bus/"):
            self._forward(client("events"), arn, event)
        else:
            raise DeliveryError(f"the lab has no target {arn}")

    def _send_to_queue(self, name: str, target: Mapping[str, Any], text: str) -> None:
        api = self._client("sqs")
        group = target.get("SqsParameters", {}).get("MessageGroupId")
        extra = {"MessageGroupId": group} if group else {}
        api.send_message(QueueUrl=api.get_queue_url(QueueName=name)["QueueUrl"], MessageBody=text,
                         **extra)  # fmt: skip

    def _log(self, group: str, text: str) -> None:
        api, stream = self._client("logs"), str(uuid.uuid4())
        api.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(datetime.now(UTC).timestamp() * 1000)
        api.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": now, "message": text}],
        )

    @staticmethod
    def _forward(api: Any, bus_arn: str, event: Event) -> None:
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
            "Resources": event.get("resources", []),
            "EventBusName": bus_arn,
        }
        api.put_events(Entries=[entry])


def target_input(target: Mapping[str, Any], event: Event, rule_arn: str) -> str:
    """What the target gets, as JSON: the event, a part of it, a constant, or a template filled."""
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath"):
        return json.dumps(_at(event, target["InputPath"]))
    if transformer := target.get("InputTransformer"):
        paths = transformer.get("InputPathsMap", {})
        values = {name: _at(event, path) for name, path in paths.items()}
        values |= {
            "aws.events.rule-arn": rule_arn,
            "aws.events.rule-name": rule_arn.rsplit("/", 1)[-1],
            "aws.events.event.ingestion-time": event.get("time"),
            "aws.events.event": {k: v for k, v in event.items() if k != "detail"},
            "aws.events.event.json": event,
        }
        return _filled(transformer["InputTemplate"], values)
    return json.dumps(event)


def _filled(template: str, values: Mapping[str, Any]) -> str:
    """Replace `<name>`: inside quotes by text, outside by JSON; an unknown value is empty."""
    pieces: list[str] = []
    quoted = False
    for piece in re.split(r'(<[^<>"\s]+>|\\.|")', template):
        name = piece[1:-1]
        if piece == '"':
            quoted = not quoted
        elif piece[:1] == "<" and piece[-1:] == ">" and (name in values):
            piece = _as_text(values[name]) if quoted else json.dumps(values[name])  # noqa: PLW2901
        pieces.append(piece)
    return "".join(pieces)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text)[1:-1]


def _at(event: Event, path: str) -> Any:
    """The value at a path such as `$.detail.items[0].name`; None where there is none."""
    value: Any = event
    for name, index in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError):
            return None
    return value
