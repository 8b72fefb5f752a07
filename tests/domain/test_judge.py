"""CountJudge: its e-value is one, it is the formula, and it survives a trip through JSON."""

import json
import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadystate.domain.judge import (
    KAPPAS,
    CountJudge,
    Decision,
    JudgeInputError,
    noise_variance,
    noise_weights,
    share_alpha,
)

ALPHA = 0.01
LINE = 1 / ALPHA
QUIET_HISTORY = [(9, 900), (8, 900), (12, 900), (9, 900), (7, 900), (10, 900)] * 10
NOISY_HISTORY = [(0, 900), (27, 900), (3, 900), (9, 900), (1, 900), (14, 900)] * 10

Look = tuple[int, int, int, int]


@st.composite
def looks(draw: st.DrawFn, size: int = 25) -> list[Look]:
    def one() -> Look:
        canary, stable = draw(st.integers(0, 300)), draw(st.integers(0, 2000))
        return (
            draw(st.integers(0, min(canary, 12))), canary,
            draw(st.integers(0, min(stable, 20))), stable,
        )  # fmt: skip

    return [one() for _ in range(draw(st.integers(1, size)))]


@given(looks(12))
@settings(max_examples=20, deadline=None)
def test_a_margin_of_two_is_a_canary_with_twice_the_traffic(trace: list[Look]) -> None:
    doubled, plain = CountJudge(ALPHA, 2, QUIET_HISTORY), CountJudge(ALPHA, 1, QUIET_HISTORY)
    for bad, total, stable_bad, stable_total in trace:
        a = doubled.update(bad, total, stable_bad, stable_total)
        b = plain.update(bad, 2 * total, stable_bad, stable_total)
        assert a.evidence == b.evidence


# --- worse is more -----------------------------------------------------------------------------


@given(looks(10), st.data())
@settings(max_examples=60, deadline=None)
def test_moving_a_bad_request_from_stable_to_the_canary_never_lowers_the_evidence(
    trace: list[Look], data: st.DataObject
) -> None:
    history = data.draw(st.sampled_from([QUIET_HISTORY, NOISY_HISTORY, []]))
    before = CountJudge(ALPHA, 1, history)
    for look in trace[:-1]:
        before.update(*look)
    bad, total, stable_bad, stable_total = trace[-1]
    if before.regression_look or not stable_bad or bad == total:
        return
    worse = CountJudge.from_state(before.state())
    better_evidence = before.update(bad, total, stable_bad, stable_total).evidence
    worse_evidence = worse.update(bad + 1, total, stable_bad - 1, stable_total).evidence
    assert worse_evidence >= better_evidence * (1 - 1e-12)


def test_more_traffic_with_the_same_rates_is_more_evidence() -> None:
    evidence = []
    for scale in (1, 2, 3):
        judge = CountJudge(1e-6, 1, QUIET_HISTORY)
        judged = judge.update(3 * scale, 100 * scale, 9 * scale, 900 * scale)
        evidence.append(judged.evidence)
    assert evidence[0] < evidence[1] < evidence[2]


def test_noise_in_the_history_asks_for_more_proof() -> None:
    def evidence(history: list[tuple[int, int]]) -> float:
        return CountJudge(ALPHA, 1, history).update(6, 100, 9, 900).evidence

    assert evidence(QUIET_HISTORY) > 5 * evidence(NOISY_HISTORY)


def test_a_short_history_asks_for_more_proof_than_a_long_quiet_one() -> None:
    def evidence(looks: int) -> float:
        return CountJudge(ALPHA, 1, QUIET_HISTORY[:looks]).update(6, 100, 9, 900).evidence

    assert evidence(0) < evidence(6) < evidence(60)


def test_noise_is_read_from_the_history() -> None:
    quiet, noisy = noise_weights(QUIET_HISTORY), noise_weights(NOISY_HISTORY)
    assert sum(quiet) == pytest.approx(1)
    assert quiet[0] > 0.9
    assert sum(w for kappa, w in zip(KAPPAS, noisy, strict=True) if 0.5 <= kappa <= 2) > 0.99
    assert noise_weights([])[0] == 0
    assert noise_weights([(0, 900)] * 60)[0] == pytest.approx(0.8)
    assert noise_weights([(0, 900)] * 6)[0] == pytest.approx(0.08)
    assert noise_weights([(0, 0)] * 60) == noise_weights([])
    assert noise_variance(QUIET_HISTORY) < 0.01
    assert 0.5 < noise_variance(NOISY_HISTORY) < 2
    assert noise_variance([]) == pytest.approx(1.126, abs=0.001)


@pytest.mark.parametrize("history", [QUIET_HISTORY, [(0, 900)] * 60])
def test_a_broken_canary_is_found_in_its_first_look(history: list[tuple[int, int]]) -> None:
    for bad in (12, 40, 100):
        judge = CountJudge(ALPHA, 1, history)
        assert judge.update(bad, 100, 0, 900).decision is Decision.REGRESSION


def test_a_broken_canary_is_found_in_four_looks_without_a_history() -> None:
    judge = CountJudge(ALPHA, 1)
    decisions = [judge.update(100, 100, 9, 900).decision for _ in range(4)]
    assert decisions[-1] is Decision.REGRESSION


# --- looks, decisions, reasons --------------------------------------------------------------------


def test_a_clear_regression_is_found_and_stays_found() -> None:
    judge = CountJudge(ALPHA, 1, QUIET_HISTORY)
    found = judge.update(30, 100, 9, 900)
    assert found.decision is Decision.REGRESSION
    assert found.evidence == LINE
    later = judge.update(0, 100, 9, 900)
    assert later.decision is Decision.REGRESSION
    assert later.looks == 2


def alone(bad_shares: list[float], history: list[tuple[int, int]], total: int = 900) -> int | None:
    """The look at which a canary with all traffic is called a regression, where 3 % is allowed."""
    judge = CountJudge(ALPHA, 1, history, 0.03)
    for look, share in enumerate(bad_shares):
        if judge.update(round(share * total), total, 0, 0).decision is Decision.REGRESSION:
            return look
    return None


@pytest.mark.parametrize(("history", "most"), [(QUIET_HISTORY, 1), (NOISY_HISTORY, 15), ([], 15)])
def test_a_canary_alone_is_found_by_the_acceptable_rate_early_and_late(
    history: list[tuple[int, int]], most: int
) -> None:
    for healthy in (0, 25):
        found = alone([0.01] * healthy + [0.2] * 40, history)
        assert found is not None
        assert healthy <= found < healthy + most


def test_a_canary_alone_under_the_acceptable_rate_is_kept() -> None:
    assert alone([0.01, 0.03, 0.02] * 20, QUIET_HISTORY) is None


def test_a_canary_alone_is_not_judged_without_an_acceptable_rate() -> None:
    judge = CountJudge(ALPHA, 1, QUIET_HISTORY)
    judged = judge.update(900, 900, 0, 0)
    assert (judged.decision, judged.evidence) == (Decision.CONTINUE, 1.0)


def test_the_reason_of_a_canary_alone_names_the_acceptable_rate() -> None:
    judge = CountJudge(ALPHA, 1, QUIET_HISTORY, 0.03)
    judge.update(1, 100, 9, 900)
    reason = judge.update(450, 900, 0, 0).reason
    assert "canary 450 of 900 (50 %) bad in this look, alone, where 3 % is acceptable" in reason


def test_the_reason_tells_counts_evidence_and_look() -> None:
    judge = CountJudge(ALPHA, 1, QUIET_HISTORY)
    judge.update(1, 100, 9, 900)
    assert judge.update(30, 100, 8, 900).reason == (
        "e-value reached 100 at look 2: canary 30 of 100 (30 %) bad against stable 8 of 900 "
        "(0.889 %) in this look, 31 of 200 (15.5 %) against 17 of 1800 (0.944 %) since the start; "
        "margin 1, alpha 0.01"
    )


@pytest.mark.parametrize("look", [(0, 0, 5, 900), (3, 100, 0, 0), (0, 0, 0, 0), (0, 9, 0, 90)])
def test_a_look_without_traffic_or_without_bad_requests_changes_no_evidence(look: Look) -> None:
    judge = CountJudge(ALPHA, 1, QUIET_HISTORY)
    before = judge.update(2, 100, 9, 900).evidence
    judged = judge.update(*look)
    assert judged.decision is Decision.CONTINUE
    assert judged.evidence == pytest.approx(before)


@pytest.mark.parametrize("scale", [10**4, 10**7])
def test_counts_of_any_size_are_judged(scale: int) -> None:
    for history in (QUIET_HISTORY, [], NOISY_HISTORY):
        worse = CountJudge(ALPHA, 1, history)
        better = CountJudge(ALPHA, 1, history)
        for _ in range(40):
            bad = worse.update(5 * scale, 100 * scale, 9 * scale, 900 * scale)
            good = better.update(0, 100 * scale, 90 * scale, 900 * scale)
        assert bad.decision is Decision.REGRESSION
        assert good.decision is Decision.CONTINUE
        assert math.isfinite(worse.wealth)
        assert math.isfinite(better.wealth)


def test_alpha_is_shared_by_the_metrics() -> None:
    assert share_alpha(0.01, ["errors", "slow"]) == {"errors": 0.005, "slow": 0.005}
    for wrong in ([], ["errors", "errors"], "errors"):
        with pytest.raises(JudgeInputError):
            share_alpha(0.01, wrong)


# --- state --------------------------------------------------------------------------------------


@given(looks(), st.data())
@settings(max_examples=40, deadline=None)
def test_a_judge_goes_on_from_its_json_bit_for_bit(trace: list[Look], data: st.DataObject) -> None:
    history = data.draw(st.sampled_from([QUIET_HISTORY, NOISY_HISTORY, []]))
    cut = data.draw(st.integers(0, len(trace)))
    whole = CountJudge(ALPHA, 1.5, history)
    parted = CountJudge(ALPHA, 1.5, history)
    for i, look in enumerate(trace):
        if i == cut:
            parted = CountJudge.from_state(json.loads(json.dumps(parted.state())))
        assert parted.update(*look) == whole.update(*look)
    assert parted.state() == whole.state()


def test_a_judge_restored_every_look_ends_up_the_same() -> None:
    whole = restored = CountJudge(ALPHA, 1, NOISY_HISTORY)
    for _ in range(30):
        restored = CountJudge.from_state(json.loads(json.dumps(restored.state())))
        assert restored.update(2, 100, 7, 900) == whole.update(2, 100, 7, 900)


def test_the_state_is_two_dozen_numbers() -> None:
    state = CountJudge(ALPHA, 1, QUIET_HISTORY).state()
    numbers = json.dumps(state).replace("[", " ").replace("]", " ").split(",")
    assert len(numbers) <= 24


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "look",
    [
        (math.nan, 100, 5, 900),
        (1, math.nan, 5, 900),
        (1, 100, math.inf, 900),
        (-1, 100, 5, 900),
        (1, -100, 5, 900),
        (1.5, 100, 5, 900),
        (101, 100, 5, 900),
        (1, 100, 901, 900),
        ("1", 100, 5, 900),
        (True, 100, 5, 900),
        (None, 100, 5, 900),
    ],
)
def test_impossible_counts_are_an_error_and_leave_the_judge_as_it_was(look: Look) -> None:
    judge = CountJudge(ALPHA, 1, QUIET_HISTORY)
    judge.update(1, 100, 5, 900)
    before = judge.state()
    with pytest.raises(JudgeInputError):
        judge.update(*look)
    assert judge.state() == before
    assert issubclass(JudgeInputError, ValueError)


def test_the_error_names_the_side_and_the_count() -> None:
    with pytest.raises(JudgeInputError, match="canary: 7 bad of 5 requests cannot be"):
        CountJudge(ALPHA, 1).update(7, 5, 0, 900)
    with pytest.raises(JudgeInputError, match="stable bad must be a whole number, not nan"):
        CountJudge(ALPHA, 1).update(0, 5, math.nan, 900)  # type: ignore[arg-type]


def test_whole_floats_as_cloudwatch_gives_them_are_counts() -> None:
    floats, ints = CountJudge(ALPHA, 1), CountJudge(ALPHA, 1)
    given_floats = floats.update(3.0, 100.0, 9.0, 900.0)  # type: ignore[arg-type]
    assert given_floats == ints.update(3, 100, 9, 900)


@pytest.mark.parametrize(("alpha", "margin"), [(0, 1), (1, 1), (math.nan, 1), (0.01, 0.5),
                                               (0.01, math.nan), (0.01, math.inf)])  # fmt: skip
def test_settings_that_cannot_be_are_an_error(alpha: float, margin: float) -> None:
    with pytest.raises(JudgeInputError):
        CountJudge(alpha, margin)


@pytest.mark.parametrize("history", [[(3, 2)], [(-1, 2)], [(math.nan, 2)]])
def test_a_history_that_cannot_be_is_an_error(history: list[tuple[int, int]]) -> None:
    with pytest.raises(JudgeInputError, match="history look 0"):
        CountJudge(ALPHA, 1, history)


@pytest.mark.parametrize(
    "change",
    [{"schema": "other"}, {"stakes": [1.0]}, {"reserve": math.nan}, {"kappa": -1}, {"kappa": None},
     {"looks": -1}, {"canary": [2, 1]}, {"stakes": ["1"] * 10}],
)  # fmt: skip
def test_a_state_that_cannot_be_is_an_error(change: dict[str, object]) -> None:
    with pytest.raises(JudgeInputError):
        CountJudge.from_state(CountJudge(ALPHA, 1).state() | change)


def test_a_state_with_a_part_missing_is_an_error() -> None:
    for part in CountJudge(ALPHA, 1).state():
        state = CountJudge(ALPHA, 1).state()
        del state[part]
        with pytest.raises(JudgeInputError):
            CountJudge.from_state(state)


def test_an_update_is_little_work_and_not_more_after_many() -> None:
    """50 microseconds on a quiet machine; counted in calls, which no machine makes slower."""
    judge = CountJudge(ALPHA, 1, QUIET_HISTORY)
    calls = []
    for _ in range(300):
        made: list[str] = []
        sys.setprofile(lambda _, event, __, made=made: made.append(event))
        judge.update(1, 100, 3, 900)
        sys.setprofile(None)
        calls.append(len([event for event in made if event.endswith("call")]))
    assert max(calls) < 500
    assert max(calls[1:]) <= calls[1]
