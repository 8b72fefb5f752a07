"""Planning: refused runs touch nothing, and a plan is made once."""

from collections import Counter
from typing import Any

import pytest
import yaml

from steadystate.contracts import PlanRunInput
from steadystate.domain.verdict import Verdict
from steadystate.errors import InvalidDocument, PreflightFailed, Refused, WorkloadBusy
from steadystate.run.plan import plan_run
from steadystate.run.timing import LEASE_SECONDS
from tests.documents.shipped import ShippedLibrary, changed, content
from tests.run.worlds import RUN, START, Resource, World, arn_of


def written(path: str, value: Any) -> ShippedLibrary:
    """A library whose instance loss has one value changed."""
    document = changed(content("bank-instance-loss"), path, value)
    return ShippedLibrary({"experiments/bank-instance-loss": yaml.safe_dump(document)})


def untagged(world: World) -> None:
    world.account.instances[1] = Resource(world.account.instances[1].arn, False)


def empty(world: World) -> None:
    world.account.instances.clear()


def alarming(world: World) -> None:
    world.account.alarming.append("arn:…:alarm:bank-stop is ALARM")


def unpublished(world: World) -> None:
    world.parameters.values.clear()


def words(world: World) -> None:
    world.input = "bank-instance-loss"


def unknown(world: World) -> None:
    world.input = {"scenario": "bank-nothing"}


def overridden(world: World) -> None:
    world.input = {"scenario": "bank-instance-loss", "overrides": {"recovery.none": "1m"}}


def too_many(world: World) -> None:
    world.input["overrides"] = {"method.terminate-one.select": "4"}


def too_long(world: World) -> None:
    world.input["overrides"] = {"recovery.limit": "4h"}


@pytest.mark.parametrize(
    ("make", "error", "parts"),
    [
        (untagged, PreflightFailed, ["terminate-one", "i-1", "steadystate:allow = true"]),
        (empty, PreflightFailed, ["terminate-one", "'instances'", "no resource that is up"]),
        (too_many, PreflightFailed, ["terminate-one", "select 4", "the 3 that are up"]),
        (alarming, PreflightFailed, ["alarms must be quiet", "bank-stop is ALARM"]),
        (unpublished, InvalidDocument, ["bank.yaml", "is the workload's stack deployed?"]),
        (words, InvalidDocument, ["execution input", "must be an object"]),
        (unknown, InvalidDocument, ["scenario: 'bank-nothing' is unknown", "bank-latency"]),
        (overridden, InvalidDocument, ["'recovery.none' does not exist"]),
        (too_long, InvalidDocument, ["could last 4.2 h", "at most 3.5 h"]),
    ],
)
def test_a_refused_run_touches_nothing_and_says_why(
    make: Any, error: type[Refused], parts: list[str]
) -> None:
    world = World()
    make(world)
    with pytest.raises(error) as caught:
        world.plan()
    assert all(part in str(caught.value) for part in parts), caught.value
    assert not world.touched()


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [
        ("recovery.target", "-1m", "recovery.target"),
        ("objectives.errors.sli", "nothing", "no indicator 'nothing'"),
        ("method.terminate-one.target", "pods", "no target 'pods'"),
        ("extra", 1, "unknown key 'extra'"),
    ],
)
def test_a_wrong_document_in_the_library_touches_nothing(path: str, value: Any, part: str) -> None:
    world = World(written(path, value))
    with pytest.raises(InvalidDocument, match=part):
        world.plan()
    assert not world.touched()


def test_a_busy_workload_is_refused_with_its_holder_and_since_when() -> None:
    world = World()
    world.plan("first")
    before = world.table.writes, len(world.account.announced)
    world.clock.wait(60)
    with pytest.raises(WorkloadBusy, match=f"workload bank is held by run first since {START:.0f}"):
        world.plan("second")
    assert (world.table.writes, len(world.account.announced)) == before
    assert world.table.get("second") is None


def test_a_workload_with_leftovers_is_refused_though_its_lease_expired() -> None:
    world = World()
    world.plan("first")
    world.watch("first")
    world.inject("first")
    world.clock.wait(LEASE_SECONDS + 60)
    with pytest.raises(PreflightFailed, match="something left to undo from run first"):
        world.plan("second")
    assert world.table.get("second") is None


def test_a_lease_that_expired_is_taken_over_when_nothing_is_left() -> None:
    world = World()
    world.plan("first")
    world.clock.wait(LEASE_SECONDS + 1)
    world.plan("second")
    assert world.table.leases["bank"].run_id == "second"


def test_a_plan_takes_the_lease_and_fixes_everything_before_the_fault() -> None:
    world = World()
    world.input |= {"reason": "game day", "requested_by": "on-duty"}
    world.plan()
    run = world.table.get(RUN)
    assert run is not None
    plan = run.plan
    assert world.table.leases["bank"].run_id == RUN
    assert world.table.leases["bank"].until == START + LEASE_SECONDS
    assert (plan.reason, plan.requested_by) == ("game day", "on-duty")
    assert plan.overrides == {"recovery.good": "10s"}
    assert plan.recovery.good_seconds == 10.0
    assert len(plan.faults["terminate-one"].targets) == 1
    assert plan.execution_arn == arn_of(RUN)
    assert "${" not in plan.model_dump_json()
    assert run.baseline["error_rate"].mean == 0.0
    assert run.baseline["latency_p95"].points >= 5
    assert plan.cost_estimate["total"] > plan.cost_estimate["fis"] > 0
    assert run.progress.stop is None
    assert not world.fis.calls
    assert [what for what, _ in world.account.announced] == ["Run Planned"]


def test_who_did_not_say_is_recorded_as_such() -> None:
    world = World()
    world.plan()
    run = world.table.get(RUN)
    assert run is not None
    assert (run.plan.reason, run.plan.requested_by) == ("not stated", "not stated")


def test_a_plan_that_is_delivered_twice_is_made_once() -> None:
    world = World()
    request = PlanRunInput(run_id=RUN, execution_arn=arn_of(RUN), input=world.input)
    first = plan_run(request, world.planning)
    before = world.table.writes, world.table.runs[RUN], world.table.leases["bank"]
    world.clock.wait(30)
    assert plan_run(request, world.planning) == first
    assert (world.table.writes, world.table.runs[RUN], world.table.leases["bank"]) == before
    assert len(world.account.announced) == 1


def test_the_same_run_draws_the_same_target_and_runs_draw_all() -> None:
    def drawn(run_id: str) -> str:
        world = World()
        world.plan(run_id)
        run = world.table.get(run_id)
        assert run is not None
        (target,) = run.plan.faults["terminate-one"].targets
        return target

    assert drawn("a") == drawn("a")
    counts = Counter(drawn(f"run-{n}") for n in range(60))
    assert len(counts) == 3
    assert min(counts.values()) >= 8


@pytest.mark.parametrize(
    ("select", "count"), [("all", 3), ("2", 2), ("34 %", 1), ("67 %", 2), ("1 %", 1)]
)
def test_a_selection_is_a_count_a_share_or_all(select: str, count: int) -> None:
    world = World()
    world.input["overrides"] = {"method.terminate-one.select": select}
    world.plan()
    run = world.table.get(RUN)
    assert run is not None
    assert len(run.plan.faults["terminate-one"].targets) == count


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (
            {"action": "aws:fis:wait", "duration": "90s"},
            {"duration": "PT90S"},
        ),
        (
            {
                "action": "aws:ssm:send-command",
                "target": "instances",
                "document": "AWSFIS-Run-CPU-Stress",
                "parameters": {"LoadPercent": "80"},
                "duration": "3m",
            },
            {
                "documentArn": "arn:aws:ssm:ap-northeast-2::document/AWSFIS-Run-CPU-Stress",
                "documentParameters": '{"DurationSeconds": "180", "LoadPercent": "80"}',
                "duration": "PT180S",
            },
        ),
        (
            {
                "action": "aws:ssm:send-command",
                "target": "instances",
                "document": "AWSFIS-Run-Kill-Process",
                "parameters": {"ProcessName": "bank-was"},
                "duration": "1m",
            },
            {
                "documentArn": "arn:aws:ssm:ap-northeast-2::document/AWSFIS-Run-Kill-Process",
                "documentParameters": '{"ProcessName": "bank-was"}',
                "duration": "PT60S",
            },
        ),
    ],
)
def test_an_action_gets_the_parameters_that_fis_needs(
    action: dict[str, Any], expected: dict[str, str]
) -> None:
    world = World(written("method", {"act": action}))
    world.plan()
    run = world.table.get(RUN)
    assert run is not None
    assert run.plan.faults["act"].parameters == expected


def no_traffic(world: World) -> None:
    world.service.traffic = 0


def failing(world: World) -> None:
    world.service.always_failing = True


def slow_ledger(world: World) -> None:
    world.service.silent = True


def imbalanced(world: World) -> None:
    world.service.integrity["imbalance"] = 5000.0


def nothing_acknowledged(world: World) -> None:
    world.service.integrity["acknowledged"] = 0.0


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (no_traffic, "error_rate has 0 points of history"),
        (failing, "errors is not kept before the fault"),
        (slow_ledger, "ledger_imbalance has 0 points"),
        (imbalanced, "ledger-balances is not kept before the fault: 5,000 KRW misses = 0 KRW"),
        (nothing_acknowledged, "lost_transfers has 0 points"),
    ],
)
def test_an_unsteady_service_is_not_tested_and_the_run_is_inconclusive(
    make: Any, part: str
) -> None:
    world = World()
    make(world)
    answer = world.run()
    assert answer.verdict is Verdict.INCONCLUSIVE
    assert part in answer.reason
    assert not world.fis.calls
    assert world.clean()


def test_a_service_that_breaks_between_plan_and_fault_is_not_tested() -> None:
    world = World()
    world.plan()
    world.service.always_failing = True
    assert world.watch().next == "evaluate"
    assert world.watch().next == "evaluate"
    answer = world.evaluate()
    assert answer.verdict is Verdict.INCONCLUSIVE
    assert "100 of 100 probes failed before the fault" in answer.reason
    assert not world.fis.calls


def test_the_language_at_the_start_goes_over_the_scenarios_own() -> None:
    for given, kept in (({}, "ko"), ({"language": "en"}, "en")):
        world = World(written("language", "ko"))
        world.input |= given
        world.plan()
        run = world.table.get(RUN)
        assert run is not None
        assert run.plan.language == kept


def test_an_unknown_language_is_refused() -> None:
    world = World()
    world.input["language"] = "fr"
    with pytest.raises(InvalidDocument, match="language"):
        world.plan()
    assert not world.touched()


def test_a_plan_whose_execution_was_stopped_calls_for_recover() -> None:
    world = World()
    world.account.executions = {arn_of(RUN): ("ABORTED", "", "")}
    world.plan()
    assert [what for what, _ in world.account.announced] == ["Run Orphaned"]
    assert RUN in world.table.open_runs()
