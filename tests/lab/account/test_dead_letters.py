"""What a rule or a schedule cannot deliver waits in its dead-letter queue, and says why."""

import json
from typing import Any

from tests.lab.account.conftest import Account, wait_for

NOWHERE = "arn:aws:states:ap-northeast-2:123456789012:stateMachine:nowhere"


def queue(account: Account, name: str) -> tuple[str, str]:
    """A new queue: its URL and its ARN."""
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return url, told["QueueArn"]


def letter(account: Account, url: str) -> tuple[Any, dict[str, str]]:
    """The message that comes, and its attributes."""
    sqs = account.client("sqs")

    def received() -> Any:
        found = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")
        return found and found[0]

    message = wait_for(received, "the dead letter")
    attributes = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
    return json.loads(message["Body"]), attributes


def role(account: Account, name: str, *actions: str) -> str:
    """A role that may do the actions."""
    iam = account.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return str(arn)


def test_an_event_that_no_target_took_waits_in_the_queue_of_its_rule(account: Account) -> None:
    url, arn = queue(account, "letters-of-a-rule")
    events = account.client("events")
    rule = events.put_rule(Name="lost", EventPattern='{"source": ["lab.lost"]}')["RuleArn"]
    target = {"Id": "m", "Arn": NOWHERE, "RoleArn": role(account, "lost", "states:StartExecution")}
    events.put_targets(Rule="lost", Targets=[target | {"DeadLetterConfig": {"Arn": arn}}])
    events.put_events(Entries=[{"Source": "lab.lost", "DetailType": "T", "Detail": '{"n": 1}'}])
    event, told = letter(account, url)
    assert (event["source"], event["detail"]) == ("lab.lost", {"n": 1})
    assert (told["RULE_ARN"], told["TARGET_ARN"]) == (rule, NOWHERE)
    assert "StateMachineDoesNotExist" in told["ERROR_MESSAGE"]


def test_what_a_schedule_could_not_start_waits_in_its_queue_if_its_role_may_send_there(
    account: Account,
) -> None:
    url, arn = queue(account, "letters-of-a-schedule")
    api = account.client("scheduler")
    for name, actions in (("mute", ()), ("heard", ("sqs:SendMessage",))):
        able = role(account, name, "states:StartExecution", *actions)
        target = {"Arn": NOWHERE, "RoleArn": able, "DeadLetterConfig": {"Arn": arn}}
        api.create_schedule(
            Name=name,
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target | {"Input": json.dumps({"by": name})},
        )
    given, told = letter(account, url)
    assert given == {"by": "heard"}
    assert told["SCHEDULE_ARN"].endswith("/heard")
    assert told["TARGET_ARN"] == NOWHERE
    for name in ("mute", "heard"):
        api.delete_schedule(Name=name)
