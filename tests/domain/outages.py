"""Outages whose truth is known, and what a prober would have seen of them."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from steadystate.domain.recovery import Tick

INJECTED_AT = 1_000_000.0

Fails = Callable[[float, int], bool]
"""Whether the request sent at a time, the n-th of all, fails."""


@dataclass(frozen=True)
class Prober:
    """`rate` requests a second in windows of `window` seconds, `gap` seconds apart."""

    rate: int = 20
    window: int = 5
    gap: float = 0.3
    phase: float = 0.0

    def ticks(self, fails: Fails, *, before: float = 10.0, lasting: float = 90.0) -> list[Tick]:
        ticks, sent = [], 0
        at, end = INJECTED_AT - before + self.phase, INJECTED_AT + lasting
        while at < end:
            for second in range(self.window):
                start = at + second
                times = [start + k / self.rate for k in range(self.rate)]
                failed = [t for n, t in enumerate(times, sent) if fails(t, n)]
                sent += self.rate
                ticks.append(tick(start, self.rate, failed))
            at += self.window + self.gap
        return ticks


def tick(at: float, sent: int, failed: Sequence[float] = ()) -> Tick:
    return Tick(
        at,
        sent,
        len(failed),
        failed[0] if failed else None,
        failed[-1] if failed else None,
        20.0 if len(failed) < sent else None,
    )


def full(*stretches: tuple[float, float]) -> Fails:
    """Everything fails within the stretches, given in seconds after the fault."""
    return lambda at, _: any(a <= at - INJECTED_AT < b for a, b in stretches)


def one_of_three(start: float, end: float) -> Fails:
    """A round-robin balancer, one of whose three targets does not answer."""
    return lambda at, n: start <= at - INJECTED_AT < end and n % 3 == 0


def share(start: float, end: float, probability: float, seed: int) -> Fails:
    """A random balancer: each request fails by chance."""
    chance = random.Random(seed)

    def fails(at: float, _: int) -> bool:
        return start <= at - INJECTED_AT < end and chance.random() < probability

    return fails


def holds(low: float, value: float, high: float | None) -> bool:
    """Whether an interval holds a value, but for the rounding of floats near a million."""
    return low - 1e-6 <= value <= (math.inf if high is None else high) + 1e-6
