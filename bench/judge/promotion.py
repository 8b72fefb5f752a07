"""How long a good canary bakes before it is promoted, and how often an unacceptable one is.

`python -m bench.judge.promotion [--traces N]` from the root of the repository. "Under 3 times
stable's at 95 %", asked every minute of an hour, with stable's history of 60 minutes.
"""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.judge import ROOT
from bench.judge.ours import CHUNK, PROCESSES
from bench.judge.traces import CANARY_REQUESTS, HISTORY_LOOKS, LOOKS, SEED, STABLE_REQUESTS
from steadystate.domain.promotion import PromotionDecision, PromotionJudge

MARGIN = 3.0
CONFIDENCE = 0.95
RESULTS = ROOT / "bench" / "results" / "judge"


@dataclass(frozen=True, slots=True)
class Bake:
    """Rates are shares of bad requests; the noise is as in traces.Row."""

    name: str
    canary_rate: float
    stable_rate: float
    acceptable_rate: float | None = None
    noisy: bool = False


BAKES = (
    Bake("0.1 % on both sides", 0.001, 0.001),
    Bake("1 % on both sides", 0.01, 0.01),
    Bake("1 % on both sides, overdispersed", 0.01, 0.01, noisy=True),
    Bake("0.1 % on both sides, 1 % acceptable", 0.001, 0.001, 0.01),
    Bake("nothing bad, 1 % acceptable", 0.0, 0.0, 0.01),
    Bake("unacceptable: 0.3 % against 0.1 %", 0.003, 0.001),
    Bake("unacceptable: 3 % against 1 %", 0.03, 0.01),
    Bake("unacceptable: 3 % against 1 %, overdispersed", 0.03, 0.01, noisy=True),
    Bake("unacceptable: 3 % against 1 %, 3 % acceptable", 0.03, 0.01, 0.03),
)


@dataclass(frozen=True, slots=True)
class Baked:
    """promoted: share within the hour; the median is over all traces, None if over an hour."""

    bake: str
    promoted: float
    median_minutes: float | None


def first_promotion(task: tuple[Bake, int]) -> int:
    """The minute at which one trace is promoted, or LOOKS + 1."""
    bake, trace = task
    rng = np.random.default_rng([SEED, 1000 + BAKES.index(bake), trace])

    def counts(requests: int, rate: float, looks: int) -> list[int]:
        rates = np.full(looks, rate)
        if bake.noisy:
            rates = np.minimum(rates * rng.gamma(1.0, 1.0, looks), 1.0)
        drawn: list[int] = rng.binomial(requests, rates).tolist()
        return drawn

    history = [
        (bad, STABLE_REQUESTS) for bad in counts(STABLE_REQUESTS, bake.stable_rate, HISTORY_LOOKS)
    ]
    judge = PromotionJudge(MARGIN, CONFIDENCE, 1, history, bake.acceptable_rate)
    canary = counts(CANARY_REQUESTS, bake.canary_rate, LOOKS)
    stable = counts(STABLE_REQUESTS, bake.stable_rate, LOOKS)
    for look, (bad, stable_bad) in enumerate(zip(canary, stable, strict=True), start=1):
        judge.update(bad, CANARY_REQUESTS, stable_bad, STABLE_REQUESTS)
        if judge.decide(bake_over=True).decision is PromotionDecision.PROMOTE:
            return look
    return LOOKS + 1


def bake_all(traces: int) -> list[Baked]:
    results = []
    with ProcessPoolExecutor(PROCESSES) as pool:
        for bake in BAKES:
            tasks = ((bake, trace) for trace in range(traces))
            looks = np.array(list(pool.map(first_promotion, tasks, chunksize=CHUNK)))
            middle = float(np.median(looks))
            promoted = float((looks <= LOOKS).mean())
            results.append(Baked(bake.name, promoted, middle if middle <= LOOKS else None))
    return results


def table(baked: Sequence[Baked]) -> str:
    """One line a bake."""
    lines = ["| Bake | promoted within 60 min | median |", "|---|---|---|"]
    for b in baked:
        median = "over 60 min" if b.median_minutes is None else f"{b.median_minutes:g} min"
        lines.append(f"| {b.bake} | {100 * b.promoted:.1f} % | {median} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.judge.promotion", description=__doc__)
    parser.add_argument("--traces", type=int, default=20_000, help="traces a bake (default 20000)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    arguments = parser.parse_args()
    baked = bake_all(arguments.traces)
    arguments.output.mkdir(parents=True, exist_ok=True)
    document = {"traces": arguments.traces, "bakes": [asdict(b) for b in baked]}
    results = json.dumps(document, indent=1) + "\n"
    (arguments.output / "promotion.json").write_text(results, encoding="utf-8")
    (arguments.output / "promotion.md").write_text(table(baked), encoding="utf-8")


if __name__ == "__main__":
    main()
