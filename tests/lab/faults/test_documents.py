"""FIS documents as the lab reads them."""

import json

import pytest

from lab.faults.documents import Disturbance, read_document
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
