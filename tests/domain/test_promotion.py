"""PromotionJudge: it promotes on evidence alone, and the evidence is an e-value."""

import json
import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadystate.domain.judge import JudgeInputError, Side
from steadystate.domain.promotion import (
    PromotionDecision,
    PromotionJudge,
    largest_kappa,
    log_ratio_evidence,
)
from steadystate.domain.rate import log_rate_evidence

QUIET_HISTORY = [(9, 900), (8, 900), (12, 900), (9, 900), (7, 900), (10, 900)] * 10
NOISY_HISTORY = [(0, 900), (27, 900), (3, 900), (9, 900), (1, 900), (14, 900)] * 10
PROMOTE, INCONCLUSIVE = PromotionDecision.PROMOTE, PromotionDecision.INCONCLUSIVE


def probability(bad: int, mean: float, kappa: float) -> float:
    if kappa == 0:
        return math.exp(bad * math.log(mean) - mean - math.lgamma(bad + 1))
    a = 1 / kappa
    log = math.lgamma(bad + a) - math.lgamma(a) - math.lgamma(bad + 1)
    return math.exp(log + bad * math.log(mean / (a + mean)) - a * math.log1p(mean / a))


def judged(
    looks: int,
    look: tuple[int, int, int, int],
    acceptable_rate: float | None = None,
    minimum_requests: int = 500,
) -> PromotionJudge:
    judge = PromotionJudge(3, 0.95, minimum_requests, QUIET_HISTORY, acceptable_rate)
    for _ in range(looks):
        judge.update(*look)
    return judge


# --- the rule --------------------------------------------------------------------------------


def test_a_canary_like_stable_is_promoted_when_the_bake_is_over() -> None:
    judge = judged(10, (1, 100, 9, 900))
    assert judge.decide(bake_over=True).decision is PROMOTE
    early = judge.decide(bake_over=False)
    assert early.decision is INCONCLUSIVE
    assert early.reason.startswith("the bake is not over; canary 10 of 1000 (1 %) bad")


def test_the_reason_states_margin_evidence_and_confidence() -> None:
    promotion = judged(10, (1, 100, 9, 900)).decide(bake_over=True)
    assert promotion.needed == pytest.approx(20)
    assert promotion.evidence > 20
    assert promotion.reason == (
        "canary 10 of 1000 (1 %) bad against stable 90 of 9000 (1 %), "
        f"e-value {promotion.evidence:.4g} of 20 for a rate under 3 times stable's "
        "at 95 % confidence"
    )


def test_a_canary_that_had_no_traffic_is_inconclusive_whatever_else() -> None:
    for acceptable_rate in (None, 0.01):
        promotion = judged(100, (0, 0, 9, 900), acceptable_rate).decide(bake_over=True)
        assert promotion.decision is INCONCLUSIVE
        assert "no requests on canary" in promotion.reason


def test_without_any_look_nothing_is_promoted() -> None:
    promotion = judged(0, (0, 0, 0, 0)).decide(bake_over=True)
    assert promotion.decision is INCONCLUSIVE
    assert "no requests on canary; no requests on stable" in promotion.reason


def test_the_minimum_of_requests_holds_for_both_sides() -> None:
    few_canary = judged(20, (1, 100, 9, 900), minimum_requests=2001).decide(bake_over=True)
    assert few_canary.decision is INCONCLUSIVE
    assert "canary had 2000 of at least 2001 requests" in few_canary.reason
    few_stable = judged(20, (9, 900, 1, 100), minimum_requests=2001).decide(bake_over=True)
    assert "stable had 2000 of at least 2001 requests" in few_stable.reason
    assert judged(20, (1, 100, 9, 900), minimum_requests=2000).decide(bake_over=True).decision is (
        PROMOTE
    )


def test_a_canary_at_the_margin_is_not_promoted_however_long_it_bakes() -> None:
    assert judged(500, (3, 100, 9, 900)).decide(bake_over=True).decision is INCONCLUSIVE


def test_two_sides_without_a_bad_request_need_an_acceptable_rate() -> None:
    silent = judged(10, (0, 100, 0, 900)).decide(bake_over=True)
    assert silent.decision is INCONCLUSIVE
    assert "no bad request on either side gives no ratio" in silent.reason
    assert judged(10, (0, 100, 0, 900), 0.01).decide(bake_over=True).decision is PROMOTE
    assert judged(2, (0, 100, 0, 900), 0.01).decide(bake_over=True).decision is INCONCLUSIVE


def test_a_canary_that_is_bad_both_ways_is_not_promoted() -> None:
    assert judged(60, (4, 100, 9, 900), 0.03).decide(bake_over=True).decision is INCONCLUSIVE


def test_noise_in_the_history_asks_for_a_longer_bake() -> None:
    def evidence(history: list[tuple[int, int]]) -> float:
        judge = PromotionJudge(3, 0.95, 100, history)
        for _ in range(10):
            judge.update(1, 100, 9, 900)
        return judge.evidence

    assert largest_kappa(QUIET_HISTORY) <= 0.03
    assert largest_kappa([]) == 4
    assert evidence(QUIET_HISTORY) > 5 * evidence(NOISY_HISTORY) > evidence([])


@pytest.mark.parametrize("acceptable_rate", [None, 0.02])
def test_it_promotes_at_the_look_at_which_the_evidence_is_what_the_confidence_needs(
    acceptable_rate: float | None,
) -> None:
    judge = PromotionJudge(3, 0.95, 1, QUIET_HISTORY, acceptable_rate)
    evidence = []
    for _ in range(60):
        judge.update(1, 100, 9, 900)
        promotion = judge.decide(bake_over=True)
        evidence.append(promotion.evidence)
        assert (promotion.decision is PROMOTE) == (promotion.evidence >= 1 / (1 - 0.95))
    assert min(evidence) < 10
    assert max(evidence) > 30


def test_ratio_and_rate_share_the_evidence_evenly() -> None:
    judge = judged(5, (1, 100, 9, 900), 0.02)
    ratio = judged(5, (1, 100, 9, 900)).evidence
    rates = [math.exp(log) for log in judge.log_rates]
    assert judge.evidence == pytest.approx((ratio + sum(rates) / len(rates)) / 2)


# --- the evidence is an e-value ----------------------------------------------------------------


@pytest.mark.parametrize("kappa", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("rate", [0.001, 0.01])
@pytest.mark.parametrize("known_rate", [0.0, 1.0])
def test_a_canary_at_the_margin_gives_no_evidence_on_average(
    kappa: float, rate: float, known_rate: float
) -> None:
    """With the rate known, and with a rate ten times what was known: a shared incident."""
    expected = 0.0
    canary_mean, stable_mean = 3 * 100 * rate, 900 * rate
    for bad, stable_bad in product(range(60), range(150)):
        weight = probability(bad, canary_mean, kappa) * probability(stable_bad, stable_mean, kappa)
        if weight < 1e-12:
            continue
        now = (bad + stable_bad) / (3 * 100 + 900)
        noise = kappa * max(now, known_rate * rate)
        canary, stable = Side(bad, 100), Side(stable_bad, 900)
        expected += weight * math.exp(log_ratio_evidence(canary, stable, 3, noise))
    assert expected <= 1 + 1e-9
    if kappa == 0:
        assert expected == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("kappa", [0.0, 0.25, 1.0, 4.0])
@pytest.mark.parametrize("part", [1 / 3, 1 / 10])
def test_a_canary_at_the_acceptable_rate_gives_no_evidence_on_average(
    kappa: float, part: float
) -> None:
    for times, limit in ((1.0, 1.0), (1.5, 0.95)):
        expected = sum(
            probability(bad, times * 2.0, kappa)
            * math.exp(log_rate_evidence(bad, 200, 0.01, part, kappa))
            for bad in range(201)
        )
        assert expected <= limit + 1e-9
    less_noise = sum(
        probability(bad, 2.0, kappa / 2) * math.exp(log_rate_evidence(bad, 200, 0.01, part, kappa))
        for bad in range(201)
    )
    assert less_noise <= 1 + 1e-9


def test_without_noise_the_ratio_is_judged_by_two_binomial_laws() -> None:
    evidence = math.exp(log_ratio_evidence(Side(2, 100), Side(20, 900), 3, 0))
    at_margin, alike = 300 / 1200, 100 / 1000
    by_hand = (alike / at_margin) ** 2 * ((1 - alike) / (1 - at_margin)) ** 20
    assert evidence == pytest.approx(by_hand, rel=1e-12)


@given(
    bad=st.integers(0, 20), stable_bad=st.integers(0, 60), kappa=st.floats(0, 4),
    rate=st.floats(0, 0.2), margin=st.floats(1.1, 20),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_one_more_bad_request_on_the_canary_is_less_evidence(
    bad: int, stable_bad: int, kappa: float, rate: float, margin: float
) -> None:
    stable = Side(stable_bad, 900)
    one = log_ratio_evidence(Side(bad, 100), stable, margin, kappa * rate)
    assert log_ratio_evidence(Side(bad + 1, 100), stable, margin, kappa * rate) <= one
    assert math.isfinite(one)


# --- state and bad input -------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(5, 200), st.integers(0, 9), st.integers(9, 999)),
        max_size=12,
    ),
    st.integers(0, 12),
    st.sampled_from([None, 0.01]),
)
@settings(max_examples=40, deadline=None)
def test_a_judge_goes_on_from_its_json_bit_for_bit(
    trace: list[tuple[int, int, int, int]], cut: int, acceptable_rate: float | None
) -> None:
    whole = PromotionJudge(3, 0.95, 100, NOISY_HISTORY, acceptable_rate)
    parted = PromotionJudge(3, 0.95, 100, NOISY_HISTORY, acceptable_rate)
    for i, look in enumerate(trace):
        if i == cut:
            parted = PromotionJudge.from_state(json.loads(json.dumps(parted.state())))
        whole.update(*look)
        parted.update(*look)
    assert parted.state() == whole.state()
    assert parted.decide(bake_over=True) == whole.decide(bake_over=True)


@pytest.mark.parametrize(
    "look",
    [(math.nan, 100, 5, 900), (-1, 100, 5, 900), (1.5, 100, 5, 900), (101, 100, 5, 900)],
)
def test_impossible_counts_are_an_error_and_no_verdict(
    look: tuple[int, int, int, int],
) -> None:
    judge = judged(3, (1, 100, 9, 900))
    before = judge.state()
    with pytest.raises(JudgeInputError):
        judge.update(*look)
    assert judge.state() == before


@pytest.mark.parametrize(
    "settings",
    [(1, 0.95, 100), (3, 1, 100), (3, 0.95, 0), (3, 0.95, 100, [(2, 1)]), (3, 0.95, 9, [], 0),
     (math.nan, 0.95, 100)],
)  # fmt: skip
def test_settings_that_cannot_be_are_an_error(settings: tuple[float, float, int]) -> None:
    with pytest.raises(JudgeInputError):
        PromotionJudge(*settings)


def test_a_state_with_a_part_missing_is_an_error() -> None:
    for part in judged(1, (1, 100, 9, 900)).state():
        state = judged(1, (1, 100, 9, 900)).state()
        del state[part]
        with pytest.raises(JudgeInputError):
            PromotionJudge.from_state(state)


def alone(bad: int, total: int, acceptable_rate: float | None = 0.03) -> PromotionJudge:
    judge = PromotionJudge(3.0, 0.95, 100, [(1, 1000)] * 60, acceptable_rate)
    judge.update(bad, total, 0, 0)
    return judge


def test_a_canary_with_all_traffic_is_promoted_on_its_own_rate() -> None:
    promotion = alone(2, 2000).decide(bake_over=True, alone=True)
    assert promotion.decision is PromotionDecision.PROMOTE
    assert "stable" not in promotion.reason
    assert "under 3 %" in promotion.reason
    beside = alone(2, 2000).decide(bake_over=True)
    assert beside.decision is PromotionDecision.INCONCLUSIVE


def test_a_canary_with_all_traffic_is_not_promoted_without_a_rate_to_hold_it_to() -> None:
    promotion = alone(0, 100_000, None).decide(bake_over=True, alone=True)
    assert promotion.decision is PromotionDecision.INCONCLUSIVE
    assert "state an acceptable rate" in promotion.reason


@pytest.mark.parametrize(("bad", "total"), [(60, 2000), (90, 2000), (0, 50), (0, 0)])
def test_a_canary_with_all_traffic_needs_requests_and_few_bad_ones(bad: int, total: int) -> None:
    promotion = alone(bad, total).decide(bake_over=True, alone=True)
    assert promotion.decision is PromotionDecision.INCONCLUSIVE
