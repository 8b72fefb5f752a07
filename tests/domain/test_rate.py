"""The e-value of one side's own rate: its mean is at most 1 under what it is evidence against."""

import math

import pytest

from steadystate.domain.rate import likeliest_part, log_rate_evidence

TOTAL, RATE = 200, 0.02
COUNTS = range(3000)


def log_probability(bad: int, mean: float, kappa: float) -> float:
    if kappa == 0:
        return bad * math.log(mean) - mean - math.lgamma(bad + 1)
    a = 1 / kappa
    ways = math.lgamma(bad + a) - math.lgamma(a) - math.lgamma(bad + 1)
    return ways + bad * math.log(mean / (a + mean)) - a * math.log1p(mean / a)


def mean(times: float, kappa: float, rate: float, noise: float) -> float:
    """The mean of the e-value that expects noise kappa, under a true rate and a true noise."""
    part = likeliest_part(times, TOTAL, RATE, kappa)
    return math.fsum(
        math.exp(
            log_probability(bad, rate * TOTAL, noise)
            + log_rate_evidence(bad, TOTAL, RATE, part, kappa)
        )
        for bad in COUNTS
    )


@pytest.mark.parametrize("times", [0.1, 1 / 3, 1.5, 4, 32])
@pytest.mark.parametrize("kappa", [0.0, 0.1, 1.0])
def test_its_mean_is_one_at_the_rate_and_less_where_the_claim_is_more_true(
    times: float, kappa: float
) -> None:
    assert mean(times, kappa, RATE, kappa) == pytest.approx(1, abs=1e-6)
    assert mean(times, kappa, RATE, kappa / 2) <= 1 + 1e-6
    further = RATE * (2 if times < 1 else 0.5)
    assert mean(times, kappa, further, kappa) < 1


@pytest.mark.parametrize("kappa", [0.0, 0.1, 1.0])
def test_no_other_part_grows_faster_when_the_rate_is_what_it_bets_on(kappa: float) -> None:
    def growth(part: float) -> float:
        return math.fsum(
            math.exp(log_probability(bad, 3 * RATE * TOTAL, kappa))
            * log_rate_evidence(bad, TOTAL, RATE, part, kappa)
            for bad in COUNTS
        )

    best = likeliest_part(3, TOTAL, RATE, kappa)
    assert growth(best) > max(growth(best * 0.97), growth(1 + (best - 1) * 0.9))
