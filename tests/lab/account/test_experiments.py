"""Fault experiments: the account starts them, the executor says how they go."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab.account.conftest import Account

Template = dict[str, Any]


def _template(**changes: Any) -> Template:
    return {
        "description": "Stop one",
        "roleArn": "arn:aws:iam::123456789012:role/faults",
        "stopConditions": [{"source": "none"}],
        "targets": {
            "one": {
                "resourceType": "aws:ec2:instance",
                "resourceTags": {"steadystate:allow": "fis"},
                "filters": [{"path": "State.Name", "values": ["running"]}],
                "selectionMode": "COUNT(1)",
            }
        },
        "actions": {
            "stop": {"actionId": "aws:ec2:stop-instances", "targets": {"Instances": "one"}},
            "wait": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1S"}},
        },
        "clientToken": str(uuid.uuid4()),
        **changes,
    }


@pytest.fixture(scope="module")
def instances(account: Account) -> list[str]:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "steadystate:allow", "Value": "fis"}]}]
    api = account.client("ec2")
    made = api.run_instances(ImageId="ami-1", MinCount=3, MaxCount=3, TagSpecifications=tags)
    ids = [instance["InstanceId"] for instance in made["Instances"]]
    api.stop_instances(InstanceIds=ids[:1])
    return ids


@pytest.fixture
def experiment(account: Account, instances: list[str]) -> Iterator[str]:
    api = account.client("fis")
    template = api.create_experiment_template(**_template())["experimentTemplate"]["id"]
    token = str(uuid.uuid4())
    made = api.start_experiment(experimentTemplateId=template, clientToken=token)["experiment"]
    yield made["id"]
    account.post(f"/lab/experiments/{made['id']}", {"state": {"status": "stopped"}})


def _state(account: Account, experiment: str) -> dict[str, Any]:
    found: dict[str, Any] = account.client("fis").get_experiment(id=experiment)["experiment"]
    return found


def test_the_account_tells_which_experiments_go_on(account: Account, experiment: str) -> None:
    def going_on() -> dict[str, str]:
        found: dict[str, str] = json.loads(account.get("/lab/experiments")[1])
        return found

    assert going_on()[experiment] == "initiating"
    account.post(f"/lab/experiments/{experiment}", {"state": {"status": "completed"}})
    assert experiment not in going_on()


def test_an_experiment_waits_for_its_executor(account: Account, experiment: str) -> None:
    for _ in range(3):
        found = _state(account, experiment)
        assert found["state"]["status"] == "initiating"
        assert "startTime" not in found
        assert found["actions"]["stop"]["state"]["status"] == "pending"
    listed = account.client("fis").list_experiments()["experiments"]
    states = {item["id"]: item["state"] for item in listed}
    assert states[experiment] == {"status": "initiating", "reason": "Experiment is initiating."}


def test_the_executors_reports_are_what_the_account_answers(
    account: Account, experiment: str
) -> None:
    path = f"/lab/experiments/{experiment}"
    running = {"status": "running", "reason": "Experiment is running."}
    actions = {"stop": {"status": "running", "reason": "Action is running."}}
    assert account.post(path, {"state": running, "actions": actions, "at": 1000.5})[0] == 200
    found = _state(account, experiment)
    assert found["state"] == running
    assert found["startTime"].timestamp() == 1000.5
    assert found["actions"]["stop"]["startTime"].timestamp() == 1000.5
    assert "endTime" not in found["actions"]["stop"]
    done = {"status": "completed", "reason": "Done."}
    assert account.post(path, {"state": done, "actions": {"stop": done}, "at": 1002})[0] == 200
    found = _state(account, experiment)
    assert found["endTime"].timestamp() == found["actions"]["stop"]["endTime"].timestamp() == 1002
    assert account.post(path, {"state": {"status": "running"}})[0] == 200
    assert _state(account, experiment)["state"] == done


def test_stopping_waits_for_the_executor_to_undo(account: Account, experiment: str) -> None:
    path = f"/lab/experiments/{experiment}"
    account.client("fis").stop_experiment(id=experiment)
    assert _state(account, experiment)["state"]["status"] == "stopping"
    account.post(path, {"state": {"status": "running"}})
    assert _state(account, experiment)["state"]["status"] == "stopping"
    account.post(path, {"state": {"status": "stopped", "reason": "Experiment halted."}})
    assert _state(account, experiment)["state"]["status"] == "stopped"


def test_targets_are_resolved_once_by_tag_filter_and_count(
    account: Account, experiment: str, instances: list[str]
) -> None:
    api = account.client("fis")
    first = api.list_experiment_resolved_targets(experimentId=experiment)["resolvedTargets"]
    again = api.list_experiment_resolved_targets(experimentId=experiment)["resolvedTargets"]
    assert first == again
    assert [target["targetName"] for target in first] == ["one"]
    assert first[0]["targetInformation"]["arn"].rsplit("/", 1)[-1] in instances[1:]


def test_a_preview_resolves_targets_and_runs_nothing(
    account: Account, instances: list[str]
) -> None:
    api = account.client("fis")
    template = api.create_experiment_template(**_template())["experimentTemplate"]["id"]
    preview = {"actionsMode": "skip-all"}
    made = api.start_experiment(experimentTemplateId=template, experimentOptions=preview)
    found = _state(account, made["experiment"]["id"])
    assert found["state"]["status"] == "completed"
    assert {a["state"]["status"] for a in found["actions"].values()} == {"skipped"}
    targets = api.list_experiment_resolved_targets(experimentId=found["id"])["resolvedTargets"]
    assert len(targets) == 1


def test_a_preview_without_targets_fails(account: Account) -> None:
    api = account.client("fis")
    targets = _template()["targets"]
    targets["one"]["resourceTags"] = {"nobody": "has"}
    body = _template(targets=targets)
    template = api.create_experiment_template(**body)["experimentTemplate"]["id"]
    preview = {"actionsMode": "skip-all"}
    made = api.start_experiment(experimentTemplateId=template, experimentOptions=preview)
    state = _state(account, made["experiment"]["id"])["state"]
    assert state == {"status": "failed", "reason": "Target resolution returned empty set"}


def test_a_client_token_starts_one_experiment(account: Account, instances: list[str]) -> None:
    api = account.client("fis")
    body = _template()
    first = api.create_experiment_template(**body)["experimentTemplate"]["id"]
    assert api.create_experiment_template(**body)["experimentTemplate"]["id"] == first
    with pytest.raises(ClientError, match="ConflictException"):
        api.create_experiment_template(**body | {"description": "Other"})
    token = str(uuid.uuid4())
    ids = {
        api.start_experiment(experimentTemplateId=first, clientToken=token)["experiment"]["id"]
        for _ in range(2)
    }
    assert len(ids) == 1
    account.post(f"/lab/experiments/{ids.pop()}", {"state": {"status": "stopped"}})


def test_at_most_five_experiments_run(account: Account, instances: list[str]) -> None:
    api = account.client("fis")
    template = api.create_experiment_template(**_template())["experimentTemplate"]["id"]
    started = []
    with pytest.raises(ClientError, match="ServiceQuotaExceededException"):
        for _ in range(6):
            made = api.start_experiment(experimentTemplateId=template)["experiment"]
            started.append(made["id"])
    assert len(started) == 5
    for experiment in started:
        account.post(f"/lab/experiments/{experiment}", {"state": {"status": "stopped"}})


def test_templates_can_be_deleted_and_are_unknown_then(account: Account) -> None:
    api = account.client("fis")
    template = api.create_experiment_template(**_template())["experimentTemplate"]["id"]
    api.delete_experiment_template(id=template)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        api.get_experiment_template(id=template)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        api.start_experiment(experimentTemplateId=template)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actions": {}}, "at least one action"),
        ({"targets": {}}, "there is no target one"),
        (
            {"actions": {"a": {"actionId": "aws:fis:wait", "startAfter": ["b"]}}},
            "startAfter: there is no action b",
        ),
    ],
)
def test_an_invalid_template_is_refused(
    account: Account, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=f"ValidationException.*{message}"):
        account.client("fis").create_experiment_template(**_template(**changes))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        ([], "a JSON object"),
        ({}, '"state", "actions" or both'),
        ({"state": {"status": "initiating"}}, "state.status must be one of"),
        ({"actions": {"other": {"status": "running"}}}, "no action other"),
        ({"actions": {"stop": {"status": "gone"}}}, "actions.stop.status"),
        ({"state": {"status": "running"}, "at": "now"}, "at must be a number"),
    ],
)
def test_a_bad_report_is_refused_with_a_clear_line(
    account: Account, experiment: str, body: Any, message: str
) -> None:
    status, text = account.post(f"/lab/experiments/{experiment}", body)
    assert status == 400
    assert message in text
    assert text.count("\n") == 1
    assert _state(account, experiment)["state"]["status"] == "initiating"


def test_a_report_on_an_unknown_experiment_is_refused(account: Account) -> None:
    body = {"state": {"status": "running"}}
    assert account.post("/lab/experiments/EXPnone", body) == (404, "there is no EXPnone\n")
