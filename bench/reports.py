"""What a report takes: from run.json to PDF, each in a process of its own.

The runs are made, of ten indicators and a prober of 20 requests a second; metrics come each 60 s,
looks each 10 s, and a third of all requests fails for a minute.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from steadystate.contracts import Sample
from steadystate.documents.workload import ProbeSli
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point
from steadystate.evidence import Evidence
from steadystate.report.replay import judge_again
from tests.cli.made import BEGAN, INJECTED, made_run

ROOT = Path(__file__).resolve().parents[1]
LENGTHS = {"30 minutes": 1800, "3.5 hours, the longest that may be": 12_600, "24 hours": 86_400}
INDICATORS = 10
WINDOW, PERIOD = 10, 60
LANGUAGES = ("en", "ko")

_CHILD = """
import hashlib, json, resource, sys, time
began = time.perf_counter()
from reporting.document import render
from steadystate.report.compose import compose
from steadystate.report.replay import read_evidence
imported = time.perf_counter()
text = open(sys.argv[1], "rb").read()
evidence = read_evidence(text, "run.json")
read = time.perf_counter()
narrative = compose(evidence, sys.argv[2])
composed = time.perf_counter()
paper = render(evidence, narrative, hashlib.sha256(text).hexdigest())
drawn = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([imported - began, read - imported, composed - read, drawn - composed,
                  len(paper), peak]))
"""


def measure() -> list[str]:
    """Return the rows of a table."""
    rows = [
        "| run | language | import (s) | read run.json (s) | narrative (s) | draw (s) | all (s) "
        "| PDF (kB) | peak memory (MB) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as directory:
        for name, seconds in LENGTHS.items():
            path = Path(directory) / f"{seconds}.json"
            path.write_text(evidence_of(seconds).to_json(), encoding="utf-8")
            rows += [_row(name, path, language) for language in LANGUAGES]
    return rows


def _row(name: str, path: Path, language: str) -> str:
    places = f"{ROOT}/layers/steadystate:{ROOT}/layers/reporting"
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path), language],
        env=os.environ | {"PYTHONPATH": places},
        check=True,
        capture_output=True,
        text=True,
    )
    *times, size, peak = json.loads(done.stdout)
    shown = " | ".join(f"{t:.2f}" for t in [*times, sum(times)])
    return f"| {name} | {language} | {shown} | {size / 1000:.0f} | {peak:.0f} |"


def evidence_of(seconds: int) -> Evidence:
    """Return the evidence of a run of so many seconds."""
    made = made_run("made-for-the-bench", looks=4)
    plan = made.run.plan
    kept = {n: s for n, s in plan.slis.items() if not isinstance(s, ProbeSli)}
    more = {f"latency_{k}": plan.slis["latency_p95"] for k in range(INDICATORS - len(kept))}
    timing = plan.timing.model_copy(
        update={"window_seconds": float(WINDOW), "metric_period_seconds": PERIOD}
    )
    plan = plan.model_copy(update={"slis": plan.slis | more, "timing": timing})
    samples = [_look(k, [*kept, *more]) for k in range(seconds // WINDOW)]
    evidence = made.evidence().model_copy(update={"plan": plan, "samples": samples})
    return judge_again(evidence).evidence


def _look(number: int, names: list[str]) -> Sample:
    began = BEGAN + number * WINDOW
    wave = 30 + 12 * math.sin(number / 40) + number * 7919 % 13
    metric = number % (PERIOD // WINDOW) == 0
    return Sample(
        look=number,
        phase="recovering" if began >= INJECTED else "baseline",
        started_at=began,
        ended_at=began + WINDOW,
        points={n: [Point(began, wave + k, 1500)] for k, n in enumerate(names) if metric},
        ticks=[_tick(began + second, wave) for second in range(WINDOW)],
    )


def _tick(at: float, wave: float) -> Tick:
    if INJECTED <= at < INJECTED + 60:
        return Tick(at, 20, 7, at + 0.1, at + 0.9, wave)
    return Tick(at, 20, 0, None, None, wave)
