"""`make sweep`: every case, and a table of what held."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.sweep.canaries import customers
from tests.sweep.cases import cases
from tests.sweep.place import place
from tests.sweep.runner import Result, Runner

WORKLOADS = 5
"""How many cases run at a time: FIS allows five active experiments."""


def main() -> int:
    """Run all cases, or those whose name holds a text. 0 when every case held."""
    parser = argparse.ArgumentParser(prog="python -m tests.sweep", description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    wanted = [case for case in cases() if parser.parse_args().only in case.name]
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as state,
        place(Path(state), WORKLOADS) as made,
        customers(made, WORKLOADS) as sides,
    ):
        results = Runner(made, sides, WORKLOADS, _say).run(wanted)
    for line in _table(results):
        print(line)
    broken = [r for r in results if r.problems]
    print(f"{len(results) - len(broken)} of {len(results)} held, {time.monotonic() - began:.0f} s")
    return 1 if broken else 0


def _say(result: Result) -> None:
    held = "broken" if result.problems else "held"
    end = f"{result.status}, {result.verdict}, {result.seconds:.0f} s"
    print(f"{held:7} {result.run_id} {result.case.name}: {end}", flush=True)
    for problem in result.problems:
        print(f"        {problem}", flush=True)


def _table(results: list[Result]) -> list[str]:
    total = Counter((r.case.machine, r.case.kind) for r in results)
    held = Counter((r.case.machine, r.case.kind) for r in results if not r.problems)
    rows = [f"| {m} | {k} | {held[m, k]} of {n} |" for (m, k), n in sorted(total.items())]
    return ["| machine | a task … | held |", "|---|---|---|", *rows]


if __name__ == "__main__":
    sys.exit(main())
