"""May the canary get more traffic? Only on evidence of its own: silence of the judge is none.

`PromotionJudge` promotes when the bake is over, both sides have had their minimum of requests, and
the counts reject "the canary is unacceptable" at the stated confidence. Unacceptable means: its
rate of bad requests is at least `margin` times stable's and, where an acceptable rate is
given, at least that rate too. All else is INCONCLUSIVE.

The evidence is an e-value, so it may be asked for at any time and as often as one likes: an
unacceptable canary reaches 1 / (1 - confidence) with a probability of at most 1 - confidence
(Ville's inequality; Ramdas, Grünwald, Vovk, Shafer, arXiv 2210.01948).

- Ratio: the likelihood ratio of "as good as stable" to "at the margin", look by look given both
  sides' sum, so that shared swings and moving weights cancel out (Lindon & Malek, arXiv
  2011.03567), raised to the power at which gamma noise up to `kappa` leaves its mean at 1.
- Rate: the likelihood ratio of a third, and of a tenth, of the acceptable rate to that rate itself,
  for the same noise.
- With an acceptable rate the evidence is the mean of both: an e-value against a canary that is
  unacceptable both ways. Several metrics need no split: each must be promoted by itself
  (intersection-union test, Berger 1996).

It speaks of the whole bake, taken as of one kind; a late regression is `CountJudge`'s to find.
`docs/judging.md` derives the formulas.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from steadystate.domain.e_value import evidence_text
from steadystate.domain.judge import (
    KAPPAS,
    JudgeInputError,
    Side,
    count,
    level,
    noise_weights,
    number,
    numbers,
    side,
)
from steadystate.domain.rate import likeliest_part, log_rate_evidence

STATE_SCHEMA = "steadystate/promotion-judge/v1"

# The noise that is reckoned with: the smallest that the history says is not exceeded, with this
# probability.
NOISE_QUANTILE = 0.95
# Rates of the canary, as parts of the acceptable one, that the second e-value bets on.
RATE_BETS = (1 / 3, 1 / 10)
LARGEST_LOG = 690.0


def largest_kappa(history: Sequence[tuple[int, int]]) -> float:
    """The variance of noise that stable's history leaves room for."""
    below = 0.0
    for kappa, weight in zip(KAPPAS, noise_weights(history), strict=True):
        below += weight
        if below >= NOISE_QUANTILE:
            return kappa
    return KAPPAS[-1]


def log_ratio_evidence(canary: Side, stable: Side, margin: float, noise: float) -> float:
    """ln of one look's e-value against "the canary's rate is at least margin times stable's".

    noise: kappa times stable's rate of bad requests. With A = margin n_c (1 - e^(a s)) and
    B = n_b (e^(b s) - 1), gamma noise leaves exp(s (a bad_c + b bad_b)) a mean of at most 1 where
    A - B >= noise A B; s is the largest power that does. Without noise it is 1, and the
    e-value the likelihood ratio of two binomial laws.
    """
    odds = canary.total / stable.total
    at_margin = margin * odds
    a = math.log((1 + at_margin) / (1 + odds) / margin)
    b = math.log((1 + at_margin) / (1 + odds))

    def is_safe(power: float) -> bool:
        lost = -margin * canary.total * math.expm1(a * power)
        won = stable.total * math.expm1(b * power)
        return lost - won >= noise * lost * won

    power, unsafe = (1.0, 1.0) if noise == 0.0 else (0.0, 1.0)
    for _ in range(30 if noise else 0):
        middle = (power + unsafe) / 2
        power, unsafe = (middle, unsafe) if is_safe(middle) else (power, middle)
    return power * (a * canary.bad + b * stable.bad)


class PromotionDecision(StrEnum):
    PROMOTE = "PROMOTE"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Promotion:
    """`evidence` is the e-value against an unacceptable canary; `needed` is what promotes."""

    decision: PromotionDecision
    evidence: float
    needed: float
    reason: str


class PromotionJudge:
    """Gathers the evidence of one metric over one bake.

    margin: ratio of the rates that would be too much, over 1. confidence: probability at least
    that an unacceptable canary is not promoted. minimum_requests: on each side. history: as for
    CountJudge. acceptable_rate: share of bad requests under which a canary is good enough
    whatever stable's is; without it, two sides without a bad request prove nothing.
    """

    def __init__(
        self,
        margin: float,
        confidence: float,
        minimum_requests: int,
        history: Sequence[tuple[int, int]] = (),
        acceptable_rate: float | None = None,
    ) -> None:
        self.margin = number(margin, "margin", 1, 100)
        if self.margin == 1.0:
            raise JudgeInputError("margin must be over 1: being no worse at all takes for ever")
        self.confidence = level(confidence, "confidence")
        self.minimum_requests = count(minimum_requests, "minimum_requests")
        if self.minimum_requests == 0:
            raise JudgeInputError("minimum_requests must be at least 1")
        self.acceptable_rate = (
            None if acceptable_rate is None else level(acceptable_rate, "acceptable_rate")
        )
        self.canary = self.stable = Side(0, 0)
        self.log_ratio = 0.0
        self.log_rates = [0.0] * len(RATE_BETS)
        self.kappa = largest_kappa(history)
        self.known = Side(0, 0)
        for bad, total in history:
            self.known = self.known.plus(side(bad, total, "history"))

    def update(
        self, canary_bad: int, canary_total: int, stable_bad: int, stable_total: int
    ) -> None:
        """Takes the counts of one look, not running totals. Raises JudgeInputError."""
        canary = side(canary_bad, canary_total, "canary")
        stable = side(stable_bad, stable_total, "stable")
        self.canary = self.canary.plus(canary)
        self.stable = self.stable.plus(stable)
        if canary.total and stable.total:
            noise = self.kappa * self._rate(canary, stable)
            self.log_ratio += log_ratio_evidence(canary, stable, self.margin, noise)
        if canary.total and self.acceptable_rate is not None:
            total, rate = canary.total, self.acceptable_rate
            for i, times in enumerate(RATE_BETS):
                part = likeliest_part(times, total, rate, self.kappa)
                self.log_rates[i] += log_rate_evidence(canary.bad, total, rate, part, self.kappa)
        self.known = self.known.plus(stable)

    def _rate(self, canary: Side, stable: Side) -> float:
        """Stable's rate of bad requests: as known before this look, or higher if the look is bad.

        The look's own counts are read as if the canary were at the margin.
        """
        now = (canary.bad + stable.bad) / (self.margin * canary.total + stable.total)
        return max(now, self.known.bad / self.known.total if self.known.total else 0.0)

    @property
    def evidence(self) -> float:
        ratio = _exp(self.log_ratio)
        return ratio if self.acceptable_rate is None else (ratio + self.evidence_alone) / 2

    @property
    def evidence_alone(self) -> float:
        """The e-value of the canary's own rate; 0, which proves nothing, without a bound on it."""
        if self.acceptable_rate is None:
            return 0.0
        return sum(_exp(value) for value in self.log_rates) / len(RATE_BETS)

    def decide(self, *, bake_over: bool, alone: bool = False) -> Promotion:
        """PROMOTE when nothing is missing; else INCONCLUSIVE, and the reason names all that is.

        alone: the canary has all traffic, so that there is no stable to compare with; its own rate
        must then be shown to be acceptable.
        """
        needed = 1 / (1 - self.confidence)
        evidence = self.evidence_alone if alone else self.evidence
        missing = self._missing(bake_over=bake_over, alone=alone)
        claim = (
            f"canary {self.canary} bad{'' if alone else f' against stable {self.stable}'}, "
            f"e-value {evidence_text(evidence, needed)} for a rate {self._bound(alone=alone)} "
            f"at {100 * self.confidence:g} % confidence"
        )
        if alone and self.acceptable_rate is None:
            missing.append("no stable to compare with; state an acceptable rate")
        elif evidence < needed:
            what = "the acceptable rate" if alone else "the margin"
            missing.append(f"{what} is not shown yet{self._no_bad_request()}")
        if missing:
            reason = "; ".join([*missing, claim])
            return Promotion(PromotionDecision.INCONCLUSIVE, evidence, needed, reason)
        return Promotion(PromotionDecision.PROMOTE, evidence, needed, claim)

    def _bound(self, *, alone: bool) -> str:
        rate = "" if self.acceptable_rate is None else f"under {100 * self.acceptable_rate:g} %"
        if alone:
            return rate or "that is acceptable"
        return " or ".join(filter(None, [f"under {self.margin:g} times stable's", rate]))

    def _missing(self, *, bake_over: bool, alone: bool) -> list[str]:
        missing = [] if bake_over else ["the bake is not over"]
        sides = [("canary", self.canary), ("stable", self.stable)]
        for name, counts in sides[:1] if alone else sides:
            if not counts.total:
                missing.append(f"no requests on {name}")
            elif counts.total < self.minimum_requests:
                missing.append(
                    f"{name} had {counts.total} of at least {self.minimum_requests} requests"
                )
        return missing

    def _no_bad_request(self) -> str:
        if self.canary.bad or self.stable.bad or self.acceptable_rate is not None:
            return ""
        return ": no bad request on either side gives no ratio; state an acceptable rate"

    def state(self) -> dict[str, Any]:
        """All there is to know, as JSON; `from_state` goes on from it, bit for bit the same."""
        return {
            "schema": STATE_SCHEMA,
            "margin": self.margin,
            "confidence": self.confidence,
            "minimum_requests": self.minimum_requests,
            "acceptable_rate": self.acceptable_rate,
            "canary": [self.canary.bad, self.canary.total],
            "stable": [self.stable.bad, self.stable.total],
            "known": [self.known.bad, self.known.total],
            "kappa": self.kappa,
            "log_ratio": self.log_ratio,
            "log_rates": list(self.log_rates),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The judge that gave this `state()`. Raises JudgeInputError."""
        if state.get("schema") != STATE_SCHEMA:
            raise JudgeInputError(f"not a state of {STATE_SCHEMA}: schema {state.get('schema')!r}")
        try:
            judge = cls(
                state["margin"],
                state["confidence"],
                state["minimum_requests"],
                acceptable_rate=state["acceptable_rate"],
            )
            judge.canary = side(state["canary"][0], state["canary"][1], "canary")
            judge.stable = side(state["stable"][0], state["stable"][1], "stable")
            judge.known = side(state["known"][0], state["known"][1], "known")
            judge.kappa = number(state["kappa"], "kappa", 0, KAPPAS[-1])
            logs = [state["log_ratio"], *state["log_rates"]]
            judge.log_ratio, *judge.log_rates = numbers(
                logs, "log evidence", 1 + len(RATE_BETS), low=-1e300
            )
        except (KeyError, IndexError, TypeError) as error:
            raise JudgeInputError(f"state of a judge is not complete: {error}") from error
        return judge


def _exp(log: float) -> float:
    return math.exp(min(log, LARGEST_LOG))
