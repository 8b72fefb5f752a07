"""`python -m bench [PART…] [--runs N]`: the project's figures, measured now, as tables.

`imports` compares the import of each function with `import boto3` and the clients that its policies
are for. `updates` times the canary's judge. `reports` draws made runs of up to 24 hours. `runs`
brings up the lab, and measures recovery against the truth, the way from a broken guardrail to a
stopped fault, transitions and payloads. `canaries` times the way back of a canary, and counts what
the chat's users lose while one is promoted. `ends` times the way from the end of a run to its
stored report, `stops` that from a stopped execution to the last undo, `fresh` what a newcomer
waits for. Each table is printed and kept in `bench/results/`.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import canaries, ends, fresh, imports, reports, runs, stops, updates

RESULTS = Path(__file__).resolve().parent / "results"
PARTS: dict[str, Callable[[int], list[str]]] = {
    "imports": lambda _: imports.measure(),
    "updates": lambda _: updates.measure(),
    "reports": lambda _: reports.measure(),
    "runs": runs.measure,
    "canaries": lambda _: canaries.measure(),
    "ends": lambda _: ends.measure(),
    "stops": lambda _: stops.measure(),
    "fresh": lambda _: fresh.measure(),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--runs", type=int, default=20, help="runs of bank-instance-loss")
    arguments = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for part in arguments.parts or PARTS:
        table = PARTS[part](arguments.runs)
        text = "\n".join([f"# Figures: {part}", "", _machine(), "", *table, ""])
        print(text)
        (RESULTS / f"{part}.md").write_text(text, encoding="utf-8")
    return 0


def _machine() -> str:
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores, "
        f"{platform.machine()}, Python {platform.python_version()}."
    )


if __name__ == "__main__":
    sys.exit(main())
