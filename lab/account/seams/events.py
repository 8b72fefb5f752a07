"""EventBridge and its scheduler: rules deliver to all targets, schedules fire."""

import sys
import uuid
from datetime import UTC, datetime
from typing import Any

from lab.account import schedules
from lab.account.events import Delivery
from lab.account.parts import ACCOUNT_ID, Parts
from lab.account.schedules import Schedule
from lab.account.seams.insides import replace


def connect(parts: Parts) -> None:
    """moto delivers to some targets, and also for rules that are disabled."""
    from moto.events.models import Rule

    def send_to_targets(self: Any, original_event: Any, _: bool = True) -> None:
        event = dict(original_event) | {"time": _iso(original_event["time"])}
        event.pop("ingestion-time", None)
        pattern = self.event_pattern
        if self.state != "ENABLED" or not pattern.get_pattern() or not pattern.matches_event(event):
            return
        for target in list(self.targets):
            parts.bus.deliver(Delivery(self.arn, target, event))

    replace(Rule, "send_to_targets", send_to_targets)


def _iso(value: Any) -> str:
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    elif isinstance(value, str) and not value.replace(".", "", 1).isdigit():
        return value
    else:
        moment = datetime.fromtimestamp(float(value), UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def current_schedules(parts: Parts) -> list[Schedule]:
    """The enabled schedules of the scheduler, and the enabled rules with a schedule."""
    return [*_scheduler(parts), *_rules(parts)]


def _scheduler(parts: Parts) -> list[Schedule]:
    # Asking for the backend would load the service; nobody who loaded none has schedules.
    models = sys.modules.get("moto.scheduler.models")
    if models is None or not hasattr(models, "scheduler_backends"):
        return []
    groups = models.scheduler_backends[ACCOUNT_ID][parts.region].schedule_groups
    return [
        _schedule(parts, item)
        for group in list(groups.values())
        for item in list(group.schedules.values())
        if item.state == "ENABLED"
    ]


def _schedule(parts: Parts, item: Any) -> Schedule:
    def fire(at: datetime) -> None:
        text = schedules.filled(item.target.get("Input") or "{}", at, item.arn)
        event = {"id": str(uuid.uuid4())}
        parts.bus.deliver(Delivery(item.arn, item.target | {"Input": text}, event))

    def forget() -> None:
        if item.action_after_completion == "DELETE":
            parts.client("scheduler").delete_schedule(Name=item.name, GroupName=item.group_name)

    return Schedule(
        key=item.arn,
        expression=item.schedule_expression,
        created=datetime.fromtimestamp(item.creation_date, UTC),
        timezone=item.schedule_expression_timezone,
        start=_moment(item.start_date),
        end=_moment(item.end_date),
        immediately=True,
        fire=fire,
        once=forget,
    )


def _moment(value: Any) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(float(value), UTC)


_first_seen: dict[int, datetime] = {}


def _rules(parts: Parts) -> list[Schedule]:
    models = sys.modules.get("moto.events.models")
    if models is None or not hasattr(models, "events_backends"):
        return []
    backend = models.events_backends[ACCOUNT_ID][parts.region]
    return [
        _rule(parts, rule)
        for bus in list(backend.event_buses.values())
        for rule in list(bus.rules.values())
        if rule.state == "ENABLED" and rule.scheduled_expression
    ]


def _rule(parts: Parts, rule: Any) -> Schedule:
    def fire(at: datetime) -> None:
        event = schedules.scheduled_event(rule.arn, parts.region, ACCOUNT_ID, at)
        for target in list(rule.targets):
            parts.bus.deliver(Delivery(rule.arn, target, event))

    return Schedule(
        key=rule.arn,
        expression=rule.scheduled_expression,
        created=_first_seen.setdefault(id(rule), datetime.now(UTC)),
        timezone="UTC",
        start=None,
        end=None,
        immediately=False,
        fire=fire,
    )
