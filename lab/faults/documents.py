"""The SSM documents that FIS provides, with their parameters and defaults.

Source: AWS FIS User Guide, "Use Systems Manager SSM documents with AWS FIS".
"""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.faults.duration import parse_seconds
from lab.faults.errors import ActionFailedError
from lab.interface import NetworkFault, TrafficType


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """A fault that acts on an instance for a while."""

    duration_seconds: float
    network: NetworkFault | None = None
    steal: float = 0.0


@dataclass(frozen=True)
class Kill:
    """A signal to a process, by its name."""

    process: str
    signal: str


class _Parameters:
    """Document parameters; every error names the document and the parameter."""

    def __init__(self, document: str, values: Mapping[str, Any]) -> None:
        self._document = document
        # SSM takes a string or a list of one string.
        self._values = {
            name: value[0] if isinstance(value, list) and value else value
            for name, value in values.items()
        }

    def text(self, name: str, default: str | None = None) -> str:
        value = self._values.get(name, default)
        if value is None:
            raise ActionFailedError(f"{self._document}: parameter {name} is required")
        return str(value)

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise ActionFailedError(
                f"{self._document}: {name} is {value!r}, not one of {', '.join(choices)}"
            )
        return value

    def number(self, name: str, default: str | None = None, *, maximum: float = 1e9) -> float:
        value = self.text(name, default)
        try:
            number = float(value)
        except ValueError:
            raise ActionFailedError(
                f"{self._document}: {name} is {value!r}, not a number"
            ) from None
        if not 0 <= number <= maximum:
            raise ActionFailedError(
                f"{self._document}: {name} is {value}, not between 0 and {maximum:g}"
            )
        return number

    def networks(self, name: str) -> list[str]:
        """A list of networks, or the word ALL."""
        parts = [part.strip() for part in self.text(name).split(",")]
        for part in parts:
            try:
                if part != "ALL":
                    ipaddress.ip_network(part)
            except ValueError as error:
                raise ActionFailedError(f"{self._document}: {name}: {error}") from None
        return parts


def read_document(arn: str, parameters_json: str | None) -> Disturbance | Kill:
    """What a document does with these parameters. Raises ActionFailedError."""
    name = arn.rsplit("/", 1)[-1]
    try:
        values = json.loads(parameters_json or "{}")
    except json.JSONDecodeError as error:
        raise ActionFailedError(f"{name}: documentParameters is no JSON: {error}") from None
    if not isinstance(values, dict):
        raise ActionFailedError(f"{name}: documentParameters is no JSON object")
    parameters = _Parameters(name, values)
    if name == "AWSFIS-Run-Kill-Process":
        return Kill(
            parameters.text("ProcessName"),
            parameters.choice("Signal", ("SIGTERM", "SIGKILL"), "SIGTERM"),
        )
    if name not in _DISTURBANCES:
        raise ActionFailedError(
            f"document {name} is not supported in the lab; it has AWSFIS-Run-Kill-Process, "
            + ", ".join(_DISTURBANCES)
        )
    network, steal = _DISTURBANCES[name](parameters)
    return Disturbance(
        duration_seconds=parameters.number("DurationSeconds"), network=network, steal=steal
    )


def read_task_action(action: str, parameters: Mapping[str, str]) -> Disturbance | Kill:
    """What an FIS action inside ECS tasks does: that of an SSM document, in its own words.

    Source: AWS FIS User Guide, "Amazon ECS actions". Raises ActionFailedError.
    """
    document, names = TASK_ACTIONS[action]
    values = dict(parameters)
    everything = {"sources": "ALL", "flowsPercent": "100%"}
    for name, whole in everything.items():
        if name not in names and values.pop(name, whole) != whole:
            raise ActionFailedError(f"{action}: the lab has {name} {whole} only")
    for name in ("installDependencies", "useEcsFaultInjectionEndpoints", "workers"):
        values.pop(name, None)
    kills = document == "AWSFIS-Run-Kill-Process"
    try:
        seconds = str(parse_seconds(values.pop("duration", "PT0S" if kills else "")))
    except ValueError as error:
        raise ActionFailedError(f"{action}: duration: {error}") from None
    if unknown := values.keys() - names.keys():
        raise ActionFailedError(f"{action}: parameter {', '.join(sorted(unknown))} is not known")
    told = {names[name]: value for name, value in values.items()}
    whole_document = {"DurationSeconds": seconds} | _TASK_DEFAULTS.get(action, {}) | told
    return read_document(document, json.dumps(whole_document))


_TASK_DEFAULTS = {
    "aws:ecs:task-network-blackhole-port": {"Protocol": "tcp"},
    "aws:ecs:task-network-latency": {"Sources": "ALL", "TrafficType": "egress"},
}


TASK_ACTIONS: dict[str, tuple[str, dict[str, str]]] = {
    # action id -> (SSM document, the action's parameter -> the document's)
    "aws:ecs:task-cpu-stress": ("AWSFIS-Run-CPU-Stress", {"percent": "LoadPercent"}),
    "aws:ecs:task-kill-process": (
        "AWSFIS-Run-Kill-Process",
        {"processName": "ProcessName", "signal": "Signal"},
    ),
    "aws:ecs:task-network-blackhole-port": (
        "AWSFIS-Run-Network-Blackhole-Port",
        {"port": "Port", "trafficType": "TrafficType", "protocol": "Protocol"},
    ),
    "aws:ecs:task-network-latency": (
        "AWSFIS-Run-Network-Latency-Sources",
        {
            "delayMilliseconds": "DelayMilliseconds",
            "jitterMilliseconds": "JitterMilliseconds",
            "sources": "Sources",
            "flowsPercent": "FlowsPercent",
        },
    ),
    "aws:ecs:task-network-packet-loss": (
        "AWSFIS-Run-Network-Packet-Loss",
        {"lossPercent": "LossPercent"},
    ),
}


def _cpu_stress(parameters: _Parameters) -> tuple[NetworkFault | None, float]:
    """A stressor shares the processor fairly with the service: it takes half of it at the most."""
    return None, min(0.5, parameters.number("LoadPercent", "100", maximum=100) / 100)


def _latency(parameters: _Parameters) -> tuple[NetworkFault | None, float]:
    return NetworkFault(latency_seconds=parameters.number("DelayMilliseconds", "200") / 1000), 0.0


def _latency_sources(parameters: _Parameters) -> tuple[NetworkFault | None, float]:
    # Everything here has a loopback address; the only other network that a document can name is
    # the load balancer's.
    sources = parameters.networks("Sources")
    parameters.choice("TrafficType", ("egress",), "ingress")
    parameters.choice("FlowsPercent", ("100", "100%"), "100")
    return (
        NetworkFault(
            latency_seconds=parameters.number("DelayMilliseconds", "200") / 1000,
            jitter_seconds=parameters.number("JitterMilliseconds", "10") / 1000,
            from_balancer_only="ALL" not in sources,
        ),
        0.0,
    )


def _packet_loss(parameters: _Parameters) -> tuple[NetworkFault | None, float]:
    return NetworkFault(loss=parameters.number("LossPercent", "7", maximum=100) / 100), 0.0


def _blackhole(parameters: _Parameters) -> tuple[NetworkFault | None, float]:
    traffic: TrafficType = (
        "egress"
        if parameters.choice("TrafficType", ("ingress", "egress"), "ingress") == "egress"
        else "ingress"
    )
    port = int(parameters.number("Port", maximum=65535))
    if parameters.choice("Protocol", ("tcp", "udp")) == "udp":
        return NetworkFault(), 0.0  # nothing in the lab talks UDP: no effect, as on a host
    return NetworkFault(blackhole_port=port, blackhole_traffic=traffic), 0.0


_DISTURBANCES = {
    "AWSFIS-Run-CPU-Stress": _cpu_stress,
    "AWSFIS-Run-Network-Latency": _latency,
    "AWSFIS-Run-Network-Latency-Sources": _latency_sources,
    "AWSFIS-Run-Network-Packet-Loss": _packet_loss,
    "AWSFIS-Run-Network-Blackhole-Port": _blackhole,
}
