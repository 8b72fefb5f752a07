"""Settings of all tests: examples are drawn the same way each time, and are not timed."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "steadystate",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steadystate")
