"""A target's health as an application load balancer sees it. Pure.

States and reason codes are those of DescribeTargetHealth.
"""

from dataclasses import dataclass, replace
from typing import Literal

from lab.balancer.model import HealthCheck

State = Literal["initial", "healthy", "unhealthy", "draining", "unused"]


@dataclass(frozen=True)
class CheckResult:
    """One health check. `status` is None without an answer; `problem` then says what happened."""

    status: int | None
    problem: Literal["", "timeout", "connection"] = ""


@dataclass(frozen=True)
class Health:
    """`streak` counts equal results in a row: positive passed, negative failed."""

    state: State = "initial"
    reason: str = "Elb.RegistrationInProgress"
    description: str = "Target registration is in progress"
    streak: int = 0


DRAINING = Health(
    "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"
)
NOT_IN_USE = Health(
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
UNCHECKED = Health("healthy", "", "")
"""A target of a group whose health checks are turned off."""


def passed(result: CheckResult, check: HealthCheck) -> bool:
    return result.status in check.codes


def observe(health: Health, result: CheckResult, check: HealthCheck) -> Health:
    """The health after one more check.

    A target that is not healthy becomes healthy after `healthy_threshold` passed checks in a
    row; one that is not unhealthy becomes unhealthy after `unhealthy_threshold` failed ones.
    """
    if passed(result, check):
        streak = max(health.streak, 0) + 1
        if health.state == "healthy" or streak >= check.healthy_threshold:
            return Health("healthy", "", "", streak)
    else:
        streak = min(health.streak, 0) - 1
        if health.state == "unhealthy" or -streak >= check.unhealthy_threshold:
            reason, description = _why(result)
            return Health("unhealthy", reason, description, streak)
    if health.state == "initial":
        return Health(
            "initial", "Elb.InitialHealthChecking", "Initial health checks in progress", streak
        )
    return replace(health, streak=streak)


def _why(result: CheckResult) -> tuple[str, str]:
    if result.status is not None:
        return (
            "Target.ResponseCodeMismatch",
            f"Health checks failed with these codes: [{result.status}]",
        )
    if result.problem == "timeout":
        return "Target.Timeout", "Request timed out"
    return "Target.FailedHealthChecks", "Health checks failed"
