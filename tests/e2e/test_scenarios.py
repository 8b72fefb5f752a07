"""The six scenarios of the bank, from the Step Functions input to the evidence, for real."""

import time

import pytest

from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence
from steadystate.run.judgement import Facts, judge
from tests.e2e.conftest import Runs, nothing_is_left


def replayed(evidence: Evidence) -> Verdict:
    return judge(
        Facts(
            plan=evidence.plan,
            baseline=evidence.baseline,
            samples=evidence.samples,
            fault=evidence.fault,
            stop=evidence.stop,
            failure=evidence.failure,
        )
    ).verdict


@pytest.mark.parametrize(
    ("scenario", "overrides", "verdict"),
    [
        ("bank-instance-loss", {}, Verdict.PASS),
        ("bank-latency", {"method.slow-network.duration": "10s"}, Verdict.PASS),
        ("bank-cpu-stress", {"method.starve-cpu.duration": "10s"}, Verdict.PASS),
        (
            "bank-process-kill",
            {"method.kill-application-server.duration": "10s", "recovery.good": "15s"},
            Verdict.PASS,
        ),
        ("bank-database-restart", {}, Verdict.PASS),
        ("bank-all-instances", {}, Verdict.FAIL),
    ],
)
def test_a_scenario_gives_its_verdict_for_reasons_that_the_evidence_shows(
    runs: Runs, scenario: str, overrides: dict[str, str], verdict: Verdict
) -> None:
    began = time.time()
    ended = runs.run(scenario, overrides)
    evidence = ended.evidence
    assert ended.status == "SUCCEEDED", (ended.error, ended.cause)
    assert evidence is not None
    assert evidence.verdict is verdict, evidence.verdict_reason
    assert ended.output["verdict"] == verdict
    assert replayed(evidence) is verdict
    assert evidence.fault is not None
    assert evidence.fault.targets_hit == (3 if scenario == "bank-all-instances" else 1)
    money = {
        o.name: o for o in evidence.objectives if o.sli in ("ledger_imbalance", "lost_transfers")
    }
    assert all(o.verdict is Verdict.PASS for o in money.values()), money
    assert evidence.requested_by == "pytest"
    nothing_is_left(runs, ended.run_id)
    truth = runs.lab.truth(began, time.time())
    if scenario == "bank-all-instances":
        assert len([i for i in truth["instances"].values() if i["gone"]]) == 3
        assert truth["front_door"]["errors"] > 0
    recovery = evidence.recovery
    if truth["front_door"]["errors"] and recovery.from_fault and recovery.injected_at:
        last = truth["front_door"]["last_error_at"] - recovery.injected_at.timestamp()
        high = recovery.from_fault.high
        assert high is not None
        assert recovery.from_fault.low - 0.5 <= last <= high + 0.5
