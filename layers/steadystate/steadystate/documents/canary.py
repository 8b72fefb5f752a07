"""The canary document: how traffic moves to a new version, and what must hold at each step."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from steadystate.documents.experiment import GuardrailDocument
from steadystate.documents.fields import Amount, Document, Duration, Language, Name, quoted

MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class StepDocument(Document):
    """`weight` percent of traffic for the canary, for `bake`.

    With `approve`, a person must say yes before traffic goes beyond this step. With `experiment`, a
    fault on the canary's side alone must pass at this step (the chaos gate).
    """

    weight: Annotated[int, Field(strict=True, ge=1, le=100)]
    bake: Duration | None = None
    approve: bool = False
    experiment: Name | None = None


def _step(value: Any) -> Any:
    if isinstance(value, (Mapping, StepDocument)):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return {"weight": value}
    raise ValueError(f"{quoted(value)} is no step: write a weight (10) or a mapping with weight")


class JudgeDocument(Document):
    """The rollback test (`steadystate.domain.judge`): with probability `alpha` at most, a canary
    whose rate of bad requests is no more than `margin` times stable's is rolled back."""

    alpha: Annotated[float, Field(strict=True, gt=0, lt=0.5)] = 0.01
    margin: Annotated[float, Field(strict=True, ge=1, le=100)] = 1.0


class PromotionDocument(Document):
    """The promotion test (`steadystate.domain.promotion`), once for each metric and step.

    `acceptable_rate` is the share of bad requests under which a canary is good enough whatever
    stable's is. It decides alone at 100 %, where there is no stable to compare with.
    """

    margin: Annotated[float, Field(strict=True, gt=1, le=100)] = 3.0
    confidence: Annotated[float, Field(strict=True, gt=0.5, lt=1)] = 0.95
    minimum_requests: Annotated[int, Field(strict=True, ge=1, le=10_000_000)] = 100
    acceptable_rate: Amount

    @model_validator(mode="after")
    def _rate_is_a_share(self) -> Self:
        rate = self.acceptable_rate
        if rate.unit != "percent" or not 0 < rate.number < 100:
            written = str(rate).removeprefix("= ")
            raise ValueError(f"acceptable_rate {written} must be a share, as in '1 %'")
        return self


class MetricDocument(Document):
    """What counts as a bad request: an error (5XX, no answer), or one slower than `threshold`."""

    measure: Literal["errors", "slow"]
    threshold: Amount | None = None

    @model_validator(mode="after")
    def _slow_needs_a_threshold(self) -> Self:
        if (self.measure == "slow") != (self.threshold is not None):
            needs = "needs" if self.measure == "slow" else "takes no"
            raise ValueError(f"measure {self.measure} {needs} threshold, as in '500 ms'")
        threshold = self.threshold
        if threshold and (threshold.unit != "milliseconds" or threshold.number <= 0):
            written = str(threshold).removeprefix("= ")
            raise ValueError(f"threshold {written} must be a time over 0, as in '500 ms'")
        return self


class Canary(Document):
    """One canary on one workload.

    `inconclusive` says what happens when a bake ends without the evidence to promote: `hold` asks a
    person and waits up to `hold_limit`, `rollback` goes back. `final_bake` keeps the old side warm
    after the last step, one call away.
    """

    document: Literal["steadystate/canary/v1"]
    name: Name
    description: Annotated[str, Field(max_length=2000)] = ""
    workload: Name
    language: Language = "en"
    weight: Annotated[float, Field(strict=True, ge=0, le=100)] = 1.0
    steps: Annotated[
        list[
            Annotated[
                StepDocument, BeforeValidator(_step, json_schema_input_type=StepDocument | int)
            ]
        ],
        Field(min_length=1, max_length=20),
    ]
    bake: Duration = 600.0
    final_bake: Duration = 600.0
    history: Duration = 3600.0
    inconclusive: Literal["hold", "rollback"] = "rollback"
    hold_limit: Duration = 14_400.0
    judge: JudgeDocument = JudgeDocument()
    promotion: PromotionDocument
    metrics: Annotated[dict[MetricName, MetricDocument], Field(min_length=1, max_length=10)]
    guardrails: Annotated[dict[Name, GuardrailDocument], Field(max_length=20)] = {}

    @model_validator(mode="after")
    def _weights_rise_to_the_end(self) -> Self:
        weights = [step.weight for step in self.steps]
        if any(after <= before for before, after in pairwise(weights)):
            raise ValueError(f"steps: weights must rise, but are {', '.join(map(str, weights))}")
        if weights[-1] != 100:
            raise ValueError(f"steps: the last weight must be 100, but is {weights[-1]}")
        return self
