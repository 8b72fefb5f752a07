"""FIS in the lab's account: repeated calls, the tag of a run, stopping and reading back."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from steadystate.adapters import aws
from steadystate.adapters.fis import RUN_TAG, FisFaults
from steadystate.contracts import FaultAction, Plan
from steadystate.errors import FaultFailed, TransientError
from tests.run.worlds import RUN, START, World

ROLE = "arn:aws:iam::123456789012:role/faults"
TARGETS = [f"arn:aws:ec2:ap-northeast-2:123456789012:instance/i-{n:017x}" for n in range(2)]


def planned(run_id: str, *, targets: int = 2) -> Plan:
    world = World()
    world.plan()
    run = world.table.get(RUN)
    assert run is not None
    faults = {
        "stop": FaultAction(
            action="aws:ec2:stop-instances",
            target_key="Instances",
            resource="aws:ec2:instance",
            targets=TARGETS[:targets],
            parameters={},
            start_after=[],
            duration_seconds=0.0,
        ),
        "wait": FaultAction(
            action="aws:fis:wait",
            target_key=None,
            resource=None,
            targets=[],
            parameters={"duration": "PT60S"},
            start_after=["stop"],
            duration_seconds=60.0,
        ),
    }
    return run.plan.model_copy(update={"run_id": run_id, "faults": faults, "alarms": []})


class Lab:
    """The account, and a stand-in for its fault executor, which reports what it did."""

    def __init__(self, account: Any) -> None:
        self.account = account
        self.fis = account.client("fis")
        self.faults = FisFaults(ROLE)

    def begin(self, plan: Plan) -> str:
        return self.faults.start(plan, self.faults.create_template(plan)).experiment_id

    def report(self, experiment_id: str, status: str, **more: Any) -> None:
        state = {"status": status, "reason": more.pop("reason", "")}
        self.account.post(f"/lab/experiments/{experiment_id}", {"state": state, **more})

    def mine(self, run_id: str) -> list[str]:
        listed = self.fis.list_experiments()["experiments"]
        return [e["id"] for e in listed if e.get("tags", {}).get(RUN_TAG) == run_id]

    def templates(self, run_id: str) -> list[str]:
        listed = self.fis.list_experiment_templates()["experimentTemplates"]
        return [t["id"] for t in listed if t.get("tags", {}).get(RUN_TAG) == run_id]


@pytest.fixture
def lab(connected: Any) -> Iterator[Lab]:
    one = Lab(connected)
    one.fis.list_experiments()  # a new account loads FIS at its first call: acts wait for 4 s alone
    yield one
    for experiment in one.fis.list_experiments()["experiments"]:
        if experiment["state"]["status"] not in ("completed", "stopped", "failed"):
            one.report(experiment["id"], "failed")


def test_a_template_is_made_once_and_says_what_the_plan_says(lab: Lab) -> None:
    plan = planned("fis-template")
    first = lab.faults.create_template(plan)
    assert lab.faults.create_template(plan) == first
    assert lab.templates("fis-template") == [first]
    template = lab.fis.get_experiment_template(id=first)["experimentTemplate"]
    assert template["roleArn"] == ROLE
    assert template["tags"][RUN_TAG] == "fis-template"
    assert template["targets"] == {
        "stop": {
            "resourceType": "aws:ec2:instance",
            "resourceArns": TARGETS,
            "selectionMode": "ALL",
        }
    }
    assert template["actions"]["stop"]["targets"] == {"Instances": "stop"}
    assert template["actions"]["wait"]["startAfter"] == ["stop"]
    assert template["actions"]["wait"]["parameters"] == {"duration": "PT60S"}
    assert [c["source"] for c in template["stopConditions"]] == ["none"]


def test_the_alarms_of_a_workload_stop_the_experiment_too(lab: Lab) -> None:
    arn = "arn:aws:cloudwatch:ap-northeast-2:123456789012:alarm:bank-stop"
    plan = planned("fis-alarms").model_copy(update={"alarms": [arn]})
    made = lab.faults.create_template(plan)
    template = lab.fis.get_experiment_template(id=made)["experimentTemplate"]
    assert template["stopConditions"] == [{"source": "aws:cloudwatch:alarm", "value": arn}]


def test_an_experiment_is_started_once(lab: Lab) -> None:
    plan = planned("fis-once")
    template = lab.faults.create_template(plan)
    first = lab.faults.start(plan, template)
    again = lab.faults.start(plan, template)
    assert first.experiment_id == again.experiment_id
    assert lab.mine("fis-once") == [first.experiment_id]
    assert first.status == "initiating"
    assert (first.started_at, first.targets_hit) == (None, 0)


def test_the_state_tells_when_the_fault_was_in_effect_and_on_how_many(lab: Lab) -> None:
    experiment = lab.begin(planned("fis-state"))
    running = {"stop": {"status": "running"}}
    lab.report(experiment, "running", actions=running, at=START + 1)
    state = lab.faults.state(experiment)
    assert (state.status, state.started_at, state.targets_hit) == ("running", START + 1, 2)
    done = {"stop": {"status": "completed"}, "wait": {"status": "completed"}}
    lab.report(experiment, "completed", actions=done, at=START + 9, reason="done")
    state = lab.faults.state(experiment)
    assert (state.status, state.ended_at, state.reason) == ("completed", START + 9, "done")
    assert state.started_at == START + 1


def test_an_experiment_that_fails_before_it_acts_has_hit_nothing(lab: Lab) -> None:
    experiment = lab.begin(planned("fis-failed"))
    lab.report(experiment, "failed", reason="Target resolution returned empty set")
    state = lab.faults.state(experiment)
    assert (state.status, state.started_at, state.targets_hit) == ("failed", None, 0)
    assert "empty set" in state.reason


def test_stopping_is_read_back_and_not_believed(lab: Lab) -> None:
    experiment = lab.begin(planned("fis-stop"))
    lab.report(experiment, "running", actions={"stop": {"status": "running"}})
    assert lab.faults.stop_experiments("fis-stop") is None
    assert lab.faults.stop_experiments("fis-stop") is None
    assert lab.faults.state(experiment).status == "stopping"
    lab.report(experiment, "stopped", actions={"stop": {"status": "stopped"}})
    assert lab.faults.stop_experiments("fis-stop") == f"{experiment} stopped"
    assert lab.faults.stop_experiments("fis-stop") == f"{experiment} stopped"


def test_stopping_finds_what_nobody_remembers_and_leaves_what_is_others(lab: Lab) -> None:
    mine, other = lab.begin(planned("fis-mine")), lab.begin(planned("fis-other"))
    assert lab.faults.stop_experiments("fis-mine") is None
    assert lab.faults.state(mine).status == "stopping"
    assert lab.faults.state(other).status == "initiating"
    assert lab.faults.stop_experiments("fis-nobody") == "no experiment was started"


def test_templates_are_deleted_read_back_and_others_stay(lab: Lab) -> None:
    lab.faults.create_template(planned("fis-delete"))
    other = lab.faults.create_template(planned("fis-keep"))
    assert lab.faults.delete_templates("fis-delete") == "no template left"
    assert lab.faults.delete_templates("fis-delete") == "no template left"
    assert lab.templates("fis-delete") == []
    assert lab.templates("fis-keep") == [other]


def test_templates_are_found_beyond_the_first_page(lab: Lab) -> None:
    made = [lab.faults.create_template(planned(f"fis-page-{n}")) for n in range(25)]
    for n in range(25):
        assert lab.faults.delete_templates(f"fis-page-{n}") == "no template left"
    left = {t["id"] for t in lab.fis.list_experiment_templates()["experimentTemplates"]}
    assert not left & set(made)


def test_an_experiment_that_fis_does_not_know_is_told_and_has_nothing_to_stop(lab: Lab) -> None:
    with pytest.raises(FaultFailed, match="does not know experiment EXPnowhere any more"):
        lab.faults.state("EXPnowhere")
    assert lab.faults.stop_experiments("fis-gone", "EXPnowhere") == "EXPnowhere gone from FIS"


def test_what_fis_refuses_is_a_failed_fault_with_its_words(lab: Lab) -> None:
    plan = planned("fis-refused")
    with pytest.raises(FaultFailed, match="FIS refused to start"):
        lab.faults.start(plan, "EXT-nowhere")
    for n in range(5):
        lab.begin(planned(f"fis-many-{n}"))
    with pytest.raises(FaultFailed, match="ServiceQuotaExceeded"):
        lab.begin(planned("fis-many-5"))


def test_throttling_is_a_passing_fault_and_no_failed_one(lab: Lab) -> None:
    plan = planned("fis-throttled")
    once = aws.client("fis", once=True)
    for call, operation, client in (
        (lambda: lab.faults.create_template(plan), "create_experiment_template", once),
        (lambda: lab.faults.start(plan, "EXT1"), "start_experiment", once),
        (lambda: lab.faults.state("EXP1"), "get_experiment", aws.client("fis")),
        (lambda: lab.faults.stop_experiments("r"), "list_experiments", aws.client("fis")),
        (
            lambda: lab.faults.delete_templates("r"),
            "list_experiment_templates",
            aws.client("fis"),
        ),
    ):
        with Stubber(client) as stub:
            stub.add_client_error(operation, "ThrottlingException")
            with pytest.raises(TransientError):
                call()
