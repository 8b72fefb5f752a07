"""The health state machine and the targets of a group, without any network."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lab.balancer.health import CheckResult, Health, observe
from lab.balancer.model import HealthCheck, Target, TargetGroup
from lab.balancer.targets import GroupTargets

PASS, FAIL = CheckResult(200), CheckResult(503)
thresholds = st.integers(2, 10)


def check(healthy: int = 2, unhealthy: int = 2) -> HealthCheck:
    return HealthCheck(healthy_threshold=healthy, unhealthy_threshold=unhealthy)


def after(results: list[bool], settings: HealthCheck) -> list[str]:
    health = Health()
    states: list[str] = []
    for passed in results:
        health = observe(health, PASS if passed else FAIL, settings)
        states.append(health.state)
    return states


@given(st.lists(st.booleans(), max_size=80), thresholds, thresholds)
def test_the_state_is_that_of_the_last_run_of_results_as_long_as_its_threshold(
    results: list[bool], healthy: int, unhealthy: int
) -> None:
    states = after(results, check(healthy, unhealthy))
    for end in range(1, len(results) + 1):
        expected = "initial"
        for stop in range(end, 0, -1):
            if stop >= healthy and all(results[stop - healthy : stop]):
                expected = "healthy"
                break
            if stop >= unhealthy and not any(results[stop - unhealthy : stop]):
                expected = "unhealthy"
                break
        assert states[end - 1] == expected


def test_one_check_is_enough_where_the_threshold_is_one() -> None:
    assert after([True, False, True], check(1, 1)) == ["healthy", "unhealthy", "healthy"]


def test_the_reason_says_how_the_last_check_failed() -> None:
    def reason(result: CheckResult) -> tuple[str, str]:
        health = observe(Health(), result, check(1, 1))
        return health.reason, health.description

    assert reason(CheckResult(503)) == (
        "Target.ResponseCodeMismatch",
        "Health checks failed with these codes: [503]",
    )
    assert reason(CheckResult(None, "timeout"))[0] == "Target.Timeout"
    assert reason(CheckResult(None, "connection"))[0] == "Target.FailedHealthChecks"


def test_the_matcher_decides_which_codes_pass() -> None:
    settings = replace(check(1, 1), codes=frozenset({200, 301}))
    assert observe(Health(), CheckResult(301), settings).state == "healthy"
    assert observe(Health(), CheckResult(302), settings).state == "unhealthy"


TARGETS = [Target(f"i-{n}", 80) for n in range(4)]


class GroupMachine(RuleBasedStateMachine):
    """Registers, drains and checks targets in any order."""

    @initialize(slow_start=st.sampled_from([0.0, 30.0]))
    def start(self, slow_start: float) -> None:
        self.now = 0.0
        self.settings = TargetGroup(
            "arn", check(), deregistration_delay_seconds=60, slow_start_seconds=slow_start
        )
        self.group = GroupTargets(self.settings)
        self.registered: set[Target] = set()
        self.busy: list[Target] = []

    @rule(registered=st.sets(st.sampled_from(TARGETS)), in_use=st.booleans())
    def apply(self, registered: set[Target], in_use: bool) -> None:
        self.registered = registered
        self.group.apply(self.settings, registered, in_use=in_use, now=self.now)

    @rule(of=st.sampled_from(TARGETS), passed=st.booleans(), times=st.integers(1, 3))
    def check(self, of: Target, passed: bool, times: int) -> None:
        for _ in range(times):
            self.group.observe(of, PASS if passed else FAIL, self.now)

    @rule(seconds=st.floats(0, 50))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def begin_request(self) -> None:
        target = self.group.choose(self.now)
        if target:
            self.group.states[target].exchanges += 1

    @rule(of=st.sampled_from(TARGETS))
    def end_request(self, of: Target) -> None:
        state = self.group.states.get(of)
        if state and state.exchanges:
            state.exchanges -= 1

    @rule()
    def forget_drained(self) -> None:
        before = {t: s for t, s in self.group.states.items() if s.draining_until is not None}
        for target in self.group.drained(self.now):
            state = before[target]
            assert target not in self.registered
            assert state.exchanges == 0 or self.now >= (state.draining_until or 0)

    @invariant()
    def only_targets_that_may_are_chosen(self) -> None:
        if not hasattr(self, "group"):
            return
        chosen = {self.group.choose(self.now) for _ in range(3 * len(TARGETS))} - {None}
        healths = {t: self.group.states[t].health.state for t in self.registered}
        healthy = {t for t, state in healths.items() if state == "healthy"}
        unhealthy = {t for t, state in healths.items() if state == "unhealthy"}
        assert chosen <= self.registered, "a draining target gets nothing"
        assert chosen <= (healthy or unhealthy), "fails open only when none is healthy"
        assert bool(chosen) == bool(healthy or unhealthy)

    @invariant()
    def every_registered_target_is_known_and_no_other_serves(self) -> None:
        if not hasattr(self, "group"):
            return
        draining = {t for t, s in self.group.states.items() if s.health.state == "draining"}
        assert self.registered | draining == set(self.group.states)
        assert not self.registered & draining
        assert not set(self.group.to_check()) & draining


TestGroup = GroupMachine.TestCase
TestGroup.settings = settings(max_examples=50)


@given(st.floats(1, 100), st.floats(0, 200))
def test_a_target_that_starts_slowly_gets_its_share_in_proportion_to_its_age(
    duration: float, age: float
) -> None:
    group = GroupTargets(TargetGroup("arn", check(1, 1), slow_start_seconds=duration))
    old, new = TARGETS[:2]
    group.apply(group.group, [old], in_use=True, now=-1000)
    group.observe(old, PASS, -1000)
    group.apply(group.group, [old, new], in_use=True, now=0)
    group.observe(new, PASS, 0)
    share = min(1.0, max(0.1, age / duration))
    picks = [group.choose(age) for _ in range(1000)]
    assert abs(picks.count(new) - 1000 * share / (1 + share)) <= 1


def test_health_checks_that_are_off_leave_every_target_serving() -> None:
    settings = TargetGroup("arn", replace(check(), enabled=False))
    group = GroupTargets(settings)
    group.apply(settings, TARGETS[:1], in_use=True, now=0)
    assert group.choose(0) == TARGETS[0]
    assert group.to_check() == []
