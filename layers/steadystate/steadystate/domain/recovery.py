"""Recovery: when did the service break, when was it whole again, and how well is that known?

Recovery time is given twice: from the start of the fault (what the operator did) and from the first
breach (what the customers felt), each as an interval that holds the true value, because every
measurement has a resolution.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from steadystate.domain.verdict import Verdict

MISS_PROBABILITY = 0.001
"""How likely it may be that an outage went on unseen beyond an edge of the interval."""


class Tick(NamedTuple):
    """One second of probing: `sent` requests, evenly spaced, of which `failed` failed.

    Times are epoch seconds at which requests were sent; the two of failures are None without any.
    """

    at: float
    sent: int
    failed: int
    first_failed_at: float | None
    last_failed_at: float | None
    p95_milliseconds: float | None


@dataclass(frozen=True, slots=True)
class Interval:
    """Seconds, as known: at least `low`, at most `high`; `high` is None while it has not ended."""

    low: float
    high: float | None


@dataclass(frozen=True, slots=True)
class Recovery:
    """Recovery as measured. Times are epoch seconds, None where there was no such moment."""

    verdict: Verdict
    target_seconds: float
    injected_at: float | None
    first_breach_at: float | None
    recovered_at: float | None
    from_fault: Interval | None
    from_breach: Interval | None
    resolution_seconds: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Outage:
    """The stretch between the first and the last failed probe.

    `blur_before_seconds` and `blur_after_seconds` say how far the true edges may lie outside it;
    `good_probes` of the `needed_probes` that prove its end have been seen after it.
    """

    first_failed_at: float
    last_failed_at: float
    blur_before_seconds: float
    blur_after_seconds: float
    good_probes: int
    needed_probes: int


def probes_to_see(failed: int, sent: int) -> int:
    """Return how many good probes in a row show that failures are over.

    While a share p of requests fails (one of three instances is gone, say), m probes all miss it
    with probability (1 - p)^m; m is the smallest with at most MISS_PROBABILITY. p is taken as
    failed / (sent + 1), so that few probes count for little.
    """
    return _probes_that_see(failed / (sent + 1))


def _probes_that_see(share: float) -> int:
    if share >= 1.0:
        return 1
    return max(1, math.ceil(math.log(MISS_PROBABILITY) / math.log1p(-share)))


def find_outage(ticks: Sequence[Tick], injected_at: float) -> Outage | None:
    """Return the outage since the fault was injected, or None where no probe failed."""
    since = [t for t in ticks if t.at + 1 > injected_at]
    bad = [t for t in since if t.failed]
    if not bad:
        return None
    first = min(t.first_failed_at for t in bad if t.first_failed_at is not None)
    last = max(t.last_failed_at for t in bad if t.last_failed_at is not None)
    times = _probe_times(ticks)
    sent = max(sum(t.failed for t in bad), sum(first <= at <= last for at in times))
    needed = probes_to_see(sum(t.failed for t in bad), sent)
    before = [at for at in times if at < first][-needed:]
    after = [at for at in times if at > last][:needed]
    return Outage(
        first_failed_at=first,
        last_failed_at=last,
        blur_before_seconds=first - before[0] if before else 0.0,
        # A probe is sent a little after its nominal moment: the last one may lie beyond `times`.
        blur_after_seconds=after[-1] - last if after else 0.0,
        good_probes=len(after),
        needed_probes=needed,
    )


def good_seconds_after(ticks: Sequence[Tick], outage: Outage | None, injected_at: float) -> float:
    """Return for how long the probes have been good in a row, up to the last tick."""
    since = [t for t in ticks if t.at + 1 > injected_at and t.sent > 0]
    if not since:
        return 0.0
    start = outage.last_failed_at if outage else since[0].at
    return max(0.0, since[-1].at + 1 - start)


def measure(
    ticks: Sequence[Tick],
    *,
    injected_at: float | None,
    target_seconds: float,
    good_seconds: float,
    struck_share: float = 1.0,
) -> Recovery:
    """Measure the recovery and judge it against its target.

    `good_seconds` is how long the probes must have been good in a row for recovery to be proven.
    `struck_share` is the share of the targets that the fault hits: an outage of that share may have
    gone on unseen for a few probes even where none failed.
    A recovery that is not proven by the last tick is FAIL when its lower bound is over the target,
    else INCONCLUSIVE; without probes after the fault it is INCONCLUSIVE.
    """
    if injected_at is None:
        return _nothing(target_seconds, None, "no fault was injected")
    since = [t for t in ticks if t.at + 1 > injected_at and t.sent > 0]
    if not since:
        return _nothing(
            target_seconds, injected_at, "no probe was answered or sent after the fault"
        )
    outage = find_outage(ticks, injected_at)
    good = good_seconds_after(ticks, outage, injected_at)
    if outage is None:
        needed = _probes_that_see(struck_share)
        return _no_impact(since, injected_at, target_seconds, good, good_seconds, needed)
    low = max(0.0, outage.last_failed_at - injected_at)
    # What the fault brought about did not begin before it.
    blur_before = min(outage.blur_before_seconds, max(0.0, outage.first_failed_at - injected_at))
    blur = blur_before + outage.blur_after_seconds
    felt = outage.last_failed_at - outage.first_failed_at
    proven = good >= good_seconds and outage.good_probes >= outage.needed_probes
    high = low + outage.blur_after_seconds if proven else None
    seen = (
        f"probes were good for {good:.1f} of {good_seconds:g} s, "
        f"{outage.good_probes} of {outage.needed_probes} needed"
    )
    verdict, reason = _judge(low, high, target_seconds, seen)
    return Recovery(
        verdict=verdict,
        target_seconds=target_seconds,
        injected_at=injected_at,
        first_breach_at=outage.first_failed_at,
        recovered_at=outage.last_failed_at + outage.blur_after_seconds if proven else None,
        from_fault=Interval(low, high),
        from_breach=Interval(felt, felt + blur if proven else None),
        resolution_seconds=outage.blur_after_seconds,
        reason=reason,
    )


def _judge(low: float, high: float | None, target: float, seen: str) -> tuple[Verdict, str]:
    if low > target:
        took = f"at least {low:.1f} s" if high is None else f"{low:.1f} to {high:.1f} s"
        return Verdict.FAIL, f"recovery took {took}, over the target of {target:g} s"
    if high is None:
        return Verdict.INCONCLUSIVE, (
            f"recovery took at least {low:.1f} s and was not proven: {seen}"
        )
    if high > target:
        return Verdict.INCONCLUSIVE, (
            f"recovery took {low:.1f} to {high:.1f} s: the target of {target:g} s lies between"
        )
    return Verdict.PASS, f"recovered {low:.1f} to {high:.1f} s after the fault, target {target:g} s"


def _no_impact(
    since: Sequence[Tick],
    injected_at: float,
    target: float,
    good: float,
    good_needed: float,
    probes_needed: int,
) -> Recovery:
    """Nothing failed: an outage since the fault ended before enough probes could see it."""
    times = [at for at in _probe_times(since) if at >= injected_at]
    if good < good_needed or len(times) < probes_needed:
        reason = (
            f"no probe of {len(times)} failed, but only {good:.1f} of {good_needed:g} s were "
            f"watched, and {probes_needed} probes are needed"
        )
        return _nothing(target, injected_at, reason)
    unseen = times[probes_needed - 1] - injected_at
    verdict = Verdict.PASS if unseen <= target else Verdict.INCONCLUSIVE
    reason = (
        f"no impact: none of {len(times)} probes failed after the fault; "
        f"an outage of less than {unseen:.1f} s could have gone unseen"
    )
    return Recovery(
        verdict=verdict,
        target_seconds=target,
        injected_at=injected_at,
        first_breach_at=None,
        recovered_at=None,
        from_fault=Interval(0.0, unseen),
        from_breach=Interval(0.0, unseen),
        resolution_seconds=unseen,
        reason=reason,
    )


def _nothing(target: float, injected_at: float | None, reason: str) -> Recovery:
    return Recovery(Verdict.INCONCLUSIVE, target, injected_at, None, None, None, None, None, reason)


def _probe_times(ticks: Sequence[Tick]) -> list[float]:
    """Return when each probe was sent: evenly spaced within its second."""
    return [t.at + k / t.sent for t in ticks for k in range(t.sent)]
