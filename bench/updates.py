"""How long one update of the canary's judge takes, on the traces that judge it."""

import random
import statistics
import time

from steadystate.domain.judge import CountJudge

TRACES = 200
LOOKS = 60
CANARY_REQUESTS, STABLE_REQUESTS = 100, 900
ROWS = {
    "0.1 % bad on both sides": (0.001, 0.001),
    "1 % bad on both sides": (0.01, 0.01),
    "5 % bad on the canary, 1 % on stable": (0.05, 0.01),
    "1 % bad, the canary alone with all requests": (0.01, None),
}


def measure() -> list[str]:
    """Return the rows of a table: microseconds of processor time for one update."""
    rows = ["| traffic | median (µs) | 99 of 100 (µs) |", "|---|---|---|"]
    for name, (canary_rate, stable_rate) in ROWS.items():
        times = sorted(_updates(canary_rate, stable_rate))
        median = statistics.median(times)
        rows.append(f"| {name} | {median:.0f} | {times[len(times) * 99 // 100]:.0f} |")
    return rows


def _updates(canary_rate: float, stable_rate: float | None) -> list[float]:
    """Time each update of TRACES judges that watch LOOKS looks, or until a regression."""
    draw = random.Random(1)
    times = []
    for _ in range(TRACES):
        usual = stable_rate or canary_rate
        history = [(_bad(draw, STABLE_REQUESTS, usual), STABLE_REQUESTS) for _ in range(LOOKS)]
        judge = CountJudge(0.01, 1.0, history, acceptable_rate=0.02)
        canary_total = CANARY_REQUESTS if stable_rate else CANARY_REQUESTS + STABLE_REQUESTS
        stable_total = STABLE_REQUESTS if stable_rate else 0
        for _ in range(LOOKS):
            canary_bad = _bad(draw, canary_total, canary_rate)
            stable_bad = _bad(draw, stable_total, stable_rate or 0)
            began = time.process_time_ns()
            judge.update(canary_bad, canary_total, stable_bad, stable_total)
            times.append((time.process_time_ns() - began) / 1000)
            if judge.regression_look:
                break
    return times


def _bad(draw: random.Random, requests: int, rate: float) -> int:
    return sum(draw.random() < rate for _ in range(requests))
