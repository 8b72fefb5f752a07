"""Does the canary fail more often than stable? An answer that may be asked after every look.

`CountJudge` holds wealth that bets on "the canary's rate of bad requests is d times stable's" for
ten ratios d. While the canary is no worse than `margin` times stable, the expected wealth never
grows from its start of 1, so it reaches 1/alpha with a probability of at most alpha, however often
one looks (Ville's inequality). Reaching it is a REGRESSION.

- Counts given their sum (Lindon & Malek, arXiv 2011.03567): what moves both sides cancels out.
- Each side's rate is multiplied, look by look, by gamma noise; its variance kappa is read from
  stable's history. The noise lives on a grid of ratios, so that without it the test is the exact
  binomial one.
- A share of the wealth is held back and bets on a regression that starts later, as in the mixtures
  over start times of e-detectors (Shin, Ramdas, Rinaldo, arXiv 2203.03532).
- While the canary has all traffic there is nothing to compare with: each bet is then that its rate
  is d times the acceptable one (`steadystate.domain.rate`). One wealth for both keeps one alpha.
- What a look could win beyond 1/alpha is of no use; it is traded for higher stakes below it
  (Fischer & Ramdas, arXiv 2410.16076).

`docs/judging.md` derives the formulas and shows what they reach.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import mul
from typing import Any, Self

from steadystate.domain.e_value import evidence_text, limit_text
from steadystate.domain.rate import likeliest_part, log_rate_evidence

STATE_SCHEMA = "steadystate/count-judge/v2"

# Ratios lie on a grid of half octaves: 2^(j/2). Bets are on d = margin * 2^(k/2), 1.4 to 32 times.
GRID = range(-11, 17)
BETS = range(1, 11)
BET_WEIGHTS = tuple(k * (11 - k) / 220 for k in BETS)
RATIOS = tuple(2.0 ** (j / 2) for j in GRID)
LOG_RATIOS = tuple(math.log(ratio) for ratio in RATIOS)

# Variances of the noise that multiplies a side's rate in one look; 0 is a pure Poisson process.
KAPPAS = (0.0, 0.03, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
FULL_HISTORY_LOOKS = 60
PURE_POISSON_PRIOR = 0.8

# Share of the wealth that bets from the first look; the rest waits for a later start.
STAKED_AT_START = 0.55
# Above so many bad requests in one look its overshoot is not worth its computation.
BOOST_MAX_BAD = 4
# Wealth is a sum of rounded products: a hair below the line is on the line.
ROUNDING = 1e-9
# No factor of the wealth is above e to this: far beyond any 1/alpha, and no float overflows.
LARGEST_LOG_FACTOR = 300.0
# Below this a likelihood has underflowed; held here, the evidence errs towards too little.
SMALLEST_LIKELIHOOD = 1e-290


class JudgeInputError(ValueError):
    """Counts, settings or a state that cannot be: no verdict is made from them."""


class Decision(StrEnum):
    CONTINUE = "CONTINUE"
    REGRESSION = "REGRESSION"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one look says. `evidence` is the e-value, at most 1/alpha, which decides."""

    decision: Decision
    evidence: float
    looks: int
    reason: str


@dataclass(frozen=True, slots=True)
class Side:
    """Requests of one side, and how many of them were bad."""

    bad: int
    total: int

    def plus(self, other: "Side") -> "Side":
        return Side(self.bad + other.bad, self.total + other.total)

    def __str__(self) -> str:
        share = f" ({100 * self.bad / self.total:.3g} %)" if self.total else ""
        return f"{self.bad} of {self.total}{share}"


def count(value: object, name: str) -> int:
    """`value` as a count; CloudWatch's whole floats count too. Raises JudgeInputError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        raise JudgeInputError(f"{name} must be a whole number, not {value!r}")
    if value < 0:
        raise JudgeInputError(f"{name} must not be negative, but is {value}")
    return int(value)


def side(bad: object, total: object, name: str) -> Side:
    """Checked counts of one side. Raises JudgeInputError."""
    counts = Side(count(bad, f"{name} bad"), count(total, f"{name} total"))
    if counts.bad > counts.total:
        raise JudgeInputError(f"{name}: {counts.bad} bad of {counts.total} requests cannot be")
    return counts


def number(value: object, name: str, low: float, high: float) -> float:
    """`value` as a float with low <= value <= high. Raises JudgeInputError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise JudgeInputError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
    return float(value)


def level(value: object, name: str) -> float:
    """`value` as a probability strictly between 0 and 1. Raises JudgeInputError."""
    checked = number(value, name, 0, 1)
    if checked in (0.0, 1.0):
        raise JudgeInputError(f"{name} must lie between 0 and 1, not on {checked:g}")
    return checked


def numbers(values: Sequence[object], name: str, length: int, *, low: float = 0.0) -> list[float]:
    """`length` finite floats of at least `low`. Raises JudgeInputError."""
    if len(values) != length:
        raise JudgeInputError(f"{name} must hold {length} numbers, not {len(values)}")
    return [number(value, name, low, 1e300) for value in values]


def share_alpha(alpha: float, metrics: Sequence[str]) -> dict[str, float]:
    """Alpha of each metric, so that all together roll a healthy canary back with alpha at most.

    Equal shares: the union bound, valid however the metrics depend on each other.
    """
    if isinstance(metrics, str) or not metrics or len(set(metrics)) != len(metrics):
        raise JudgeInputError(f"metrics must be different names, at least one, not {metrics!r}")
    return dict.fromkeys(metrics, level(alpha, "alpha") / len(metrics))


def noise_weights(history: Sequence[tuple[int, int]]) -> tuple[float, ...]:
    """How likely each of KAPPAS is after stable's `history` of (bad, total) looks.

    Prior: PURE_POISSON_PRIOR on no noise at all once the history has FULL_HISTORY_LOOKS, in
    proportion less for a shorter one, the rest in equal parts: without history a variance of 1.1
    is reckoned with, which costs minutes and no false alarm. Swings that both sides would share
    widen the history too; that errs on the same side.
    """
    looks = [side(bad, total, f"history look {i}") for i, (bad, total) in enumerate(history)]
    looks = [look for look in looks if look.total]
    pure = PURE_POISSON_PRIOR * min(1.0, len(looks) / FULL_HISTORY_LOOKS)
    logs = [math.log(pure) if pure else -math.inf]
    logs += [math.log((1 - pure) / (len(KAPPAS) - 1))] * (len(KAPPAS) - 1)
    bad = sum(look.bad for look in looks)
    if bad:
        rate = bad / sum(look.total for look in looks)
        for i, kappa in enumerate(KAPPAS):
            logs[i] += sum(log_negative_binomial(k.bad, k.total * rate, kappa) for k in looks)
    top = max(logs)
    weights = [math.exp(value - top) for value in logs]
    return tuple(weight / sum(weights) for weight in weights)


def log_negative_binomial(bad: int, mean: float, kappa: float) -> float:
    """ln P(bad) for a Poisson count whose mean is multiplied by gamma noise of variance kappa,
    but for ln(bad!), which is the same for every mean and kappa."""
    if kappa == 0.0:
        return bad * math.log(mean) - mean
    shape = 1 / kappa
    spread = kappa * mean
    return (
        math.lgamma(bad + shape)
        - math.lgamma(shape)
        - shape * math.log1p(spread)
        + bad * math.log(spread / (1 + spread))
    )


def noise_variance(history: Sequence[tuple[int, int]]) -> float:
    """The variance that is reckoned with after stable's `history`: the mean over KAPPAS."""
    return math.fsum(map(mul, KAPPAS, noise_weights(history)))


def _noise_row(kappa: float, shift: int) -> tuple[float, ...]:
    if kappa == 0.0:
        return tuple(float(j == shift) for j in GRID)
    half_log = math.log(2) / 4
    row = [math.cosh((j - shift) * half_log) ** (-2 / kappa) for j in GRID]
    total = sum(row)
    return tuple(value / total for value in row)


class NoisyShare:
    """The law of the canary's bad requests, given those of both sides, under several true ratios.

    Row i belongs to ratio margin * 2^(shifts[i]/2) and gives the probability of each GRID ratio in
    one look. The ratio of two independent gamma noises of shape a = 1/kappa has the density
    cosh(u/2)^(-2a) in its logarithm u; that is log-concave, so that more bad requests on the canary
    are never less evidence.
    """

    __slots__ = ("columns", "rows")

    def __init__(self, kappa: float, shifts: Sequence[int]) -> None:
        self.rows = tuple(_noise_row(kappa, shift) for shift in shifts)
        self.columns = tuple(zip(*self.rows, strict=True))

    def likelihoods(self, bad: int, both_bad: int, odds: float) -> list[float]:
        """Likelihood of each row, all in one unit that drops out of their ratios.

        odds: expected bad requests of the canary over those of stable, at ratio margin.
        """
        log1p = math.log1p
        logs = [
            bad * log_ratio - both_bad * log1p(ratio * odds)
            for log_ratio, ratio in zip(LOG_RATIOS, RATIOS, strict=True)
        ]
        top = max(logs)
        exp = math.exp
        grid = [exp(value - top) for value in logs]
        return [sum(map(mul, row, grid)) for row in self.rows]

    def boost(self, stakes: Sequence[float], both_bad: int, odds: float, line: float) -> float:
        """The factor >= 1 by which all wealth may grow, if what exceeds `line` is given up.

        stakes: the wealth on each row; row 0 is the null hypothesis. With q the null's law
        of the canary's bad requests and W the wealth that each would leave, the factor b solves
        E[min(b W, line)] = E[W] at the first count that reaches the line; any count that is
        chosen keeps E[min(b W, line)] <= E[W], since min(b W, line) is below both parts.
        """
        wealth = sum(stakes)
        null = self.rows[0]
        steps = [ratio * odds for ratio in RATIOS]
        # All bad requests on the canary leave the most wealth. While even that is short of the
        # line no count needs a boost; no row makes it likelier than the largest ratio does.
        all_bad = [(step / (1 + step)) ** both_bad for step in steps]
        if wealth * all_bad[-1] < line * sum(map(mul, null, all_bad)):
            return 1.0
        staked = [sum(map(mul, stakes, column)) for column in self.columns]
        grid = [(1 + step) ** -both_bad for step in steps]
        below = 0.0  # E[W] over the counts below the line
        probability = 0.0  # and their probability
        factor = 1.0
        for bad in range(both_bad + 1):
            ways = math.comb(both_bad, bad)
            chance = ways * sum(map(mul, null, grid))
            share = ways * sum(map(mul, staked, grid))
            if bad:
                factor = max(1.0, (wealth - line * (1 - probability)) / below)
            if factor * share >= line * chance:
                return factor
            below += share
            probability += chance
            grid = list(map(mul, grid, steps))
        return 1.0


class CountJudge:
    """Watches one metric: bad requests of the canary against those of stable.

    alpha: probability at most of a REGRESSION while the canary's rate of bad requests is no more
    than `margin` times stable's and, where it has all traffic, no more than `acceptable_rate`, over
    the whole watch. history: stable's (bad, total) look by look, from before the canary; see
    `noise_weights` for a short one. Without an acceptable rate a canary alone is not judged.
    """

    __slots__ = (
        "acceptable_rate", "alpha", "canary", "kappa", "looks", "margin", "regression_look",
        "reserve", "share_law", "stable", "stakes",
    )  # fmt: skip

    def __init__(
        self,
        alpha: float,
        margin: float,
        history: Sequence[tuple[int, int]] = (),
        acceptable_rate: float | None = None,
    ) -> None:
        self.alpha = level(alpha, "alpha")
        self.acceptable_rate = (
            None if acceptable_rate is None else level(acceptable_rate, "acceptable_rate")
        )
        self.margin = number(margin, "margin", 1, 100)
        self.looks = 0
        self.regression_look: int | None = None
        self.canary = self.stable = Side(0, 0)
        self.stakes = [STAKED_AT_START * weight for weight in BET_WEIGHTS]
        self.reserve = 1 - STAKED_AT_START
        self._take_noise(noise_variance(history))

    def _take_noise(self, kappa: float) -> None:
        self.kappa = kappa
        self.share_law = NoisyShare(kappa, (0, *BETS))

    def update(
        self, canary_bad: int, canary_total: int, stable_bad: int, stable_total: int
    ) -> Judgement:
        """Takes the counts of one look, not running totals. Raises JudgeInputError."""
        canary = side(canary_bad, canary_total, "canary")
        stable = side(stable_bad, stable_total, "stable")
        if self.looks:
            self._stake_reserve()
        self.looks += 1
        self.canary = self.canary.plus(canary)
        self.stable = self.stable.plus(stable)
        both_bad = canary.bad + stable.bad
        if self.regression_look is None:
            if both_bad and canary.total and stable.total:
                self._bet(canary.bad, both_bad, self.margin * canary.total / stable.total)
            elif canary.total and not stable.total and self.acceptable_rate is not None:
                self._bet_alone(canary, self.acceptable_rate)
            if self.wealth >= (1 - ROUNDING) / self.alpha:
                self.regression_look = self.looks
        return self._judgement(canary, stable)

    @property
    def wealth(self) -> float:
        return sum(self.stakes) + self.reserve

    def _stake_reserve(self) -> None:
        """Puts a part of the reserve on a regression that starts with the coming look.

        One part in 20 + |look - 30| gives looks 1 to 30 equal shares and falls off
        with the square of the time after that, without ever running out.
        """
        part = self.reserve / (20 + abs(self.looks - 30))
        self.reserve -= part
        self.stakes = [s + part * w for s, w in zip(self.stakes, BET_WEIGHTS, strict=True)]

    def _bet(self, canary_bad: int, both_bad: int, odds: float) -> None:
        factor = 1.0
        if both_bad <= BOOST_MAX_BAD:
            stakes = (self.reserve, *self.stakes)
            factor = self.share_law.boost(stakes, both_bad, odds, 1 / self.alpha)
        null, *bets = self.share_law.likelihoods(canary_bad, both_bad, odds)
        scale = factor / max(null, SMALLEST_LIKELIHOOD)
        self.stakes = [stake * bet * scale for stake, bet in zip(self.stakes, bets, strict=True)]
        self.reserve *= factor

    def _bet_alone(self, canary: Side, rate: float) -> None:
        for k in BETS:
            part = likeliest_part(2 ** (k / 2), canary.total, rate, self.kappa)
            log = log_rate_evidence(canary.bad, canary.total, rate, part, self.kappa)
            self.stakes[k - 1] *= math.exp(min(log, LARGEST_LOG_FACTOR))

    def _judgement(self, canary: Side, stable: Side) -> Judgement:
        line = 1 / self.alpha
        evidence = line if self.regression_look else min(self.wealth, line)
        if self.regression_look:
            decision = Decision.REGRESSION
            finding = f"e-value reached {limit_text(line)} at look {self.regression_look}"
        else:
            decision = Decision.CONTINUE
            finding = f"e-value {evidence_text(evidence, line)} at look {self.looks}"
        beside = f"against stable {stable} in this look"
        if canary.total and not stable.total and self.acceptable_rate is not None:
            beside = f"in this look, alone, where {100 * self.acceptable_rate:g} % is acceptable"
        reason = (
            f"{finding}: canary {canary} bad {beside}, "
            f"{self.canary} against {self.stable} since the start; "
            f"margin {self.margin:g}, alpha {self.alpha:g}"
        )
        return Judgement(decision, evidence, self.looks, reason)

    def state(self) -> dict[str, Any]:
        """All there is to know, as JSON; `from_state` goes on from it, bit for bit the same."""
        return {
            "schema": STATE_SCHEMA,
            "alpha": self.alpha,
            "margin": self.margin,
            "acceptable_rate": self.acceptable_rate,
            "looks": self.looks,
            "regression_look": self.regression_look,
            "canary": [self.canary.bad, self.canary.total],
            "stable": [self.stable.bad, self.stable.total],
            "reserve": self.reserve,
            "stakes": list(self.stakes),
            "kappa": self.kappa,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The judge that gave this `state()`. Raises JudgeInputError."""
        if state.get("schema") != STATE_SCHEMA:
            raise JudgeInputError(f"not a state of {STATE_SCHEMA}: schema {state.get('schema')!r}")
        try:
            judge = cls(state["alpha"], state["margin"], acceptable_rate=state["acceptable_rate"])
            judge.looks = count(state["looks"], "looks")
            look = state["regression_look"]
            judge.regression_look = None if look is None else count(look, "regression_look")
            judge.canary = side(state["canary"][0], state["canary"][1], "canary")
            judge.stable = side(state["stable"][0], state["stable"][1], "stable")
            judge.reserve = number(state["reserve"], "reserve", 0, 1e300)
            judge.stakes = numbers(state["stakes"], "stakes", len(BETS))
            judge._take_noise(number(state["kappa"], "kappa", 0, KAPPAS[-1]))
        except (KeyError, IndexError, TypeError) as error:
            raise JudgeInputError(f"state of a judge is not complete: {error}") from error
        return judge
