"""`make sweep`: every case, and a table of what held."""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from tests.sweep.cases import cases
from tests.sweep.runner import Result
from tests.sweep.sweep import Sweep

PLACES = 3


def main() -> int:
    """Run all cases, or those whose name holds a text. 0 when every case held."""
    parser = argparse.ArgumentParser(prog="python -m tests.sweep", description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--places", type=int, default=PLACES, help="accounts side by side")
    parser.add_argument("--write", type=Path, help="a file that gets the table, too")
    arguments = parser.parse_args()
    wanted = [case for case in cases() if arguments.only in case.name]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as state:
        sweep = Sweep(wanted, _say)
        results = sweep.run(Path(state), arguments.places)
    text = _summary(results, time.monotonic() - began)
    print(text)
    print("\n".join(sweep.left or ["Nothing is left in the accounts."]))
    if arguments.write:
        arguments.write.write_text(f"# Figures: sweep\n\n{text}", encoding="utf-8")
    return 1 if sweep.left or any(r.problems for r in results) else 0


def _say(result: Result) -> None:
    held = "broken" if result.problems else "held"
    end = f"{result.status}, {result.verdict}, {result.seconds:.0f} s"
    print(f"{held:7} {result.run_id} {result.case.name}: {end}", flush=True)
    for problem in result.problems:
        print(f"        {problem}", flush=True)


def _summary(results: list[Result], seconds: float) -> str:
    """Return what held, by machine and kind, and where and how long it was tried."""
    total = Counter((r.case.machine, r.case.kind) for r in results)
    held = Counter((r.case.machine, r.case.kind) for r in results if not r.problems)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    cores = len(os.sched_getaffinity(0))
    return "\n".join(
        [
            f"Measured {datetime.now(UTC):%Y-%m-%d} on {cores} cores, {machine}.",
            "",
            f"{held.total()} of {total.total()} cases held, in {seconds:.0f} s.",
            "",
            "| machine | a task … | held |",
            "|---|---|---|",
            *(f"| {m} | {k} | {held[m, k]} of {n} |" for (m, k), n in sorted(total.items())),
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
