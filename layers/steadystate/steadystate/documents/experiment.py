"""The experiment document: a steady-state hypothesis, a method, guardrails."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from steadystate.documents.fields import (
    Amount,
    BoundField,
    Document,
    Duration,
    Language,
    Name,
    Selection,
    SliName,
    quoted,
)

ACTIONS: dict[str, tuple[str | None, str | None]] = {
    "aws:ec2:terminate-instances": ("aws:ec2:instance", "Instances"),
    "aws:ec2:stop-instances": ("aws:ec2:instance", "Instances"),
    "aws:ec2:reboot-instances": ("aws:ec2:instance", "Instances"),
    "aws:ecs:stop-task": ("aws:ecs:task", "Tasks"),
    "aws:ecs:task-cpu-stress": ("aws:ecs:task", "Tasks"),
    "aws:ecs:task-kill-process": ("aws:ecs:task", "Tasks"),
    "aws:ecs:task-network-blackhole-port": ("aws:ecs:task", "Tasks"),
    "aws:ecs:task-network-latency": ("aws:ecs:task", "Tasks"),
    "aws:ecs:task-network-packet-loss": ("aws:ecs:task", "Tasks"),
    "aws:ssm:send-command": ("aws:ec2:instance", "Instances"),
    "aws:rds:reboot-db-instances": ("aws:rds:db", "DBInstances"),
    "aws:fis:wait": (None, None),
}
"""FIS actions that a method may use: the resource type they act on, and FIS's name for the target.

Source: AWS FIS User Guide, "FIS Actions reference".
"""

LASTING_ACTIONS = frozenset(
    {
        "aws:ecs:task-cpu-stress",
        "aws:ecs:task-network-blackhole-port",
        "aws:ecs:task-network-latency",
        "aws:ecs:task-network-packet-loss",
        "aws:fis:wait",
        "aws:ssm:send-command",
    }
)
"""Actions that FIS gives a duration."""


class ObjectiveDocument(Document):
    """A bound on an indicator; see `steadystate.domain.objectives` for the meaning of each."""

    sli: SliName
    bound: BoundField
    when: Literal["during", "after"] = "during"
    aggregate: Literal["mean", "worst"] = "mean"
    missing: Literal["INCONCLUSIVE", "FAIL"] = "INCONCLUSIVE"
    floor: Amount | None = None


class RecoveryDocument(Document):
    """Recovery within `target` passes. The watch gives up `limit` after the fault's end;
    recovery is proven when the probes were good for `good`."""

    target: Duration = 600.0
    limit: Duration = 900.0
    good: Duration = 30.0

    @model_validator(mode="after")
    def _limit_leaves_room(self) -> Self:
        if self.limit < self.target:
            raise ValueError("limit must be at least target: else a miss could not be seen")
        return self


class BaselineDocument(Document):
    """The history that the run is compared with: the last `duration`, with data in at least
    `minimum_points` periods of each indicator that an objective needs."""

    duration: Duration = 1800.0
    minimum_points: Annotated[int, Field(ge=2, le=1000)] = 5


class ActionDocument(Document):
    """One FIS action. `document` and `parameters` are those of `aws:ssm:send-command`, or the
    action's own parameters; the plan adds ARNs and the duration."""

    action: str
    target: Name | None = None
    select: Selection = "1"
    document: Annotated[str, Field(pattern=r"^AWSFIS-[A-Za-z0-9-]+$")] | None = None
    parameters: dict[str, str] = {}
    duration: Duration | None = None
    start_after: list[Name] = []

    @model_validator(mode="after")
    def _fits_its_action(self) -> Self:
        if self.action not in ACTIONS:
            raise ValueError(
                f"action {quoted(self.action)} is not known; "
                f"allowed are {', '.join(sorted(ACTIONS))}"
            )
        if (ACTIONS[self.action][0] is None) != (self.target is None):
            raise ValueError(f"{self.action} takes {'a' if self.target is None else 'no'} target")
        if (self.duration is None) != (self.action not in LASTING_ACTIONS):
            raise ValueError(
                f"{self.action} takes {'a' if self.duration is None else 'no'} duration"
            )
        if (self.document is None) != (self.action != "aws:ssm:send-command"):
            raise ValueError("document is for aws:ssm:send-command, which needs one (AWSFIS-…)")
        return self


class GuardrailDocument(Document):
    """Stop at once when the last `points` points all miss the bound, or no data for too long."""

    sli: SliName
    bound: BoundField
    points: Annotated[int, Field(ge=1, le=1000)] = 1
    missing_after: Duration = 300.0


class Experiment(Document):
    """One experiment on one workload. `language` is that of its reports; `weight` is what it counts
    for in the workload's resilience score, beside 1 for every other."""

    document: Literal["steadystate/experiment/v1"]
    name: Name
    description: Annotated[str, Field(max_length=2000)] = ""
    workload: Name
    language: Language = "en"
    weight: Annotated[float, Field(ge=0, le=100)] = 1.0
    baseline: BaselineDocument = BaselineDocument()
    objectives: Annotated[dict[Name, ObjectiveDocument], Field(min_length=1, max_length=50)]
    recovery: RecoveryDocument = RecoveryDocument()
    method: Annotated[dict[Name, ActionDocument], Field(min_length=1, max_length=10)]
    guardrails: Annotated[dict[Name, GuardrailDocument], Field(max_length=20)] = {}

    @model_validator(mode="after")
    def _order_can_be_kept(self) -> Self:
        done: set[str] = set()
        while len(done) < len(self.method):
            ready = {
                n for n, a in self.method.items() if n not in done and done >= {*a.start_after}
            }
            if not ready:
                stuck = ", ".join(sorted(self.method.keys() - done))
                raise ValueError(
                    f"method: start_after of {stuck} names no action, or goes in a ring"
                )
            done |= ready
        return self
