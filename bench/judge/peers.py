"""The rules of others, vectorised over traces.

Each rule takes Traces and returns, for each trace, the look (from 1) at which it rolls back, or
NEVER.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.judge.traces import CANARY_REQUESTS, HISTORY_LOOKS, LOOKS, STABLE_REQUESTS, Traces

NEVER = LOOKS + 1
FIRST_RANK_LOOK = 10
RANK_TEST_LEVEL = 0.02
KAYENTA_CONFIDENCE = 0.98
KAYENTA_TOLERANCE = 0.25
ALPHA = 0.01

Looks = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def first(fires: Flags) -> Looks:
    """The first look of each line that is set."""
    return np.where(fires.any(axis=1), fires.argmax(axis=1) + 1, NEVER)


def twice_stable(traces: Traces) -> Flags:
    return traces.canary * STABLE_REQUESTS > 2 * traces.stable * CANARY_REQUESTS


def threshold(traces: Traces) -> Looks:
    """One minute in which the canary's rate is over twice stable's."""
    return first(twice_stable(traces))


def three_in_a_row(traces: Traces) -> Looks:
    """Three such minutes on end: Argo Rollouts and Flagger count failed checks like this."""
    over = twice_stable(traces)
    three = over.copy()
    three[:, :2] = False
    three[:, 2:] &= over[:, 1:-1] & over[:, :-2]
    return first(three)


def exact_test(traces: Traces) -> Looks:
    """One-sided exact binomial test of all counts so far, p < 0.01, repeated every minute."""
    canary = traces.canary.cumsum(axis=1)
    both = canary + traces.stable.cumsum(axis=1)
    share = CANARY_REQUESTS / (CANARY_REQUESTS + STABLE_REQUESTS)
    return first(stats.binom.sf(canary - 1, both, share) < ALPHA)


def two_sided_rank_test(traces: Traces) -> Looks:
    """Rank-sum test of the rates a minute so far, two-sided p < 0.02, from minute 10 on."""
    return _by_look(traces, lambda canary, stable: _rank_test_fires(canary, stable, "two-sided"))


def one_sided_rank_test(traces: Traces) -> Looks:
    """The same, one-sided p < 0.02: a canary that does better is left alone."""
    return _by_look(traces, lambda canary, stable: _rank_test_fires(canary, stable, "greater"))


def _rank_test_fires(canary: Floats, stable: Floats, alternative: str) -> Flags:
    test = stats.mannwhitneyu(canary, stable, axis=1, alternative=alternative, method="asymptotic")
    return np.asarray(test.pvalue < RANK_TEST_LEVEL)


def kayenta(traces: Traces) -> Looks:
    """Kayenta's judge on the rates a minute so far, from minute 10 on.

    As described in Spinnaker's documentation ("How canary judgment works") and configured in its
    NetflixACAJudge: the canary is "High" when the lower end of the 98 % confidence interval of
    the shift (rank-sum test, normal approximation with continuity and tie correction) is above 0.25
    times the Hodges-Lehmann estimate of the shift.
    """
    return _by_look(traces, _kayenta_fires)


def _kayenta_fires(canary: Floats, stable: Floats) -> Flags:
    """The interval's lower end is above the tolerance where the shift by it is still rejected."""
    quantile = stats.norm.ppf(1 - (1 - KAYENTA_CONFIDENCE) / 2)
    fires = rank_sum_z(canary, stable) > quantile
    some = np.flatnonzero(fires)
    if len(some):
        differences = canary[some, :, None] - stable[some, None, :]
        shift = np.median(differences.reshape(len(some), -1), axis=1)
        tolerance = KAYENTA_TOLERANCE * np.abs(shift)
        fires[some] = rank_sum_z(canary[some] - tolerance[:, None], stable[some]) > quantile
    return np.asarray(fires)


def rank_sum_z(canary: Floats, stable: Floats) -> Floats:
    """Standard normal score of the canary's rank sum, line by line; 0 where all are tied."""
    n, m = canary.shape[1], stable.shape[1]
    both = np.concatenate([canary, stable], axis=1)
    lowest = stats.rankdata(both, method="min", axis=1)
    highest = stats.rankdata(both, method="max", axis=1)
    excess = ((lowest + highest) / 2)[:, :n].sum(axis=1) - n * (n + 1) / 2 - n * m / 2
    ties = ((highest - lowest + 1.0) ** 2 - 1).sum(axis=1)
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    safe = np.where(variance > 0, variance, 1.0)
    return np.where(variance > 0, (excess - 0.5 * np.sign(excess)) / np.sqrt(safe), 0.0)


def _by_look(traces: Traces, fires: Callable[[Floats, Floats], Flags]) -> Looks:
    result = np.full(len(traces.canary), NEVER)
    for look in range(FIRST_RANK_LOOK, LOOKS + 1):
        running = np.flatnonzero(result == NEVER)
        canary = traces.canary[running, :look] / CANARY_REQUESTS
        stable = traces.stable[running, :look] / STABLE_REQUESTS
        result[running[fires(canary, stable)]] = look
    return result


def tempered(traces: Traces) -> Looks:
    """Anytime-valid without noise, its logarithm divided by the history's dispersion phi.

    Likelihood ratio of the counts given their sum over 24 ratios from 1.25 to 32; half of the
    weight starts at once, half at a minute of its own.
    """
    share = CANARY_REQUESTS / (CANARY_REQUESTS + STABLE_REQUESTS)
    ratios = np.geomspace(1.25, 32, 24)
    bets = ratios * share / (ratios * share + 1 - share)
    phi = _dispersion(traces)[:, None]
    at_once = np.ones((len(traces.canary), len(ratios)))
    later = np.zeros_like(at_once)
    fires = np.zeros(traces.canary.shape, dtype=bool)
    for look in range(LOOKS):
        canary, stable = traces.canary[:, look, None], traces.stable[:, look, None]
        log = canary * np.log(bets / share) + stable * np.log((1 - bets) / (1 - share))
        gain = np.exp(np.minimum(log / phi, 300))
        at_once = np.minimum(at_once * gain, 1e300)
        later = np.minimum((later + 1 / LOOKS) * gain, 1e300)
        wealth = (at_once + later + 1 - (look + 1) / LOOKS).mean(axis=1) / 2
        fires[:, look] = wealth >= 1 / ALPHA
    return first(fires)


def _dispersion(traces: Traces) -> Floats:
    mean = np.maximum(traces.history.mean(axis=1), 1 / HISTORY_LOOKS)
    kappa = np.maximum(0, (traces.history.var(axis=1, ddof=1) - mean) / mean**2)
    parts = (1 / CANARY_REQUESTS, 1 / STABLE_REQUESTS)
    canary = 1 + kappa * mean * CANARY_REQUESTS / STABLE_REQUESTS
    stable = 1 + kappa * mean
    return np.asarray(np.maximum(1, (canary * parts[0] + stable * parts[1]) / sum(parts)))
