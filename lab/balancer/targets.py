"""The targets of one target group: who may get a request, who is draining. No input or output."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lab.balancer.health import DRAINING, NOT_IN_USE, UNCHECKED, CheckResult, Health, observe
from lab.balancer.model import Target, TargetGroup
from lab.balancer.routing import SmoothWeighted

_SLOW_START_FLOOR = 0.1
_UNCHECKED_STATES = frozenset({"draining", "unused"})


@dataclass
class TargetState:
    """Times are monotonic seconds. `exchanges` counts requests and tunnels under way."""

    target: Target
    health: Health = field(default_factory=Health)
    exchanges: int = 0
    healthy_since: float | None = None
    draining_until: float | None = None


class GroupTargets:
    """Registered and draining targets of a group, and the round robin over those that serve."""

    def __init__(self, group: TargetGroup) -> None:
        self.group = group
        self.states: dict[Target, TargetState] = {}
        self._turn: SmoothWeighted[Target] = SmoothWeighted()

    def apply(
        self, group: TargetGroup, registered: Iterable[Target], *, in_use: bool, now: float
    ) -> bool:
        """Take over what the account says: new targets start, missing ones start to drain.

        Whether any target's published health changed.
        """
        before = {target: state.health.state for target, state in self.states.items()}
        self.group = group
        wanted = set(registered)
        for target in wanted:
            state = self.states.get(target)
            if state is None or state.draining_until is not None:
                exchanges = state.exchanges if state else 0
                self.states[target] = state = TargetState(target, exchanges=exchanges)
            self._settle(state, in_use=in_use, now=now)
        for target, state in self.states.items():
            if target not in wanted and state.draining_until is None:
                state.health = DRAINING
                state.draining_until = now + group.deregistration_delay_seconds
                state.healthy_since = None
        return before != {target: state.health.state for target, state in self.states.items()}

    def to_check(self) -> list[Target]:
        """The targets whose health is to be checked."""
        if not self.group.health_check.enabled:
            return []
        return [s.target for s in self.states.values() if s.health.state not in _UNCHECKED_STATES]

    def _settle(self, state: TargetState, *, in_use: bool, now: float) -> None:
        if not in_use:
            state.health, state.healthy_since = NOT_IN_USE, None
        elif not self.group.health_check.enabled:
            state.health = UNCHECKED
            state.healthy_since = now if state.healthy_since is None else state.healthy_since
        elif state.health.state == "unused":
            state.health = Health()

    def observe(self, target: Target, result: CheckResult, now: float) -> bool:
        """Take in a health check; whether the published health changed."""
        state = self.states.get(target)
        if state is None or state.health.state in _UNCHECKED_STATES:
            return False
        before = state.health
        state.health = observe(before, result, self.group.health_check)
        if state.health.state != "healthy":
            state.healthy_since = None
        elif state.healthy_since is None:
            state.healthy_since = now
        return (before.state, before.reason, before.description) != (
            state.health.state,
            state.health.reason,
            state.health.description,
        )

    def choose(self, now: float) -> Target | None:
        """The target of the next request; None when there is none to send to.

        When no target is healthy, the unhealthy ones get the requests (an ALB fails open).
        """
        serving = [s for s in self.states.values() if s.health.state == "healthy"]
        if not serving:
            serving = [s for s in self.states.values() if s.health.state == "unhealthy"]
        return self._turn.choose([(s.target, self._share(s, now)) for s in serving])

    def _share(self, state: TargetState, now: float) -> float:
        """Relative share of requests: rises linearly while the target starts slowly."""
        duration = self.group.slow_start_seconds
        if duration <= 0 or state.healthy_since is None:
            return 1.0
        return min(1.0, max(_SLOW_START_FLOOR, (now - state.healthy_since) / duration))

    def drained(self, now: float) -> list[Target]:
        """Forget the draining targets that are done or out of time; returns those."""
        done = [
            state.target
            for state in self.states.values()
            if state.draining_until is not None
            and (state.exchanges == 0 or now >= state.draining_until)
        ]
        for target in done:
            del self.states[target]
        return done

    def count(self, health: str) -> int:
        return sum(state.health.state == health for state in self.states.values())
