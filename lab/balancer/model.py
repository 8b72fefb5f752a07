"""What the account says about its application load balancers, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_PRIORITY = 1_000_000
"""Priority of the listener's default rule: after every other (AWS allows 1 to 50,000)."""

SUPPORTED_CONDITIONS = frozenset(
    {
        "path-pattern",
        "host-header",
        "http-header",
        "http-request-method",
        "query-string",
        "source-ip",
    }
)


@dataclass(frozen=True)
class Condition:
    """One condition of a rule, met when any of its `values` matches.

    `field` is AWS's name. `http_header` is set for `http-header` only. For `query-string` a
    value is `key=pattern`, or `pattern` alone, which looks at the values of all keys.
    """

    field: str
    values: tuple[str, ...]
    http_header: str = ""


@dataclass(frozen=True)
class Forward:
    """Send to one of `weights`: target group ARN and weight 0 to 999."""

    weights: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class FixedResponse:
    status: int
    content_type: str
    body: str


@dataclass(frozen=True)
class Redirect:
    """The parts may hold `#{protocol} #{host} #{port} #{path} #{query}`, as AWS writes them."""

    status: int
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"


Action = Forward | FixedResponse | Redirect


@dataclass(frozen=True)
class Rule:
    arn: str
    priority: int
    conditions: tuple[Condition, ...]
    action: Action


@dataclass(frozen=True)
class LoadBalancer:
    """A load balancer with the one listener that is served. `rules` are sorted by priority."""

    arn: str
    host: str
    port: int
    rules: tuple[Rule, ...]
    idle_timeout_seconds: float = 60.0

    @property
    def dimension(self) -> str:
        """Value of the metric dimension LoadBalancer, `app/<name>/<id>`."""
        return self.arn.partition(":loadbalancer/")[2]

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port

    def groups(self) -> frozenset[str]:
        """ARNs of the groups that some rule forwards to, whatever the weight."""
        return frozenset(
            arn
            for rule in self.rules
            if isinstance(rule.action, Forward)
            for arn, _ in rule.action.weights
        )


@dataclass(frozen=True)
class HealthCheck:
    """`codes` are the statuses that count as healthy. `port` None is the traffic port."""

    enabled: bool = True
    path: str = "/"
    port: int | None = None
    interval_seconds: float = 30.0
    timeout_seconds: float = 5.0
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    codes: frozenset[int] = frozenset({200})


@dataclass(frozen=True)
class TargetGroup:
    arn: str
    health_check: HealthCheck
    deregistration_delay_seconds: float = 300.0
    slow_start_seconds: float = 0.0

    @property
    def dimension(self) -> str:
        """Value of the metric dimension TargetGroup, `targetgroup/<name>/<id>`."""
        return self.arn.rpartition(":")[2]


@dataclass(frozen=True, order=True)
class Target:
    """An instance id (`i-…`) or an IP address, and a port."""

    id: str
    port: int


@dataclass(frozen=True)
class Snapshot:
    """Everything the account wants at one moment; `registered` by target group ARN."""

    load_balancers: Mapping[str, LoadBalancer] = field(default_factory=dict)
    groups: Mapping[str, TargetGroup] = field(default_factory=dict)
    registered: Mapping[str, frozenset[Target]] = field(default_factory=dict)

    def groups_in_use(self) -> frozenset[str]:
        """ARNs of the groups that some load balancer forwards to."""
        return frozenset(arn for one in self.load_balancers.values() for arn in one.groups())
