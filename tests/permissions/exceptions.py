"""What is allowed and not used when `scenarios` runs, and why it stays allowed.

An entry that is used after all, or that no policy has any more, fails the comparison.
"""

from typing import Final

from tests.permissions.policies import Unused

MACHINES: Final = tuple(
    f"{name}StateMachine" for name in ("Canary", "Experiment", "Recover", "Report")
)

EXCEPTIONS: Final = (
    Unused(
        MACHINES, "DeliverLogs", "*", "Step Functions delivers its log itself; the lab does not"
    ),
    Unused(MACHINES, "Trace", "*", "X-Ray; the lab has none"),
    Unused(
        ("ComposeReportFunction",),
        "WriteProse*",
        "*",
        "the request names the model in its path; the lab has no models that it could know",
    ),
    Unused(
        ("NotifyPeopleFunction",),
        "ReadReports",
        "*",
        "it signs links: who follows one asks in its name, and nobody does here",
    ),
    Unused(
        ("StartFaultFunction",),
        "KeepTheRun",
        "dynamodb:Query on *",
        "only a repeated delivery that comes when the fault is over looks for the recovery",
    ),
    Unused(
        ("WatchGatesFunction",),
        "TurnBack",
        "*",
        "the request names a token; the lab does not know the machine behind it",
    ),
)
