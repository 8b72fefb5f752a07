"""Recovery, held against outages whose truth is known."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadystate.domain.recovery import (
    MISS_PROBABILITY,
    Recovery,
    Tick,
    find_outage,
    good_seconds_after,
    measure,
    probes_to_see,
)
from steadystate.domain.verdict import Verdict
from tests.domain.outages import (
    INJECTED_AT,
    Fails,
    Prober,
    full,
    holds,
    one_of_three,
    share,
    tick,
)


def measured(ticks: list[Tick], *, target: float = 600.0, good: float = 15.0) -> Recovery:
    return measure(ticks, injected_at=INJECTED_AT, target_seconds=target, good_seconds=good)


def holds_truth(recovery: Recovery, start: float, end: float) -> bool:
    fault, breach = recovery.from_fault, recovery.from_breach
    assert fault is not None
    assert breach is not None
    return holds(fault.low, end, fault.high) and holds(breach.low, end - start, breach.high)


def width(recovery: Recovery) -> float:
    assert recovery.from_fault is not None
    assert recovery.from_breach is not None
    assert recovery.from_fault.high is not None
    assert recovery.from_breach.high is not None
    return max(
        recovery.from_fault.high - recovery.from_fault.low,
        recovery.from_breach.high - recovery.from_breach.low,
    )


of_outages = given(
    start=st.floats(0, 20),
    length=st.floats(1, 60),
    phase=st.floats(0, 1),
    gap=st.floats(0, 0.5),
)


@given(
    start=st.floats(0, 20),
    length=st.floats(0.5, 60),
    phase=st.floats(0, 1),
    gap=st.floats(0, 1.5),
    rate=st.sampled_from([1, 5, 20]),
)
def test_a_full_outage_lies_in_the_interval(
    start: float, length: float, phase: float, gap: float, rate: int
) -> None:
    prober = Prober(rate=rate, gap=gap, phase=phase)
    ticks = prober.ticks(full((start, start + length)))
    if any(t.failed for t in ticks):
        assert holds_truth(measured(ticks), start, start + length)


@of_outages
def test_what_customers_felt_did_not_begin_before_the_fault(
    start: float, length: float, phase: float, gap: float
) -> None:
    ticks = Prober(gap=gap, phase=phase).ticks(one_of_three(start, start + length))
    recovery = measured(ticks)
    assert recovery.from_fault is not None
    assert recovery.from_breach is not None
    assert recovery.from_fault.high is not None
    assert recovery.from_breach.high is not None
    assert recovery.from_breach.high <= recovery.from_fault.high + 1e-6


@of_outages
def test_a_third_of_requests_failing_in_turn_lies_in_an_interval_of_two_seconds(
    start: float, length: float, phase: float, gap: float
) -> None:
    prober = Prober(gap=gap, phase=phase)
    recovery = measured(prober.ticks(one_of_three(start, start + length)))
    assert holds_truth(recovery, start, start + length)
    assert width(recovery) <= 2.0 + 2 * gap


@pytest.mark.parametrize(("probability", "length"), [(1 / 3, 8.0), (1 / 3, 40.0), (0.1, 40.0)])
def test_an_outage_by_chance_lies_in_the_interval_as_often_as_is_claimed(
    probability: float, length: float
) -> None:
    draw, runs, missed, begins_late = random.Random(7), 400, 0, 0
    for seed in range(runs):
        start = draw.uniform(0, 5)
        prober = Prober(phase=draw.random(), gap=draw.uniform(0, 0.5))
        ticks = prober.ticks(share(start, start + length, probability, seed), lasting=80)
        missed += not holds_truth(measured(ticks), start, start + length)
        outage = find_outage(ticks, INJECTED_AT)
        assert outage is not None
        began = outage.first_failed_at - outage.blur_before_seconds
        begins_late += began > INJECTED_AT + start + 1e-6
    assert missed / runs <= 0.01  # claimed are two edges of 0.1 % each
    assert begins_late / runs <= 0.01


def test_the_interval_of_a_third_by_chance_is_at_most_two_seconds_wide_as_a_rule() -> None:
    draw = random.Random(8)
    widths = []
    for seed in range(100):
        ticks = Prober(phase=draw.random()).ticks(share(2, 14, 1 / 3, seed), lasting=60)
        widths.append(width(measured(ticks)))
    assert sorted(widths)[50] <= 2.0
    assert max(widths) <= 4.0


def test_two_outages_recover_at_the_end_of_the_last() -> None:
    recovery = measured(Prober().ticks(full((1, 4), (20, 26))))
    assert holds_truth(recovery, 1, 26)
    assert width(recovery) <= 2.0


def test_an_outage_wholly_within_a_gap_is_no_breach_and_one_across_it_is_held() -> None:
    prober = Prober(window=5, gap=2.0)
    assert measured(prober.ticks(full((2.1, 2.9)))).first_breach_at is None
    assert holds_truth(measured(prober.ticks(full((1.5, 4.9)))), 1.5, 4.9)


def test_no_breach_is_no_impact_and_says_how_long_an_outage_could_have_hidden() -> None:
    recovery = measured(Prober().ticks(full()))
    assert recovery.verdict is Verdict.PASS
    assert recovery.first_breach_at is None
    assert recovery.from_fault is not None
    assert recovery.from_fault.low == 0.0
    assert recovery.from_fault.high is not None
    assert recovery.from_fault.high <= 1.0, "all of it fails, so that the next probe shows it"
    assert "no impact" in recovery.reason


def test_a_short_outage_of_a_third_that_no_probe_met_lies_in_the_interval() -> None:
    draw = random.Random(5)
    unseen = 0
    for seed in range(1000):
        length = draw.uniform(0.0, 0.6)
        ticks = Prober(phase=draw.random()).ticks(share(0, length, 1 / 3, seed), lasting=30)
        recovery = measure(
            ticks, injected_at=INJECTED_AT, target_seconds=600, good_seconds=15, struck_share=1 / 3
        )
        if recovery.first_breach_at is None:
            unseen += 1
            assert recovery.from_fault is not None
            assert recovery.from_fault.high is not None
            assert length <= recovery.from_fault.high <= 2.0
    assert unseen > 50, "else nothing was tested"


def test_too_few_probes_to_see_an_outage_of_a_small_share_prove_nothing() -> None:
    recovery = measure(
        Prober().ticks(full(), lasting=20),
        injected_at=INJECTED_AT,
        target_seconds=600,
        good_seconds=15,
        struck_share=0.01,
    )
    assert recovery.verdict is Verdict.INCONCLUSIVE


def test_failures_before_the_fault_are_not_its_breach() -> None:
    recovery = measured(Prober().ticks(full((-9, -3))))
    assert recovery.verdict is Verdict.PASS
    assert recovery.first_breach_at is None


def test_a_service_that_never_recovers_fails_once_its_target_has_passed() -> None:
    ticks = Prober().ticks(full((1, 10_000)), lasting=100)
    assert measured(ticks, target=60).verdict is Verdict.FAIL
    late = measured(ticks, target=600)
    assert late.verdict is Verdict.INCONCLUSIVE
    for recovery in (measured(ticks, target=60), late):
        assert recovery.recovered_at is None
        assert recovery.from_fault is not None
        assert recovery.from_fault.high is None
        assert recovery.from_fault.low > 90


@pytest.mark.parametrize(
    ("end", "verdict"),
    [(29.0, Verdict.PASS), (30.02, Verdict.INCONCLUSIVE), (31.5, Verdict.FAIL)],
)
def test_a_target_within_the_interval_is_inconclusive(end: float, verdict: Verdict) -> None:
    ticks = Prober(gap=0).ticks(full((1, end)))
    recovery = measured(ticks, target=30.0)
    assert recovery.verdict is verdict


@given(seed=st.integers(0, 10_000), target=st.floats(1, 60), end=st.floats(2, 60))
def test_pass_and_fail_are_never_said_against_the_truth(
    seed: int, target: float, end: float
) -> None:
    prober = Prober(phase=random.Random(seed).random())
    verdict = measured(prober.ticks(one_of_three(1, end)), target=target).verdict
    if verdict is Verdict.PASS:
        assert end <= target + 1e-6
    if verdict is Verdict.FAIL:
        assert end >= target - 1e-6


@pytest.mark.parametrize(
    "ticks",
    [
        [],
        [tick(INJECTED_AT - 5, 20)],
        [tick(INJECTED_AT + n, 0) for n in range(60)],
    ],
)
def test_no_probe_after_the_fault_is_never_a_pass(ticks: list[Tick]) -> None:
    assert measured(ticks).verdict is Verdict.INCONCLUSIVE


def test_no_fault_is_never_a_pass() -> None:
    ticks = Prober().ticks(full())
    recovery = measure(ticks, injected_at=None, target_seconds=60, good_seconds=5)
    assert recovery.verdict is Verdict.INCONCLUSIVE
    assert recovery.from_fault is None


def test_seconds_in_which_nothing_was_sent_prove_no_recovery() -> None:
    broken = [tick(INJECTED_AT + n, 1, [INJECTED_AT + n]) for n in range(5)]
    silent = [tick(INJECTED_AT + n, 0) for n in range(5, 60)]
    assert measured(broken + silent).verdict is Verdict.INCONCLUSIVE
    assert measured([tick(INJECTED_AT, 20), *silent]).verdict is Verdict.INCONCLUSIVE


def test_a_failure_of_the_very_last_probe_is_no_recovery_however_little_good_is_asked() -> None:
    last = [tick(INJECTED_AT + 1, 20, [INJECTED_AT + 1.953])]
    assert measured(last, good=0.01).verdict is Verdict.INCONCLUSIVE


def test_too_short_a_watch_proves_neither_recovery_nor_its_absence() -> None:
    for fails in (full(), full((1, 5))):
        ticks = Prober(gap=0).ticks(fails, lasting=10)
        assert measured(ticks, good=15).verdict is Verdict.INCONCLUSIVE


@given(
    failed=st.integers(1, 10_000),
    good=st.integers(0, 10_000),
)
def test_probes_to_see_are_the_fewest_that_are_rarely_all_missed(failed: int, good: int) -> None:
    sent = failed + good
    needed, missing = probes_to_see(failed, sent), 1 - failed / (sent + 1)
    assert missing**needed <= MISS_PROBABILITY * (1 + 1e-9)
    assert needed == 1 or missing ** (needed - 1) > MISS_PROBABILITY * (1 - 1e-9)


_TICKS = st.lists(
    st.tuples(st.floats(0.2, 3), st.integers(0, 20), st.lists(st.floats(0, 0.99), max_size=20)),
    max_size=60,
)


@given(steps=_TICKS, good=st.floats(0.001, 60), target=st.floats(0.001, 600))
def test_whatever_was_probed_the_measure_is_ordered_and_honest(
    steps: list[tuple[float, int, list[float]]], good: float, target: float
) -> None:
    at, ticks = INJECTED_AT - 10, []
    for step, sent, failures in steps:
        at += max(1.0, step)
        ticks.append(tick(at, sent, sorted(at + f for f in failures[:sent])))
    recovery = measured(ticks, target=target, good=good)
    probed = sum(t.sent for t in ticks if t.at + 1 > INJECTED_AT)
    if recovery.verdict is Verdict.PASS:
        assert probed > 0
        assert recovery.from_fault is not None
        assert recovery.from_fault.high is not None
        assert recovery.from_fault.high <= target
    for interval in (recovery.from_fault, recovery.from_breach):
        if interval is not None:
            assert interval.low >= 0
            assert interval.high is None or interval.high >= interval.low
    outage = find_outage(ticks, INJECTED_AT)
    assert good_seconds_after(ticks, outage, INJECTED_AT) >= 0
    if outage is not None:
        assert outage.blur_before_seconds >= 0
        assert outage.blur_after_seconds >= 0


def test_the_balancers_of_these_tests_fail_as_they_say() -> None:
    """The tests above rest on the simulation, so it is looked at too."""

    def failed(fails: Fails) -> float:
        ticks = Prober(gap=0).ticks(fails, before=0, lasting=60)
        return sum(t.failed for t in ticks) / sum(t.sent for t in ticks)

    assert failed(full((0, 30))) == pytest.approx(0.5, abs=0.02)
    assert failed(one_of_three(0, 60)) == pytest.approx(1 / 3, abs=0.02)
    assert failed(share(0, 60, 1 / 3, 1)) == pytest.approx(1 / 3, abs=0.05)
