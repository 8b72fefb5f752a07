"""How long after the end of a run its report is stored, in the lab."""

import time
from datetime import datetime
from typing import Any

from bench.runs import Bench, repeated

SHORT = {"method.kill-application-server.duration": "2s"}


def measure() -> list[str]:
    """Return the rows of a table."""
    return repeated("end of the run to report stored", _from_end_to_report)


def _from_end_to_report(bench: Bench) -> float:
    """Return the seconds from the verdict to the PDF in the bucket."""
    evidence, _ = bench.run("bank-process-kill", SHORT)
    machine = bench.lab.outputs["ReportStateMachineArn"]
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{evidence.run_id}"
    while bench.sfn.describe_execution(executionArn=arn)["status"] == "RUNNING":
        time.sleep(0.1)
    stored = _left(bench.sfn.get_execution_history(executionArn=arn)["events"], "Render Report")
    return (stored - evidence.ended_at).total_seconds()


def _left(events: list[Any], state: str) -> datetime:
    """Return when an execution left a state."""
    for event in events:
        if event.get("stateExitedEventDetails", {}).get("name") == state:
            found: datetime = event["timestamp"]
            return found
    raise AssertionError(f"{state} was never left")
