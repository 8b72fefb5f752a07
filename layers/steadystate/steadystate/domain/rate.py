"""What one side's own rate of bad requests shows, where there is no other side to compare with.

Counts are Poisson, with a mean that gamma noise of variance `kappa` multiplies, look by look.
"""

import math


def log_rate_evidence(bad: int, total: int, rate: float, part: float, kappa: float) -> float:
    """ln of one look's e-value: part^bad over its mean at `rate`, a share of bad requests.

    A part under 1 is evidence against "the rate is at least that": a higher one, or less noise,
    only lower it. A part over 1 is evidence against "it is at most that", likewise.
    """
    gain = rate * total * (1 - part)
    return bad * math.log(part) + (math.log1p(kappa * gain) / kappa if kappa else gain)


def likeliest_part(times: float, total: int, rate: float, kappa: float) -> float:
    """The part whose e-value is the likelihood ratio of `times` the rate to the rate itself.

    It is the one that grows fastest when the rate is that many times as high.
    """
    spread = kappa * rate * total
    return times * (1 + spread) / (1 + times * spread)
