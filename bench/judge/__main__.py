"""Runs every rule on every row and writes table, figures and chart to bench/results/judge/."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from bench.judge import ROOT, ours, peers, report
from bench.judge.outcome import measure
from bench.judge.traces import ROWS, draw

RESULTS = ROOT / "bench" / "results" / "judge"
RULES = {
    "1 minute over 2x": peers.threshold,
    "3 minutes in a row over 2x": peers.three_in_a_row,
    "Rank test, two-sided p < .02": peers.two_sided_rank_test,
    "Rank test, one-sided p < .02": peers.one_sided_rank_test,
    "Kayenta's judge": peers.kayenta,
    "Exact test p < .01 every minute": peers.exact_test,
    "Anytime-valid, tempered by dispersion": peers.tempered,
    report.OURS: ours.steadystate,
    "Steadystate, no history": ours.steadystate_without_history,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.judge", description=__doc__)
    parser.add_argument("--traces", type=int, default=20_000, help="traces a row (default 20000)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    arguments = parser.parse_args()
    outcomes = []
    for row in ROWS:
        traces = draw(row, arguments.traces)
        for name, rule in RULES.items():
            outcome = measure(name, row, rule(traces))
            outcomes.append(outcome)
            print(f"{row.name:32} {name:40} {report.cell(outcome)}", flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    document = {"traces": arguments.traces, "outcomes": [asdict(o) for o in outcomes]}
    results = json.dumps(document, indent=1) + "\n"
    (arguments.output / "results.json").write_text(results, encoding="utf-8")
    (arguments.output / "table.md").write_text(report.table(outcomes), encoding="utf-8")
    report.draw_chart(outcomes, arguments.output / "chart.svg")


if __name__ == "__main__":
    main()
