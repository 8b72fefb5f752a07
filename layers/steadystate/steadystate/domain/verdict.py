"""The four verdicts, and how several become one."""

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What a run, an objective or a recovery showed.

    PASS: measured, and kept. FAIL: measured, and not kept. INCONCLUSIVE: not measured well enough
    to say. ERROR: the machinery broke, so the run says nothing about the workload.
    """

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    ERROR = "ERROR"


_SEVERITY = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.ERROR)

EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 2, Verdict.ERROR: 3}
"""The command line's exit code for each verdict."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the gravest verdict; nothing judged at all is INCONCLUSIVE, never PASS.

    A proven miss outweighs a missing measurement: FAIL is graver than INCONCLUSIVE.
    """
    return max(verdicts, key=_SEVERITY.index, default=Verdict.INCONCLUSIVE)
