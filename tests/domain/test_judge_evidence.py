"""The evidence of CountJudge is an e-value, and it is the formula of docs/judging.md."""

import math
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadystate.domain.judge import (
    BET_WEIGHTS,
    BETS,
    GRID,
    KAPPAS,
    STAKED_AT_START,
    CountJudge,
    NoisyShare,
)

ALPHA = 0.01
LINE = 1 / ALPHA


def judge_with(kappa: float) -> CountJudge:
    return CountJudge.from_state(CountJudge(ALPHA, 1).state() | {"kappa": kappa})


def binomial(bad: int, total: int, share: float) -> float:
    return float(math.comb(total, bad) * share**bad * (1 - share) ** (total - bad))


def hypergeometric(bad: int, both_bad: int, canary_total: int, stable_total: int) -> float:
    ways = math.comb(canary_total, bad) * math.comb(stable_total, both_bad - bad)
    return ways / math.comb(canary_total + stable_total, both_bad)


def negative_binomial(bad: int, mean: float, kappa: float) -> float:
    a = 1 / kappa
    log = math.lgamma(bad + a) - math.lgamma(a) - math.lgamma(bad + 1)
    return math.exp(log + bad * math.log(mean / (a + mean)) - a * math.log1p(mean / a))


# --- the e-value is one ----------------------------------------------------------------------


def share_law(kappa: float, bad: int, both_bad: int, odds: float) -> float:
    """P(bad | both_bad) of a canary like stable: binomial, mixed over the grid of noise."""
    row = NoisyShare(kappa, (0,)).rows[0]
    shares = [2 ** (j / 2) * odds / (1 + 2 ** (j / 2) * odds) for j in GRID]
    return sum(p * binomial(bad, both_bad, s) for p, s in zip(row, shares, strict=True))


@settings(max_examples=40, deadline=None)
@given(
    trace=st.lists(
        st.tuples(st.integers(0, 7), st.integers(7, 300), st.integers(7, 2000)),
        min_size=1,
        max_size=3,
    ),
    kappa=st.sampled_from(KAPPAS),
)
def test_the_expected_evidence_of_a_canary_like_stable_never_exceeds_one(
    trace: list[tuple[int, int, int]], kappa: float
) -> None:
    """Every outcome of up to three looks, with any traffic on either side, weighed exactly."""
    laws = [
        [share_law(kappa, bad, n, canary / stable) for bad in range(n + 1)]
        for n, canary, stable in trace
    ]
    expected = 0.0
    for counts in product(*(range(n + 1) for n, _, _ in trace)):
        judge = judge_with(kappa)
        probability = 1.0
        for bad, law, (n, canary, stable) in zip(counts, laws, trace, strict=True):
            judged = judge.update(bad, canary, n - bad, stable)
            probability *= law[bad]
        expected += probability * judged.evidence
    assert expected <= 1 + 1e-9


@pytest.mark.parametrize("both_bad", [1, 2, 3, 4, 6, 10])
def test_without_noise_the_evidence_is_a_martingale_until_it_reaches_the_line(
    both_bad: int,
) -> None:
    laws = [binomial(bad, both_bad, 0.1) for bad in range(both_bad + 1)]
    wealth = 0.0
    for bad, probability in enumerate(laws):
        judge = judge_with(0)
        judge.update(bad, 100, both_bad - bad, 900)
        wealth += probability * (judge.wealth if both_bad > 4 else min(judge.wealth, LINE))
    assert wealth == pytest.approx(1, abs=1e-9)


def probability(bad: int, mean: float, kappa: float) -> float:
    if kappa:
        return negative_binomial(bad, mean, kappa)
    return math.exp(bad * math.log(mean) - mean - math.lgamma(bad + 1))


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("rate", [0.0003, 0.001, 0.003, 0.01])
@pytest.mark.parametrize("known_kappa", [0.03, 0.25, 1.0, 4.0])
def test_noise_on_both_sides_gives_no_evidence_on_average(
    noisy: bool, rate: float, known_kappa: float
) -> None:
    """All counts that come up, on both sides, whether there is the noise reckoned with or none."""
    kappa = known_kappa if noisy else 0.0
    law = NoisyShare(known_kappa, (0, *BETS))
    canary_law, stable_law = (
        [probability(bad, mean, kappa) for bad in range(int((10 * kappa + 3) * mean + 12))]
        for mean in (rate * 100, rate * 900)
    )
    expected, total = [0.0] * len(BETS), 0.0
    for (bad, p), (stable_bad, q) in product(enumerate(canary_law), enumerate(stable_law)):
        if p * q > 1e-9:
            null, *bets = law.likelihoods(bad, bad + stable_bad, 1 / 9)
            expected = [e + p * q * bet / null for e, bet in zip(expected, bets, strict=True)]
            total += p * q
    assert total > 0.999
    assert max(expected) < 1


@pytest.mark.parametrize("both_bad", [1, 2, 3, 4, 5, 12])
def test_where_many_requests_are_bad_the_evidence_stays_an_e_value(both_bad: int) -> None:
    """Requests are finite: given both sides' sum, the canary's share is hypergeometric."""
    for canary, stable in [(12, 12), (12, 30), (20, 15)]:
        expected = 0.0
        for first, second in product(range(both_bad + 1), repeat=2):
            judge = judge_with(0)
            judge.update(first, canary, both_bad - first, stable)
            judged = judge.update(second, canary, both_bad - second, stable)
            expected += (
                judged.evidence
                * hypergeometric(first, both_bad, canary, stable)
                * hypergeometric(second, both_bad, canary, stable)
            )
        assert expected <= 1 + 1e-9


def test_a_canary_that_does_better_earns_less_evidence_than_one_like_stable() -> None:
    def expected(ratio: float) -> float:
        share = ratio * 100 / (ratio * 100 + 900)
        total = 0.0
        for bad in range(9):
            judge = judge_with(0.25)
            judge.update(bad, 100, 8 - bad, 900)
            total += binomial(bad, 8, share) * judge.wealth
        return total

    assert expected(0.25) < expected(0.5) < expected(1) <= 1


@settings(max_examples=30, deadline=None)
@given(
    both_bad=st.integers(1, 4),
    stakes=st.lists(st.floats(0.01, 9), min_size=11, max_size=11),
    odds=st.floats(0.02, 3),
    kappa=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_a_boost_raises_the_stakes_by_just_what_the_line_gives_up(
    both_bad: int, stakes: list[float], odds: float, kappa: float
) -> None:
    law = NoisyShare(kappa, (0, *BETS))
    factor = law.boost(stakes, both_bad, odds, LINE)
    expected, reached = 0.0, False
    for bad in range(both_bad + 1):
        likelihoods = [
            sum(
                p * binomial(bad, both_bad, r * odds / (1 + r * odds))
                for p, r in zip(row, (2 ** (j / 2) for j in GRID), strict=True)
            )
            for row in law.rows
        ]
        staked = sum(s * v for s, v in zip(stakes, likelihoods, strict=True))
        reached |= factor * staked >= LINE * likelihoods[0] * (1 - 1e-12)
        expected += min(factor * staked, LINE * likelihoods[0])
    assert factor >= 1
    assert expected <= sum(stakes) * (1 + 1e-9)
    if reached:
        assert expected == pytest.approx(sum(stakes), rel=1e-9)


# --- it is the formula -------------------------------------------------------------------------


def test_without_noise_the_evidence_is_the_mixture_of_binomial_likelihood_ratios() -> None:
    judge = judge_with(0)
    judged = judge.update(3, 100, 5, 900)
    ratios = [2 ** (k / 2) for k in range(1, 11)]
    weights = [10, 18, 24, 28, 30, 30, 28, 24, 18, 10]
    by_hand = 0.45
    for ratio, weight in zip(ratios, weights, strict=True):
        share = ratio * 0.1 / (ratio * 0.1 + 0.9)
        by_hand += 0.55 * weight / 220 * binomial(3, 8, share) / binomial(3, 8, 0.1)
    assert judged.evidence == pytest.approx(by_hand, rel=1e-12)
    # 0.45 + 0.55 · mean of (share / 0.1)^3 ((1 - share) / 0.9)^5, worked out to 40 digits apart
    assert judged.evidence == pytest.approx(3.3335126698618678, rel=1e-12)


def test_with_noise_each_ratio_is_spread_over_the_grid() -> None:
    law = NoisyShare(0.5, (0, 4))
    null, bet = law.likelihoods(6, 11, 0.2)

    def by_hand(shift: int) -> float:
        density = {j: math.cosh((j - shift) * math.log(2) / 4) ** -4 for j in GRID}
        total = sum(density.values())
        return sum(
            p / total * binomial(6, 11, 0.2 * 2 ** (j / 2) / (1 + 0.2 * 2 ** (j / 2)))
            for j, p in density.items()
        )

    assert bet / null == pytest.approx(by_hand(4) / by_hand(0), rel=1e-12)


def test_the_reserve_is_staked_evenly_for_thirty_looks_and_never_runs_out() -> None:
    judge = judge_with(0)
    judge.update(0, 100, 0, 900)
    reserves = [judge.reserve]
    for _ in range(2000):
        judge.update(0, 100, 0, 900)
        reserves.append(judge.reserve)
    staked = [before - after for before, after in pairwise(reserves)]
    assert staked[:29] == pytest.approx([0.45 / 49 * 1] * 29, rel=1e-9)
    assert reserves[-1] > 0
    assert judge.wealth == pytest.approx(1)


def test_the_bets_share_what_is_staked_at_the_start() -> None:
    assert sum(BET_WEIGHTS) == pytest.approx(1)
    assert sum(CountJudge(ALPHA, 1).stakes) == pytest.approx(STAKED_AT_START)
