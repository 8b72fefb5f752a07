"""Records of runs, for tests of trends."""

from hypothesis import strategies as st

from steadystate.domain.trend import DAY, ObjectiveRecord, RunRecord
from steadystate.domain.verdict import Verdict

NOW = 1_800_000_000.0


def objective(
    margin: float | None = 4.0,
    *,
    verdict: Verdict = Verdict.PASS,
    limit: float | None = 5.0,
    name: str = "errors",
) -> ObjectiveRecord:
    observed = None if margin is None or limit is None else limit - margin
    return ObjectiveRecord(name, "percent", verdict, observed, limit, margin)


def record(
    days_ago: float = 0.0,
    verdict: Verdict = Verdict.PASS,
    *,
    scenario: str = "bank-latency",
    recovery: tuple[float | None, float | None] = (10.0, 10.5),
    objectives: tuple[ObjectiveRecord, ...] = (),
    weight: float = 1.0,
    workload: str = "bank",
) -> RunRecord:
    ended = NOW - days_ago * DAY
    return RunRecord(
        run_id=f"{scenario}-{days_ago:g}",
        kind="experiment",
        scenario=scenario,
        workload=workload,
        started_at=ended - 100,
        ended_at=ended,
        verdict=verdict,
        reason="because",
        recovery_low_seconds=recovery[0],
        recovery_high_seconds=recovery[1],
        recovery_target_seconds=600.0,
        objectives=objectives,
        weight=weight,
    )


SECONDS = st.floats(0, 1e5)
RECOVERIES = st.one_of(
    st.tuples(SECONDS, SECONDS).map(lambda pair: (min(pair), max(pair))),
    st.tuples(SECONDS, st.none()),
    st.just((None, None)),
)
OBJECTIVES = st.builds(
    objective,
    st.one_of(st.none(), st.floats(-1e6, 1e6)),
    verdict=st.sampled_from(Verdict),
    limit=st.one_of(st.none(), st.floats(0, 1e6)),
    name=st.sampled_from(["errors", "latency"]),
)
RECORDS = st.lists(
    st.builds(
        record,
        st.floats(0, 4000),
        st.sampled_from(Verdict),
        scenario=st.sampled_from(["a", "b", "c"]),
        recovery=RECOVERIES,
        objectives=st.lists(OBJECTIVES, max_size=3, unique_by=lambda o: o.name).map(tuple),
        weight=st.floats(0, 100),
    ),
    max_size=12,
)
