"""Which machine runs a scenario, and taking a canary back."""

import time
from typing import Any

import pytest

from cli import gates
from cli.library import SHIPPED, Files
from cli.place import Place
from lab.scenarios import STAGES, stage_of
from steadystate.adapters.aws import client
from steadystate.adapters.control import StepFunctions
from steadystate.canary_contracts import Answer, RollbackInput
from tests.canary.worlds import World
from tests.cli.conftest import REGION, STACK, Invoke, keep
from tests.cli.made import made_run

AT = ("--stack", STACK, "--region", REGION)


@pytest.fixture
def canary(place: Place) -> str:
    """A promoted canary, as the table keeps it."""
    world = World()
    world.run()
    run = world.kept()
    place.store.begin(run, time.time() + 600)
    return run.plan.run_id


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any, str]]:
    """What would be started and followed: run, input and kind."""
    calls: list[tuple[str, Any, str]] = []

    class Started(Exception):  # noqa: N818
        pass

    def remember(_: Place, run_id: str, wanted: Any, __: Any, kind: str) -> None:
        calls.append((run_id, wanted, kind))
        raise Started

    monkeypatch.setattr(gates, "start_and_follow", remember)
    return calls


@pytest.mark.parametrize(
    ("scenario", "machine"),
    [("chat-canary", "canary_machine_arn"), ("bank-latency", "machine_arn"), ("mine", "canary")],
)
def test_the_machine_is_chosen_by_the_kind_of_the_scenario(
    place: Place, invoke: Invoke, scenario: str, machine: str
) -> None:
    if scenario == "mine":
        text = Files(SHIPPED).canary("chat-canary") or ""
        client("s3").put_object(
            Bucket=place.bucket,
            Key="scenarios/canaries/mine.yaml",
            Body=text.replace("name: chat-canary", "name: mine").encode(),
        )
        machine = "canary_machine_arn"
    result = invoke("run", scenario, "--detach", *AT)
    assert result.exit_code == 0, result.output
    run_id = result.stdout.strip()
    expected = getattr(place, machine).replace(":stateMachine:", ":execution:")
    assert place.execution(run_id).status == "RUNNING"
    assert place.arns_of(run_id) == [f"{expected}:{run_id}"]
    place.stop(run_id, "over")
    assert place.execution(run_id).status == "ABORTED"


def test_a_canary_that_is_over_is_taken_back_by_a_run_of_its_own(
    place: Place, invoke: Invoke, canary: str, started: list[tuple[str, Any, str]]
) -> None:
    invoke("rollback", canary, "--reason", "customers call", "--requested-by", "kim", *AT)
    ((run_id, wanted, kind),) = started
    assert run_id.startswith("shop-canary-rollback-")
    assert kind == "canary"
    assert wanted == RollbackInput(rollback=canary, reason="customers call", requested_by="kim")


@pytest.mark.parametrize(("command", "follows"), [("approve", "on"), ("reject", "back")])
def test_an_answer_reaches_the_execution_that_waits(
    place: Place,
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    follows: str,
) -> None:
    world = World(steps=[{"weight": 10, "approve": True}, 100])
    world.plan()
    world.until("ask")
    world.ask("a token")
    run = world.kept()
    place.store.begin(run, time.time() + 600)
    words = (command, run.plan.run_id, "--by", "kim", "--reason", "looks good", *AT)
    nobody = invoke(*words)
    assert nobody.exit_code == 64
    assert "waits for an answer no more" in nobody.stderr
    answers: list[tuple[str, str]] = []

    def answer(_: StepFunctions, token: str, output: str) -> bool:
        answers.append((token, output))
        return True

    monkeypatch.setattr(StepFunctions, "answer", answer)
    told = invoke(*words)
    assert told.exit_code == 0, told.output
    assert f"run {run.plan.run_id} goes {follows}: steadystate watch" in told.stdout
    ((token, output),) = answers
    assert token == "a token"
    assert Answer.model_validate_json(output) == Answer(
        decision=command,  # type: ignore[arg-type]
        by="kim",
        reason="looks good",
    )


def test_a_canary_that_waits_for_nobody_takes_no_answer(invoke: Invoke, canary: str) -> None:
    result = invoke("approve", canary, *AT)
    assert result.exit_code == 64
    assert result.stderr == (f"steadystate: run {canary} does not wait for an answer: it is done\n")


def test_what_is_no_canary_is_not_taken_back(
    place: Place, invoke: Invoke, started: list[tuple[str, Any, str]]
) -> None:
    keep(place, made_run("experiment-1", machine_arn=place.machine_arn))
    for run_id, told in (
        ("experiment-1", "run experiment-1 is an experiment, and no canary"),
        ("never-was", "there is no run 'never-was'"),
        ("a b/../c", "rollback"),
    ):
        result = invoke("rollback", run_id, *AT)
        assert result.exit_code == 64
        assert told in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert not started


def test_the_lab_stages_canaries_that_ship_and_a_defect_where_the_name_says_so() -> None:
    canaries = Files().canaries()
    assert set(STAGES) <= set(canaries)
    defects = {name: stage_of(name).green_defect for name in canaries}
    assert {name for name, defect in defects.items() if defect} == {
        "chat-canary-errors",
        "chat-canary-slow",
    }
    assert defects["chat-canary-errors"] == "errors:0.05"
    quiet, busy = stage_of("chat-canary-quiet"), stage_of("chat-canary")
    assert quiet.requests_per_second and busy.requests_per_second
    assert quiet.requests_per_second < busy.requests_per_second / 5
    assert stage_of("bank-latency").green_defect is None
