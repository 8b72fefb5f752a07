"""What a rule did on a row."""

from dataclasses import dataclass

import numpy as np

from bench.judge.peers import Looks
from bench.judge.traces import LOOKS, Row


@dataclass(frozen=True, slots=True)
class Outcome:
    """Shares are of all traces of the row.

    false_rollbacks: rolled back while the canary was healthy. found: rolled back after it went bad.
    median_delay_minutes: of those found, from the start of the regression to the end of the
    minute that decides; None where none was found.
    """

    rule: str
    row: str
    false_rollbacks: float
    found: float | None
    median_delay_minutes: float | None


def measure(rule: str, row: Row, looks: Looks) -> Outcome:
    """looks: the look of the rollback of each trace, over LOOKS where there was none."""
    if row.healthy:
        return Outcome(rule, row.name, float((looks <= LOOKS).mean()), None, None)
    delays = looks[(looks > row.start_look) & (looks <= LOOKS)] - row.start_look
    return Outcome(
        rule,
        row.name,
        false_rollbacks=float((looks <= row.start_look).mean()),
        found=len(delays) / len(looks),
        median_delay_minutes=float(np.median(delays)) if len(delays) else None,
    )
