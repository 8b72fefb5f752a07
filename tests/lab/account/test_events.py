"""Events reach the targets of the rules that match, in the form that the rule says."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.account.events import target_input
from lab.account.schedules import Schedule, ScheduleError, next_time
from tests.lab.account.conftest import Account, Machine, wait_for

Outputs = dict[str, str]
EVENT = {
    "id": "1",
    "source": "lab.tests",
    "detail": {"name": 'a "b"', "count": 3, "items": [{"id": "x"}]},
}


def _item(account: Account, app: Outputs, key: str) -> Any:
    found = account.client("dynamodb").get_item(TableName=app["Table"], Key={"id": {"S": key}})
    return found.get("Item")


def test_an_aborted_execution_starts_the_machine_of_the_rule(
    account: Account, app: Outputs, main_machine: Machine
) -> None:
    arn = main_machine.start({"do": "sleep", "seconds": 20})
    account.client("stepfunctions").stop_execution(executionArn=arn)
    item = wait_for(lambda: _item(account, app, arn), "the record")
    assert item["run"] == {"S": "ABORTED"}


def test_the_start_of_an_execution_is_an_event_too_and_it_can_be_stopped_at_once(
    account: Account, app: Outputs, main_machine: Machine
) -> None:
    events, sqs, api = (account.client(name) for name in ("events", "sqs", "stepfunctions"))
    url = sqs.create_queue(QueueName="started")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {"source": ["aws.states"], "detail": {"status": ["RUNNING"], "name": ["stop-now"]}}
    events.put_rule(Name="started", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="started", Targets=[{"Id": "q", "Arn": arn["QueueArn"]}])
    execution = main_machine.start({"do": "sleep", "seconds": 20}, name="stop-now")
    api.stop_execution(executionArn=execution)
    assert api.describe_execution(executionArn=execution)["status"] == "ABORTED"
    found = wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "the event")
    event = json.loads(found[0]["Body"])
    assert event["detail-type"] == "Step Functions Execution Status Change"
    assert event["resources"] == [execution]
    assert event["detail"]["stateMachineArn"] == app["MainStateMachine"]
    assert json.loads(event["detail"]["input"]) == {"do": "sleep", "seconds": 20}


def test_a_failed_execution_starts_it_and_a_successful_one_does_not(
    account: Account, app: Outputs, main_machine: Machine
) -> None:
    good = main_machine.start({"id": "good"})
    assert main_machine.end_of(good)["status"] == "SUCCEEDED"
    bad = main_machine.start({"do": "write"})  # no id: a KeyError that nothing catches
    assert main_machine.end_of(bad)["error"] == "KeyError"
    item = wait_for(lambda: _item(account, app, bad), "the record")
    assert item["run"] == {"S": "FAILED"}
    assert _item(account, app, good) is None


def test_an_event_that_was_put_is_transformed_for_the_target(
    account: Account, app: Outputs
) -> None:
    detail = {"kind": "unfinished", "arn": 'put "quoted"', "status": "LEFT"}
    entry = {"Source": "lab.tests", "DetailType": "Test", "Detail": json.dumps(detail)}
    other = entry | {"Detail": json.dumps(detail | {"kind": "done", "arn": "other"})}
    answer = account.client("events").put_events(Entries=[other, entry])
    assert answer["FailedEntryCount"] == 0
    item = wait_for(lambda: _item(account, app, 'put "quoted"'), "the record")
    assert item["run"] == {"S": "LEFT"}
    assert _item(account, app, "other") is None


def test_a_disabled_rule_delivers_nothing(account: Account, app: Outputs) -> None:
    events, sqs = account.client("events"), account.client("sqs")
    url = sqs.create_queue(QueueName="seen")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = json.dumps({"source": ["lab.queue"]})
    events.put_rule(Name="seen", EventPattern=pattern)
    target = {"Id": "q", "Arn": arn["QueueArn"], "InputPath": "$.detail"}
    events.put_targets(Rule="seen", Targets=[target])
    entry = {"Source": "lab.queue", "DetailType": "T"}
    events.disable_rule(Name="seen")
    events.put_events(Entries=[entry | {"Detail": '{"n": 1}'}])
    events.enable_rule(Name="seen")
    events.put_events(Entries=[entry | {"Detail": '{"n": 2}'}])

    def message() -> Any:
        return sqs.receive_message(QueueUrl=url).get("Messages")

    assert json.loads(wait_for(message, "the message")[0]["Body"]) == {"n": 2}
    assert message() is None


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"constant": 1}'}, {"constant": 1}),
        ({"InputPath": "$.detail.items[0].id"}, "x"),
        ({"InputPath": "$.detail.missing"}, None),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"n": "$.detail.name", "c": "$.detail.count"},
                    "InputTemplate": '{"name": "is <n>", "n": <c>, "by": "<aws.events.rule-arn>"}',
                }
            },
            {"name": 'is a "b"', "n": 3, "by": "arn:rule"},
        ),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"i": "$.detail.items"},
                    "InputTemplate": '{"items": <i>, "less": "<unknown>"}',
                }
            },
            {"items": [{"id": "x"}], "less": "<unknown>"},
        ),
    ],
)
def test_the_input_of_a_target(target: dict[str, Any], expected: Any) -> None:
    assert json.loads(target_input({"Arn": "a"} | target, EVENT, "arn:rule")) == expected


def test_an_enabled_schedule_starts_its_machine_and_a_disabled_one_does_not(
    account: Account, app: Outputs
) -> None:
    api, role = account.client("scheduler"), _schedule_role(account, app)
    window = {"Mode": "OFF"}

    def create(name: str, state: str, expression: str) -> None:
        text = json.dumps({"arn": name, "status": "<aws.scheduler.scheduled-time>"})
        target = {"Arn": app["RecordStateMachine"], "RoleArn": role, "Input": text}
        api.create_schedule(
            Name=name,
            ScheduleExpression=expression,
            State=state,
            FlexibleTimeWindow=window,
            Target=target,
            ActionAfterCompletion="DELETE" if expression.startswith("at(") else "NONE",
        )

    soon = (datetime.now(UTC) + timedelta(seconds=1)).strftime("at(%Y-%m-%dT%H:%M:%S)")
    create("schedule-at", "ENABLED", soon)
    create("schedule-off", "DISABLED", "rate(1 minute)")
    create("schedule-rate", "ENABLED", "rate(1 minute)")
    at = wait_for(lambda: _item(account, app, "schedule-at"), "the schedule at a time")
    assert at["run"]["S"] == soon[3:-1] + "Z"
    wait_for(lambda: _item(account, app, "schedule-rate"), "the schedule with a rate")
    assert _item(account, app, "schedule-off") is None

    def names() -> set[str]:
        return {s["Name"] for s in api.list_schedules()["Schedules"]}

    wait_for(lambda: "schedule-at" not in names(), "the deletion of the schedule that is over")
    assert "schedule-rate" in names()
    api.delete_schedule(Name="schedule-rate")


def _schedule_role(account: Account, app: Outputs) -> str:
    iam = account.client("iam")
    trust = {"Version": "2012-10-17", "Statement": []}
    role = iam.create_role(RoleName="schedules", AssumeRolePolicyDocument=json.dumps(trust))
    statement = {
        "Effect": "Allow",
        "Action": "states:StartExecution",
        "Resource": app["RecordStateMachine"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(RoleName="schedules", PolicyName="p", PolicyDocument=json.dumps(policy))
    arn: str = role["Role"]["Arn"]
    return arn


MONDAY = datetime(2026, 3, 2, 10, 30, 20, tzinfo=UTC)


def _schedule(expression: str, **more: Any) -> Schedule:
    values: dict[str, Any] = {
        "key": "k",
        "expression": expression,
        "created": MONDAY,
        "timezone": "UTC",
        "start": None,
        "end": None,
        "immediately": True,
        "fire": lambda _: None,
    }
    return Schedule(**values | more)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("rate(5 minutes)", None, MONDAY),
        ("rate(5 minutes)", MONDAY, MONDAY + timedelta(minutes=5)),
        ("rate(1 day)", MONDAY, MONDAY + timedelta(days=1)),
        ("at(2026-03-02T11:00:00)", None, datetime(2026, 3, 2, 11, 0, tzinfo=UTC)),
        ("at(2026-03-02T11:00:00)", MONDAY, None),
        ("cron(0 12 * * ? *)", None, datetime(2026, 3, 2, 12, 0, tzinfo=UTC)),
        ("cron(15 10 ? * MON-FRI *)", None, datetime(2026, 3, 3, 10, 15, tzinfo=UTC)),
        ("cron(0/15 * * * ? *)", None, datetime(2026, 3, 2, 10, 45, tzinfo=UTC)),
        ("cron(0 0 1 JAN ? 2027)", None, datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_when_a_schedule_fires_next(
    expression: str, after: datetime | None, expected: datetime | None
) -> None:
    assert next_time(_schedule(expression), after) == expected


def test_a_schedule_is_read_in_its_time_zone_and_ends() -> None:
    seoul = _schedule("cron(0 9 * * ? *)", timezone="Asia/Seoul")
    assert next_time(seoul, None) == datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
    over = _schedule("rate(1 hour)", end=MONDAY + timedelta(minutes=30))
    assert next_time(over, MONDAY) is None


@pytest.mark.parametrize(
    "expression", ["rate(0 minutes)", "cron(1 2 3)", "daily", "cron(L * * * ? *)"]
)
def test_an_expression_that_nobody_understands_is_an_error(expression: str) -> None:
    with pytest.raises(ScheduleError):
        next_time(_schedule(expression), None)
