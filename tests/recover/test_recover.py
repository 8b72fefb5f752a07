"""The machine `recover`, alone, on whatever a run can have left; checked from the account."""

import json
import time
from collections.abc import Callable
from itertools import count

import pytest

from steadystate.adapters.fis import RUN_TAG, FisFaults
from steadystate.adapters.run_store import TableRunStore
from steadystate.contracts import Run
from steadystate.domain.verdict import Verdict
from tests.adapters.ownership import BOTH, again
from tests.recover.conftest import REGION, STACK, Stack

_NUMBERS = count()
ROLE = "arn:aws:iam::123456789012:role/faults"


class Dead:
    """A run whose execution is over, and what it may have left, step by step."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack, self.store = stack, TableRunStore(stack.outputs["TableName"])
        self.faults = FisFaults(ROLE)
        self.run_id = f"{name}-{next(_NUMBERS)}"
        self.run = self.planned()
        self.store.begin(self.run, time.time() + 900)

    def planned(self) -> Run:
        run = again(self.run_id, f"w-{self.run_id}", time.time())
        arn = f"arn:aws:states:{REGION}:123456789012:execution:{STACK}-experiment:{self.run_id}"
        faults = {
            name: f.model_copy(update={"targets": [f"arn:aws:ec2:{REGION}:1:instance/i-1"]})
            for name, f in run.plan.faults.items()
        }
        update = {"execution_arn": arn, "faults": faults, "alarms": []}
        return run.model_copy(update={"plan": run.plan.model_copy(update=update)})

    def opened(self) -> "Dead":
        self.store.open_undo(self.run, BOTH, time.time() - 60)
        return self

    def template(self) -> "Dead":
        self.template_id = self.faults.create_template(self.run.plan)
        return self

    def started(self) -> "Dead":
        self.fault = self.faults.start(self.run.plan, self.template_id)
        return self

    def answered(self) -> "Dead":
        update = {"fault": self.fault, "phase": "injecting"}
        self.run = self.store.keep_look(self.run, self.run.progress.model_copy(update=update))
        return self

    def answered_with_what_fis_forgot(self) -> "Dead":
        self.fault = self.fault.model_copy(update={"experiment_id": "EXPforgotten"})
        return self.answered()

    def template_deleted(self) -> "Dead":
        self.faults.delete_templates(self.run_id)
        return self

    def closed(self, what: str) -> "Dead":
        self.store.close_undo(self.run_id, what, time.time(), "seen")
        return self

    def judged(self) -> "Dead":
        self.store.save_verdict(self.run_id, Verdict.FAIL, "missed", time.time(), "runs/x")
        return self

    def taken_over(self) -> "Dead":
        """Its lease has expired, and another run began."""
        self.store.renew_lease(self.run, time.time() - 1)
        other = again(f"{self.run_id}-next", self.run.plan.workload, time.time())
        arn = self.run.plan.execution_arn
        plan = other.plan.model_copy(update={"execution_arn": f"{arn}-next"})
        self.store.begin(other.model_copy(update={"plan": plan}), time.time() + 900)
        return self


LEFT: dict[str, Callable[[Dead], Dead]] = {
    "a lease": lambda d: d,
    "records-of-nothing": lambda d: d.opened(),
    "template": lambda d: d.opened().template(),
    "experiment": lambda d: d.opened().template().started().answered(),
    "experiment-whose-answer-was-lost": lambda d: d.opened().template().started(),
    "template-deleted": lambda d: d.opened().template().started().answered().template_deleted(),
    "experiment-forgotten": lambda d: (
        d.opened().template().started().answered_with_what_fis_forgot()
    ),
    "half-undone": lambda d: (
        d.opened().template().started().answered().template_deleted().closed("fis-template")
    ),
    "undone": lambda d: d.opened().closed("fis-template").closed("fis-experiment"),
    "judged": lambda d: d.judged(),  # FIS allows five active experiments: the rest start none
    "judged-before-its-undo": lambda d: d.opened().template().judged(),
    "taken-over": lambda d: d.taken_over(),
}


def nothing_is_left(dead: Dead) -> None:
    fis, run_id = dead.stack.client("fis"), dead.run_id
    templates = fis.list_experiment_templates()["experimentTemplates"]
    assert not [t for t in templates if t["tags"].get(RUN_TAG) == run_id]
    mine = [e for e in fis.list_experiments()["experiments"] if e["tags"].get(RUN_TAG) == run_id]
    assert {e["state"]["status"] for e in mine} <= {"stopped", "completed"}
    records = dead.store.undo_records(run_id)
    assert all(r.state == "undone" and r.verified_at and r.found for r in records)
    holder = dead.store.holder(dead.run.plan.workload, time.time())
    assert holder is None
    assert run_id not in dead.store.open_runs()
    run = dead.store.get(run_id)
    assert run is not None
    assert run.verdict is not None


def test_two_recoveries_at_once_close_whatever_runs_left(connected: Stack) -> None:
    dead = {name: left(Dead(connected, name.replace(" ", "-"))) for name, left in LEFT.items()}
    both = [connected.recover(), connected.recover()]
    ends = [connected.end_of(execution) for execution in both]
    assert [e["status"] for e in ends] == ["SUCCEEDED", "SUCCEEDED"], ends
    for one in dead.values():
        nothing_is_left(one)
    s3, bucket = connected.client("s3"), connected.outputs["EvidenceBucketName"]
    for name, one in dead.items():
        run = one.store.get(one.run_id)
        assert run is not None
        if "judged" in name:
            assert (run.verdict, run.verdict_reason) == (Verdict.FAIL, "missed")
            continue
        assert run.verdict is Verdict.ERROR
        key = f"runs/{one.run_id}/run.json"
        stored = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        assert (stored["verdict"], stored["verdict_reason"]) == (run.verdict, run.verdict_reason)
        assert {u["state"] for u in stored["undo"]} <= {"undone"}
    assert connected.end_of(connected.recover())["status"] == "SUCCEEDED"


def test_a_run_that_was_stopped_right_before_its_report_gets_it_once(connected: Stack) -> None:
    dead = Dead(connected, "unreported").judged()
    dead.store.release_lease(dead.run_id)
    assert connected.end_of(connected.recover())["status"] == "SUCCEEDED"
    assert connected.reports_of(dead.run_id) == 0
    for _ in range(2):
        assert connected.end_of(connected.recover(dead.run_id))["status"] == "SUCCEEDED"
        assert connected.reports_of(dead.run_id) == 1
    nothing_is_left(dead)


def test_an_undo_that_is_denied_fails_with_what_a_person_must_do_and_the_next_one_mends_it(
    connected: Stack,
) -> None:
    dead = LEFT["experiment"](Dead(connected, "denied"))
    other = LEFT["template"](Dead(connected, "beside"))
    iam, role = connected.client("iam"), connected.role_of("UndoRunFunction")
    deny = {"Effect": "Deny", "Action": "fis:StopExperiment", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="organisation", PolicyDocument=policy)
    try:
        ended = connected.end_of(connected.recover())
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="organisation")
    assert (ended["status"], ended["error"]) == ("FAILED", "UndoIncomplete")
    for part in (dead.run_id, "AccessDenied", dead.fault.experiment_id, "docs/recovery.md"):
        assert part in ended["cause"]
    assert f"aws fis stop-experiment --id {dead.fault.experiment_id}" in ended["cause"]
    assert other.run_id not in ended["cause"]
    nothing_is_left(other)
    states = {r.what: r.state for r in dead.store.undo_records(dead.run_id)}
    assert states == {"fis-template": "undone", "fis-experiment": "open"}
    assert connected.end_of(connected.recover())["status"] == "SUCCEEDED"
    nothing_is_left(dead)


def test_a_record_that_cannot_be_read_keeps_no_other_run_open(connected: Stack) -> None:
    dead = LEFT["experiment"](Dead(connected, "unread"))
    other = LEFT["a lease"](Dead(connected, "read"))
    table, name = connected.client("dynamodb"), connected.outputs["TableName"]
    key = {"pk": {"S": f"RUN#{dead.run_id}"}, "sk": {"S": "RUN"}}
    plan = table.get_item(TableName=name, Key=key)["Item"]["plan"]
    change = {
        "TableName": name,
        "Key": key,
        "UpdateExpression": "SET #plan = :plan",
        "ExpressionAttributeNames": {"#plan": "plan"},
    }
    table.update_item(**change, ExpressionAttributeValues={":plan": {"S": '{"older": 1}'}})
    try:
        ended = connected.end_of(connected.recover())
    finally:
        table.update_item(**change, ExpressionAttributeValues={":plan": plan})
    assert ended["status"] == "FAILED"
    assert f"{dead.run_id}: its record cannot be read" in ended["cause"]
    nothing_is_left(other)
    assert connected.end_of(connected.recover())["status"] == "SUCCEEDED"
    nothing_is_left(dead)


@pytest.mark.parametrize("command", ["list-experiments", "list-experiment-templates"])
def test_the_commands_that_a_person_is_given_find_what_is_left(
    connected: Stack, command: str
) -> None:
    """The query is run as the AWS CLI runs it."""
    import shlex

    import jmespath

    from steadystate.adapters.fis import _find

    dead = LEFT["experiment"](Dead(connected, "found"))
    names = "experiments" if command == "list-experiments" else "experimentTemplates"
    words = shlex.split(_find(command, names, dead.run_id))
    answer = getattr(connected.client("fis"), command.replace("-", "_"))()
    found = jmespath.search(words[words.index("--query") + 1], answer)
    expected = dead.fault.experiment_id if names == "experiments" else dead.template_id
    assert found == [expected]
    assert words[:3] == ["aws", "fis", command]
    connected.end_of(connected.recover())
