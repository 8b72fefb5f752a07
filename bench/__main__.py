"""`python -m bench [imports] [runs] [--runs N]`: the project's figures, measured now, as a table.

`imports` compares the import of each function with `import boto3` and the same clients. `runs`
brings up the lab, and measures recovery against the truth, the way from a broken guardrail to a
stopped fault, transitions and payloads. The table is printed and kept in `bench/results/`.
"""

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench import imports, runs

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["imports", "runs", []], default=[])
    parser.add_argument("--runs", type=int, default=20, help="runs of bank-instance-loss")
    arguments = parser.parse_args()
    parts = arguments.parts or ["imports", "runs"]
    RESULTS.mkdir(exist_ok=True)
    for part in parts:
        table = imports.measure() if part == "imports" else runs.measure(arguments.runs)
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
