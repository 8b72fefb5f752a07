"""FIS documents as the lab reads them."""

import json

import pytest

from lab.faults.documents import Disturbance, Kill, read_document, read_task_action
from lab.faults.errors import ActionFailedError

SOURCES = "arn:aws:ssm:ap-northeast-2::document/AWSFIS-Run-Network-Latency-Sources"


def slowed(sources: str) -> Disturbance:
    parameters = {
        "DelayMilliseconds": "300",
        "DurationSeconds": "60",
        "Sources": sources,
        "TrafficType": "egress",
    }
    disturbance = read_document(SOURCES, json.dumps(parameters))
    assert isinstance(disturbance, Disturbance)
    return disturbance


def test_latency_towards_the_balancers_networks_spares_what_the_instance_opens_itself() -> None:
    network = slowed("10.20.0.0/24, 10.20.1.0/24").network
    assert network is not None
    assert network.from_balancer_only
    assert network.latency_seconds == pytest.approx(0.3)


def test_latency_towards_all_slows_the_way_to_the_database_too() -> None:
    network = slowed("ALL").network
    assert network is not None
    assert not network.from_balancer_only


def test_a_source_that_is_no_network_fails_the_action_and_is_named() -> None:
    with pytest.raises(ActionFailedError, match=r"Sources.*10\.20\.0\.0/99"):
        slowed("10.20.0.0/99")


def test_an_action_inside_tasks_does_what_its_document_does() -> None:
    latency = read_task_action(
        "aws:ecs:task-network-latency",
        {
            "duration": "PT1M",
            "delayMilliseconds": "300",
            "useEcsFaultInjectionEndpoints": "true",
        },
    )
    assert isinstance(latency, Disturbance)
    assert latency.network is not None
    assert (latency.duration_seconds, latency.network.latency_seconds) == (60, 0.3)
    assert not latency.network.from_balancer_only
    loss = read_task_action(
        "aws:ecs:task-network-packet-loss", {"duration": "PT30S", "lossPercent": "20"}
    )
    assert isinstance(loss, Disturbance)
    assert loss.network is not None
    assert loss.network.loss == pytest.approx(0.2)
    stress = read_task_action("aws:ecs:task-cpu-stress", {"duration": "PT5S", "percent": "40"})
    assert isinstance(stress, Disturbance)
    assert stress.steal == pytest.approx(0.4)
    kill = read_task_action("aws:ecs:task-kill-process", {"processName": "chat"})
    assert kill == Kill("chat", "SIGTERM")
    port = {"duration": "PT5S", "port": "6379", "trafficType": "egress"}
    blackhole = read_task_action("aws:ecs:task-network-blackhole-port", port)
    assert isinstance(blackhole, Disturbance)
    assert blackhole.network is not None
    assert blackhole.network.blackhole_port == 6379


@pytest.mark.parametrize(
    ("action", "parameters", "problem"),
    [
        ("aws:ecs:task-network-packet-loss", {"sources": "DYNAMODB"}, "sources ALL only"),
        (
            "aws:ecs:task-network-latency",
            {"duration": "PT5S", "sources": "DYNAMODB"},
            "Sources.*DYNAMODB",
        ),
        ("aws:ecs:task-cpu-stress", {}, "duration"),
        ("aws:ecs:task-cpu-stress", {"duration": "PT5S", "load": "4"}, "load is not known"),
        ("aws:ecs:task-cpu-stress", {"duration": "a minute"}, "duration"),
    ],
)
def test_what_an_action_inside_tasks_cannot_do_here_fails_it_and_is_named(
    action: str, parameters: dict[str, str], problem: str
) -> None:
    with pytest.raises(ActionFailedError, match=problem):
        read_task_action(action, parameters)
