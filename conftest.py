"""Settings of all tests, those of the workloads too: hypothesis draws the same examples each time,
and does not time them. A machine's speed, or a new example, refuses nobody's change."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "steadystate",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steadystate")
