"""The workload document: the service under test, and how it is seen.

Texts may name the workload's SSM parameters as `${listener-arn}`; the plan fills them in from
`/steadystate/workloads/<name>/`, which the workload's own stack publishes.
"""

from typing import Annotated, Literal

from pydantic import Field

from steadystate.documents.fields import Document, Duration, Name, SliName, Unit


class LoadBalancerSli(Document):
    """An Application Load Balancer's own metrics (CloudWatch, `AWS/ApplicationELB`).

    `error_rate`: 5XX of targets and balancer as a share of requests. `latency`: a percentile of
    TargetResponseTime. `requests`: requests a period.
    """

    source: Literal["load_balancer"]
    measure: Literal["error_rate", "latency", "requests"]
    percentile: Annotated[float, Field(gt=0, lt=100)] = 95.0


class TargetHealthSli(Document):
    """Healthy targets of the target group, read from the load balancer itself at every look."""

    source: Literal["target_health"]


class ProbeSli(Document):
    """What the prober saw, second by second. `latency` is the 95th percentile of a second."""

    source: Literal["probe"]
    measure: Literal["error_rate", "latency"]


class CloudWatchSli(Document):
    """One CloudWatch metric. With `full_scale`, values become a percentage of that number."""

    source: Literal["cloudwatch"]
    namespace: Annotated[str, Field(max_length=255)]
    metric: Annotated[str, Field(max_length=255)]
    dimensions: dict[str, str] = {}
    statistic: Annotated[
        str, Field(pattern=r"^(Average|Sum|Minimum|Maximum|SampleCount|p\d{1,2}(\.\d+)?)$")
    ]
    unit: Unit
    full_scale: Annotated[float, Field(gt=0)] | None = None


class PrometheusSli(Document):
    """An instant query against a Prometheus server that gives one number."""

    source: Literal["prometheus"]
    url: Annotated[str, Field(pattern=r"^(https?://|\$\{)")]
    query: Annotated[str, Field(max_length=2000)]
    unit: Unit


class HttpSli(Document):
    """A number in a JSON answer of the workload, read before the fault and after recovery.

    `field` is the number's key; `observations` is the key of how many things it rests on:
    where that is 0, there is no data.
    """

    source: Literal["http"]
    url: Annotated[str, Field(pattern=r"^(https?://|\$\{)")]
    field: str
    observations: str
    unit: Unit


Sli = Annotated[
    LoadBalancerSli | TargetHealthSli | ProbeSli | CloudWatchSli | PrometheusSli | HttpSli,
    Field(discriminator="source"),
]

_LOAD_BALANCER_UNITS = {"error_rate": "percent", "latency": "milliseconds", "requests": "count"}


def unit_of(sli: Sli) -> str:
    """Return the unit of an indicator's values."""
    if isinstance(sli, (LoadBalancerSli, ProbeSli)):
        return _LOAD_BALANCER_UNITS[sli.measure]
    if isinstance(sli, TargetHealthSli):
        return "count"
    return sli.unit


class Probe(Document):
    """The prober: every second, `requests` GETs spread over the second, through the front door.

    A request fails when it is not answered with `status` within `timeout`.
    """

    url: Annotated[str, Field(pattern=r"^(https?://|\$\{)")]
    requests: Annotated[int, Field(ge=1, le=100)] = 1
    timeout: Annotated[Duration, Field(le=10)] = 2.0
    status: Annotated[int, Field(ge=100, le=599)] = 200


class LoadBalancer(Document):
    """The front door; both are ARNs."""

    arn: str
    target_group: str


class TrafficSplit(Document):
    """Where a canary moves traffic: the ARN of a listener (its default action) or of a listener
    rule, and the ARNs of the two target groups between which it forwards."""

    place: str
    stable: str
    canary: str


class InstancesTarget(Document):
    """The instances of an auto-scaling group."""

    resource: Literal["aws:ec2:instance"]
    auto_scaling_group: str


class DatabaseTarget(Document):
    """A database instance."""

    resource: Literal["aws:rds:db"]
    identifier: str


class TasksTarget(Document):
    """The tasks of an ECS service; `cluster` and `service` are names or ARNs."""

    resource: Literal["aws:ecs:task"]
    cluster: str
    service: str


Target = Annotated[InstancesTarget | DatabaseTarget | TasksTarget, Field(discriminator="resource")]


class Workload(Document):
    """The service under test. `alarms` are CloudWatch alarm ARNs that must be quiet at the start,
    and that FIS itself stops the experiment on."""

    document: Literal["steadystate/workload/v1"]
    name: Name
    description: Annotated[str, Field(max_length=2000)] = ""
    load_balancer: LoadBalancer
    probe: Probe
    targets: Annotated[dict[Name, Target], Field(max_length=20)]
    slis: Annotated[dict[SliName, Sli], Field(min_length=1, max_length=50)]
    alarms: Annotated[list[str], Field(max_length=5)] = []
    traffic: TrafficSplit | None = None
