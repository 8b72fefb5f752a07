"""Workloads over their runs, for reports of trends."""

from steadystate.domain.trend import Trend, trend_of
from steadystate.domain.verdict import Verdict
from tests.domain.records import NOW, objective, record


def usual_trend() -> Trend:
    """Three scenarios over two months; one got worse, and one was never judged."""
    runs = []
    for week in range(9):
        slow = 40.0 if week == 0 else 9.0 + week % 3
        runs.append(
            record(
                7 * week,
                scenario="bank-instance-loss",
                recovery=(slow - 0.4, slow),
                objectives=(objective(4.4 - 0.1 * (week % 2)), objective(120.0, name="latency")),
            )
        )
    failed = {0: Verdict.FAIL, 3: Verdict.INCONCLUSIVE, 5: Verdict.ERROR}
    for week in range(0, 9, 1):
        verdict = failed.get(week, Verdict.PASS)
        margin = -3.5 if verdict is Verdict.FAIL else 4.2
        kept = objective(margin, verdict=verdict)
        runs.append(record(7 * week + 2, verdict, scenario="bank-latency", objectives=(kept,)))
    runs.append(record(1, Verdict.INCONCLUSIVE, scenario="bank-cpu-stress", recovery=(None, None)))
    return trend_of("bank", runs, NOW)
