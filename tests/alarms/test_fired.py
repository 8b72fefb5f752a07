"""Each alarm of the platform, raised once by what it is there for, in the stack as it is deployed.

Nothing here puts a metric: functions are refused for want of concurrency, and what the lab's Step
Functions does not do by itself, throttle a state, the account does on request. It looks at alarms
every few seconds, and tells the stack's topic.
"""

import json
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.account.sabotage import ENTERED_LATE
from steadystate.adapters import aws
from tests.definitions.stack import resources
from tests.recover.conftest import REGION, STACK, Stack, account, deployed
from tests.recover.test_recover import Dead

NAMES = sorted(resources("AWS::CloudWatch::Alarm"))
SILENCED = {
    "machine": f"{STACK}-recover",
    "state": "Find Leftovers",
    "kind": "stopped before",
    "run_id": "",  # in the name of every execution
    "times": 1000,
}


@dataclass
class Watched:
    """The stack, and what its alarms told: each name with the states that it went to."""

    stack: Stack
    queue: str = ""
    told: dict[str, list[str]] = field(default_factory=dict)

    def post(self, path: str, body: Any) -> None:
        data = json.dumps(body).encode()
        urllib.request.urlopen(self.stack.url + path, data=data, timeout=30).close()

    def listen(self) -> None:
        """Let a queue hear what the topic of the alarms is told."""
        sqs, sns = self.stack.client("sqs"), self.stack.client("sns")
        self.queue = sqs.create_queue(QueueName="told")["QueueUrl"]
        names = ["QueueArn"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        (topic,) = {a for alarm in self.alarms().values() for a in alarm["AlarmActions"]}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])

    def alarms(self) -> dict[str, Any]:
        """The stack's alarms, by their names in the template."""
        found = self.stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
        return {name: a for a in found for name in NAMES if name in a["AlarmName"]}

    def state(self, name: str) -> str:
        return str(self.alarms()[name]["StateValue"])

    def was_raised(self, name: str) -> bool:
        """Whether the topic was told of an alarm."""
        sqs = self.stack.client("sqs")
        while found := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in found:
                told = json.loads(json.loads(message["Body"])["Message"])
                (mine,) = [n for n in NAMES if n in told["AlarmName"]]
                self.told.setdefault(mine, []).append(told["NewStateValue"])
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return "ALARM" in self.told.get(name, [])

    def until(self, check: Any, what: str) -> None:
        end = time.monotonic() + 120
        while not check():
            assert time.monotonic() < end, what
            time.sleep(0.3)

    def start(self, machine: str, given: Any) -> str:
        arn = self.stack.outputs[f"{machine}StateMachineArn"]
        answer = self.stack.client("stepfunctions").start_execution(
            stateMachineArn=arn, input=json.dumps(given)
        )
        return str(answer["executionArn"])

    def function(self, name: str) -> str:
        """The whole name of a function of the stack."""
        listed = self.stack.client("lambda").list_functions()["Functions"]
        begin = f"{STACK}-{name}Function-"
        return next(str(f["FunctionName"]) for f in listed if f["FunctionName"].startswith(begin))

    def deny(self, role: str, action: str) -> None:
        deny = {"Effect": "Deny", "Action": action, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        self.stack.client("iam").put_role_policy(
            RoleName=role, PolicyName="organisation", PolicyDocument=policy
        )


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A stack whose sweep is silent at first: its executions are stopped before they look."""
    with account(tmp_path_factory.mktemp("account")) as url:
        Watched(Stack(url, {})).post("/lab/sabotage", {"add": [SILENCED]})
        made = Watched(deployed(url))
        made.listen()
        patch = pytest.MonkeyPatch()
        keys = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab"}
        region = {"AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}
        for name, value in {"AWS_ENDPOINT_URL": url, **keys, **region}.items():
            patch.setenv(name, value)
        aws.client.cache_clear()
        yield made
        patch.undo()
        aws.client.cache_clear()


def test_a_sweep_that_looks_for_nothing_is_missed_and_the_next_one_ends_the_alarm(
    watched: Watched,
) -> None:
    watched.until(lambda: watched.state("SweepSilentAlarm") == "ALARM", "silence is not noticed")
    watched.post("/lab/sabotage", {"lift": [""]})
    assert watched.stack.end_of(watched.stack.recover())["status"] == "SUCCEEDED"
    watched.until(lambda: watched.state("SweepSilentAlarm") == "OK", "the sweep is not seen")


def test_all_is_quiet_as_long_as_all_is_well(watched: Watched) -> None:
    """The sweep has looked, and found nothing."""
    assert {watched.state(name) for name in NAMES} == {"OK"}
    assert len(watched.alarms()) == len(NAMES) == 11


@pytest.mark.parametrize(
    ("name", "machine", "given"),
    [
        ("RunBrokenAlarm", "Experiment", {"scenario": "no-such-scenario"}),
        ("CanaryBrokenAlarm", "Canary", {"scenario": "no-such-canary"}),
        ("ReportFailedAlarm", "Report", {"run_id": "never-was"}),
    ],
)
def test_an_execution_that_fails_raises_the_alarm_of_its_machine(
    watched: Watched, name: str, machine: str, given: Any
) -> None:
    assert watched.state(name) == "OK"
    assert watched.stack.end_of(watched.start(machine, given))["status"] == "FAILED"
    watched.until(lambda: watched.was_raised(name), f"{name} is not raised")
    assert watched.state(name) == "ALARM"


def test_a_lease_that_nobody_renews_and_an_undo_that_stays_open_raise_three_alarms(
    watched: Watched,
) -> None:
    """A dead run whose undo was opened more than 15 minutes ago, and is refused by FIS since."""
    names = ["StuckLeaseAlarm", "OpenUndoAlarm", "RecoverFailedAlarm"]
    assert [watched.state(name) for name in names] == ["OK"] * 3
    dead = Dead(watched.stack, "stuck")
    dead.store.open_undo(dead.run, ["fis-template", "fis-experiment"], time.time() - 1000)
    dead.template().started().answered()
    dead.store.renew_lease(dead.run, time.time() - 100)
    watched.deny(watched.stack.role_of("UndoRunFunction"), "fis:StopExperiment")
    assert watched.stack.end_of(watched.stack.recover())["status"] == "FAILED"
    for name in names:
        watched.until(lambda name=name: watched.was_raised(name), f"{name} is not raised")


def test_an_event_that_cannot_start_recover_raises_the_alarm_of_dead_letters(
    watched: Watched,
) -> None:
    assert watched.state("DeadLetterAlarm") == "OK"
    roles = watched.stack.client("iam").list_roles()["Roles"]
    (role,) = [r["RoleName"] for r in roles if "RunEndedBadly" in r["RoleName"]]
    watched.deny(role, "states:StartExecution")
    failed = watched.start("Experiment", {"scenario": "no-such-scenario"})
    watched.stack.end_of(failed)
    watched.until(lambda: watched.was_raised("DeadLetterAlarm"), "no dead letter is seen")


@pytest.mark.parametrize(
    ("name", "machine", "function", "given"),
    [
        ("CanaryThrottledAlarm", "Canary", "PlanCanary", {"scenario": "no-such-canary"}),
        ("ReportThrottledAlarm", "Report", "PublishTrends", {"trends": True}),
    ],
)
def test_a_function_that_is_refused_raises_an_alarm_of_throttles(
    watched: Watched, name: str, machine: str, function: str, given: Any
) -> None:
    """A function that may not run even once at a time, until somebody gives it room."""
    assert watched.state(name) == "OK"
    lambda_, which = watched.stack.client("lambda"), watched.function(function)
    lambda_.put_function_concurrency(FunctionName=which, ReservedConcurrentExecutions=0)
    execution = watched.start(machine, given)
    watched.until(lambda: watched.was_raised(name), f"{name} is not raised")
    lambda_.delete_function_concurrency(FunctionName=which)
    watched.stack.end_of(execution)


def test_a_state_that_is_entered_late_raises_an_alarm_of_throttles(watched: Watched) -> None:
    name = "RunThrottledAlarm"
    assert watched.state(name) == "OK"
    late = SILENCED | {"kind": ENTERED_LATE, "times": 1}
    watched.post("/lab/sabotage", {"add": [late]})
    watched.stack.end_of(watched.stack.recover())
    watched.until(lambda: watched.was_raised(name), f"{name} is not raised")


def test_every_alarm_was_raised_and_told(watched: Watched) -> None:
    """SweepSilentAlarm may have been raised before anybody listened to the topic."""
    assert {n for n in NAMES if watched.was_raised(n)} >= {*NAMES} - {"SweepSilentAlarm"}
