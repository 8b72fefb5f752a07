"""The kill switch on a real run: by the command line, and by the parameter alone."""

import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from lab.up import REGION, ROOT, STACK
from steadystate.domain.verdict import Verdict
from tests.e2e.conftest import Runs, nothing_is_left
from tests.e2e.test_stop import entered

PARAMETER = f"/steadystate/{STACK}/halt"
LONG = {"method.slow-network.duration": "5m"}


def steadystate(runs: Runs, *words: str) -> subprocess.CompletedProcess[str]:
    """Call the command line as a person does."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL": runs.lab.endpoint_url,
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "PYTHONPATH": "",
    }
    command = [ROOT / "bin/steadystate", *words, "--stack", STACK, "--region", REGION]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(autouse=True)
def not_halted(runs: Runs) -> Iterator[None]:
    yield
    ssm = runs.lab.client("ssm")
    if ssm.describe_parameters()["Parameters"]:
        ssm.delete_parameters(Names=[PARAMETER])


def test_stop_all_undoes_a_fault_that_acts_and_lets_none_start_until_resumed(runs: Runs) -> None:
    arn = runs.start("bank-latency", LONG)
    entered(runs, arn, "Watch Window", 2)
    run_id = arn.rsplit(":", 1)[1]
    stopped = steadystate(runs, "stop", "--all", "--reason", "customers call")
    assert stopped.returncode == 0, stopped
    assert f"stopped {run_id}" in stopped.stdout
    assert "fis-experiment undone, read back" in stopped.stdout
    nothing_is_left(runs, run_id)
    evidence = runs.evidence(run_id)
    assert evidence is not None
    assert evidence.verdict is Verdict.INCONCLUSIVE
    refused = runs.wait(runs.start("bank-latency", LONG))
    assert (refused.status, refused.error) == ("FAILED", "Halted")
    assert "customers call" in refused.cause
    assert "steadystate resume" in refused.cause
    resumed = steadystate(runs, "resume")
    assert resumed.returncode == 0, resumed
    assert "customers call" in resumed.stdout


def test_the_parameter_alone_ends_a_run_by_its_undo(runs: Runs) -> None:
    arn = runs.start("bank-latency", LONG)
    entered(runs, arn, "Watch Window", 2)
    runs.lab.client("ssm").put_parameter(Name=PARAMETER, Value="by hand", Type="String")
    ended = runs.wait(arn)
    assert ended.status == "SUCCEEDED"
    assert ended.evidence is not None
    assert ended.evidence.verdict is Verdict.INCONCLUSIVE
    assert "halted by somebody: by hand" in ended.evidence.verdict_reason
    assert ended.evidence.fault is not None
    assert ended.evidence.fault.status == "stopped"
    until = time.monotonic() + 120
    while True:
        try:
            nothing_is_left(runs, ended.run_id)
            return
        except AssertionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.3)
