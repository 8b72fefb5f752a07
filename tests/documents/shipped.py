"""The documents that ship, as texts and as plain values to be changed."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

SCENARIOS = Path(__file__).parents[2] / "scenarios"
EXPERIMENTS = sorted((SCENARIOS / "experiments").glob("*.yaml"))
WORKLOADS = sorted((SCENARIOS / "workloads").glob("*.yaml"))
CANARIES = sorted((SCENARIOS / "canaries").glob("*.yaml"))
DOCUMENTS = [*EXPERIMENTS, *CANARIES, *WORKLOADS]

PARAMETERS = {
    "load-balancer-arn": "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012:"
    "loadbalancer/app/bank/0123456789abcdef",
    "target-group-arn": "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012:"
    "targetgroup/bank/0123456789abcdef",
    "stable-target-group-arn": "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012:"
    "targetgroup/bank/0123456789abcdef",
    "canary-target-group-arn": "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012:"
    "targetgroup/bank-canary/0123456789abcdef",
    "listener-arn": "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012:"
    "listener/app/bank/0123456789abcdef/0123456789abcdef",
    "auto-scaling-group": "bank-group",
    "database-id": "bank-database",
    "load-balancer-cidrs": "10.0.0.0/16",
    "stop-alarm-arn": "arn:aws:cloudwatch:ap-northeast-2:123456789012:alarm:bank-stop",
    "url": "http://bank.example",
    "health-url": "http://bank.example/health/deep",
    "integrity-url": "http://bank.example/api/integrity",
}
"""What the stack of the workload bank publishes."""

CHAT_PARAMETERS = {
    **{name: value.replace("bank", "chat") for name, value in PARAMETERS.items()},
    "cluster": "chat",
    "blue-service": "chat-blue",
    "green-service": "chat-green",
    "redis-id": "chat-redis",
}
"""What the stack of the workload chat publishes, and more."""


def content(name: str, folder: str = "experiments") -> dict[str, Any]:
    value = yaml.safe_load((SCENARIOS / folder / f"{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(value, dict)
    return value


def changed(document: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The document with the value at a dotted path replaced, or put there."""
    copied = copy.deepcopy(dict(document))
    *above, last = path.split(".")
    place: Any = copied
    for part in above:
        place = place.setdefault(part, {})
    place[last] = value
    return copied


class ShippedLibrary:
    """The port Library on the files that ship."""

    def __init__(self, extra: Mapping[str, str] | None = None) -> None:
        self.extra = dict(extra or {})

    def experiment(self, name: str) -> str | None:
        return self._read("experiments", name)

    def workload(self, name: str) -> str | None:
        return self._read("workloads", name)

    def canary(self, name: str) -> str | None:
        return self._read("canaries", name)

    def blackouts(self) -> str | None:
        return self.extra.get("blackouts")

    def names(self) -> list[str]:
        return [path.stem for path in EXPERIMENTS]

    def canaries(self) -> list[str]:
        return [path.stem for path in CANARIES]

    def _read(self, folder: str, name: str) -> str | None:
        if f"{folder}/{name}" in self.extra:
            return self.extra[f"{folder}/{name}"]
        path = SCENARIOS / folder / f"{name}.yaml"
        return path.read_text(encoding="utf-8") if path.is_file() else None


class PublishedParameters:
    """The port Parameters on values."""

    def __init__(self, values: Mapping[str, str] = PARAMETERS) -> None:
        self.values = dict(values)

    def of(self, workload: str) -> dict[str, str]:
        return {"bank": self.values, "chat": CHAT_PARAMETERS}.get(workload, {})
