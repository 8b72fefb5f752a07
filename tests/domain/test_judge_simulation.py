"""CountJudge on random canaries: few false alarms, few minutes. bench/judge does it at length."""

import math
import random
from statistics import median

import pytest

from steadystate.domain.judge import CountJudge, Decision

CANARY, STABLE, LOOKS = 100, 900, 60
NEVER = LOOKS + 1


def poisson(rng: random.Random, mean: float) -> int:
    """Knuth's method: how many exponential waits fit into the mean."""
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def bad_requests(rng: random.Random, requests: int, rate: float, *, noisy: bool) -> int:
    noise = rng.gammavariate(1, 1) if noisy else 1.0
    return min(requests, poisson(rng, requests * rate * noise))


def first_regression(
    rng: random.Random, stable_rate: float, bad_rate: float, start: int, *, noisy: bool
) -> int:
    history = [(bad_requests(rng, STABLE, stable_rate, noisy=noisy), STABLE) for _ in range(60)]
    judge = CountJudge(0.01, 1, history)
    for look in range(LOOKS):
        canary = bad_requests(rng, CANARY, bad_rate if look >= start else stable_rate, noisy=noisy)
        stable = bad_requests(rng, STABLE, stable_rate, noisy=noisy)
        judged = judge.update(canary, CANARY, stable, STABLE)
        if judged.decision is Decision.REGRESSION:
            return look + 1
    return NEVER


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("rate", [0.001, 0.01])
def test_few_healthy_canaries_are_called_a_regression(rate: float, noisy: bool) -> None:
    """At 1 % each, seven or more of 200 would come up once in two hundred seeds."""
    rng = random.Random(f"healthy {rate} {noisy}")
    found = [first_regression(rng, rate, rate, 0, noisy=noisy) for _ in range(200)]
    assert sum(look <= LOOKS for look in found) <= 6


@pytest.mark.parametrize(
    ("rate", "bad_rate", "start", "most_minutes"),
    [(0.001, 0.01, 0, 6), (0.01, 0.05, 0, 2), (0.001, 0.01, 20, 8), (0.01, 0.05, 20, 4)],
)
def test_a_regression_is_found_in_minutes(
    rate: float, bad_rate: float, start: int, most_minutes: int
) -> None:
    rng = random.Random(f"bad {rate} {start}")
    found = [first_regression(rng, rate, bad_rate, start, noisy=False) for _ in range(200)]
    delays = [look - start for look in found if look > start]
    assert len(delays) >= 195
    assert median(delays) <= most_minutes
    assert max(delays) <= LOOKS - start


@pytest.mark.parametrize("noisy", [False, True])
def test_few_canaries_that_are_alone_and_just_acceptable_are_called_a_regression(
    *, noisy: bool
) -> None:
    rng = random.Random(f"alone {noisy}")
    found = 0
    for _ in range(200):
        history = [(bad_requests(rng, STABLE, 0.01, noisy=noisy), STABLE) for _ in range(60)]
        judge = CountJudge(0.01, 1, history, 0.01)
        for _ in range(LOOKS):
            judged = judge.update(bad_requests(rng, STABLE, 0.01, noisy=noisy), STABLE, 0, 0)
        found += judged.decision is Decision.REGRESSION
    assert found <= 6
