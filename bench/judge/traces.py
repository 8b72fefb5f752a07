"""Random canaries: bad requests a minute on each side, and stable's history before."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOOKS = 60
HISTORY_LOOKS = 60
CANARY_REQUESTS = 100
STABLE_REQUESTS = 900
INCIDENT = slice(20, 30)
INCIDENT_FACTOR = 10
SEED = 20_260_101

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """One situation. Rates are shares of bad requests; `start_look` is when the canary goes bad.

    coefficient_of_variation: of the gamma noise that multiplies each side's rate, each minute anew.
    """

    name: str
    rate: float
    bad_rate: float | None = None
    start_look: int = 0
    coefficient_of_variation: float = 0.0
    incident: bool = False

    @property
    def healthy(self) -> bool:
        return self.bad_rate is None


ROWS = (
    Row("A/A 0.1 %", 0.001),
    Row("A/A 1 %", 0.01),
    Row("A/A 0.1 %, shared 10x incident", 0.001, incident=True),
    Row("A/A 0.1 %, overdispersed", 0.001, coefficient_of_variation=1.0),
    Row("A/A 1 %, overdispersed", 0.01, coefficient_of_variation=1.0),
    Row("A/A 1 %, overdispersed, incident", 0.01, coefficient_of_variation=1.0, incident=True),
    Row("0.1 -> 1 %", 0.001, 0.01),
    Row("1 -> 5 %", 0.01, 0.05),
    Row("0.1 -> 1 % at minute 20", 0.001, 0.01, 20),
    Row("1 -> 5 % at minute 20", 0.01, 0.05, 20),
    Row("0.1 -> 1 %, overdispersed", 0.001, 0.01, coefficient_of_variation=1.0),
    Row("1 -> 5 %, overdispersed", 0.01, 0.05, coefficient_of_variation=1.0),
)


@dataclass(frozen=True, slots=True)
class Traces:
    """Bad requests, one trace a line and one look a column."""

    canary: Counts
    stable: Counts
    history: Counts


def draw(row: Row, traces: int) -> Traces:
    """The row's traces; the same for every rule and every run."""
    rng = np.random.default_rng([SEED, ROWS.index(row)])
    stable_rate = np.full(LOOKS, row.rate)
    if row.incident:
        stable_rate[INCIDENT] *= INCIDENT_FACTOR
    canary_rate = stable_rate.copy()
    if row.bad_rate is not None:
        canary_rate[row.start_look :] = row.bad_rate

    def counts(requests: int, rate: NDArray[np.float64]) -> Counts:
        rates = np.tile(rate, (traces, 1))
        if row.coefficient_of_variation:
            variance = row.coefficient_of_variation**2
            rates = rates * rng.gamma(1 / variance, variance, rates.shape)
        return rng.binomial(requests, np.minimum(rates, 1.0))

    return Traces(
        canary=counts(CANARY_REQUESTS, canary_rate),
        stable=counts(STABLE_REQUESTS, stable_rate),
        history=counts(STABLE_REQUESTS, np.full(HISTORY_LOOKS, row.rate)),
    )
