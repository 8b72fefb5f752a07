"""Instances follow the account; what dies is gone, and replaced as a group replaces it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from lab.compute import manifest
from tests.lab.compute.laboratory import (
    ROOT,
    Laboratory,
    get,
    is_running,
    wait_for,
)


def whats(lab: Laboratory, identifier: str) -> list[str]:
    return [line["what"] for line in lab.truth(identifier)]


def init_of(lab: Laboratory, identifier: str) -> psutil.Process:
    """The instance's init process."""
    for child in psutil.Process(lab.compute.pid).children():
        if any(identifier in part for part in child.cmdline()):
            return child
    raise AssertionError(f"no process of {identifier}")


def wait_replaced(lab: Laboratory, victim: str) -> str:
    """The id of the instance that came instead."""
    before = set(lab.instances())
    running = wait_for(
        lambda: [] if victim in (now := lab.running()) else sorted(now, key=before.__contains__)
    )
    wait_for(lambda: lab.members() == set(running))
    wait_for(lambda: lab.registered() == set(running))
    return running[0]


def test_an_instance_is_launched_started_and_healthy_in_that_order(lab: Laboratory) -> None:
    identifier = next(iter(lab.running()))
    lines = lab.truth(identifier)
    assert [line["what"] for line in lines][:3] == ["launched", "started", "healthy"]
    times = [line["at"] for line in lines]
    assert times == sorted(times)


def test_the_workloads_tables_are_there_and_the_way_to_the_database_is_open(
    lab: Laboratory,
) -> None:
    for url in lab.running().values():
        assert get(f"{url}/database").startswith("(")


def test_services_get_their_environment_and_reach_the_account_through_the_interface(
    lab: Laboratory,
) -> None:
    identifier, url = next(iter(lab.running().items()))
    environment = dict(line.split("=", 1) for line in get(f"{url}/environment").splitlines())
    assert environment["SHOP_INSTANCE"] == identifier
    assert len(environment["SHOP_SECRET"]) > 20
    assert environment["AWS_REGION"] == "ap-northeast-2"
    assert environment["AWS_ENDPOINT_URL"] != lab.environment["AWS_ENDPOINT_URL"]
    assert get(f"{url}/account") == "200"


def test_a_service_that_dies_is_started_again_in_the_same_instance(lab: Laboratory) -> None:
    identifier, url = next(iter(lab.running().items()))
    pid = int(get(f"{url}/pid"))
    os.kill(pid, signal.SIGKILL)

    def answers() -> str:
        try:
            return get(f"{url}/pid")
        except OSError:
            return ""

    assert int(wait_for(answers)) != pid
    assert identifier in lab.running()


@pytest.mark.parametrize("how", ["terminated in EC2", "its init is killed"])
def test_a_dead_instance_is_gone_and_replaced(lab: Laboratory, how: str) -> None:
    victim, url = next(iter(lab.running().items()))
    tree = [init_of(lab, victim), *init_of(lab, victim).children(recursive=True)]
    assert len(tree) >= 3
    if how == "terminated in EC2":
        lab.client("ec2").terminate_instances(InstanceIds=[victim])
    else:
        os.kill(tree[0].pid, signal.SIGKILL)
    new = wait_replaced(lab, victim)
    assert not any(is_running(process.pid) for process in tree)
    assert whats(lab, victim)[-2:] == ["killed", "gone"]
    assert whats(lab, new) == ["launched", "started", "healthy"]
    assert lab.instances()[victim] == {"address": "127.0.0.1", "port": 0, "state": "gone"}
    answer = lab.client("ec2").describe_instances(InstanceIds=[victim])
    assert answer["Reservations"][0]["Instances"][0]["State"]["Name"] == "terminated"
    with pytest.raises(OSError, match="refused"):
        get(url)


def test_a_stopped_instance_is_shut_down_and_replaced(lab: Laboratory) -> None:
    victim = next(iter(lab.running()))
    lab.client("ec2").stop_instances(InstanceIds=[victim])
    wait_replaced(lab, victim)
    assert whats(lab, victim)[-1] in {"stopped", "gone"}


def test_capacity_is_followed_up_and_down(lab: Laboratory) -> None:
    lab.running()
    autoscaling = lab.client("autoscaling")
    autoscaling.set_desired_capacity(AutoScalingGroupName="shop", DesiredCapacity=3)
    three = set(lab.running(3))
    autoscaling.set_desired_capacity(AutoScalingGroupName="shop", DesiredCapacity=2)
    two = set(lab.running(2))
    assert two < three
    wait_for(lambda: lab.registered() == two)


def test_a_group_that_goes_by_the_load_balancer_replaces_unhealthy_targets(
    lab: Laboratory,
) -> None:
    lab.running()
    autoscaling = lab.client("autoscaling")
    victim = next(iter(lab.running()))
    health = {"HealthCheckGracePeriod": 0, "AutoScalingGroupName": "shop"}
    lab.set_unhealthy(victim)
    try:
        autoscaling.update_auto_scaling_group(HealthCheckType="ELB", **health)
        wait_replaced(lab, victim)
    finally:
        autoscaling.update_auto_scaling_group(HealthCheckType="EC2", **health)
    assert whats(lab, victim)[-1] == "gone"


def test_connections_of_the_database_are_published(lab: Laboratory) -> None:
    def metrics() -> list[dict[str, str]]:
        answer = lab.client("cloudwatch").list_metrics(Namespace="AWS/RDS")
        return [
            dimension
            for metric in answer["Metrics"]
            if metric["MetricName"] == "DatabaseConnections"
            for dimension in metric["Dimensions"]
        ]

    wait_for(metrics)
    assert {"Name": "DBInstanceIdentifier", "Value": "shop-db"} in metrics()


def test_without_an_account_compute_says_what_to_do(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if "AWS" not in name}
    paths: list[str | Path] = [
        "--ready",
        tmp_path / "r",
        "--state",
        tmp_path,
        "--truth",
        tmp_path / "t",
    ]
    command = [sys.executable, "-m", "lab.compute", "--workload", "none.yaml", *paths]
    result = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "AWS_ENDPOINT_URL is not set" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_manifest_error_names_file_and_field(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text("workload: shop\nservices: [{name: api}]\n")
    with pytest.raises(manifest.ManifestError, match=r"shop\.yaml: services\.0\.command"):
        manifest.read(path)


def test_every_shipped_manifest_can_be_read() -> None:
    paths = list((ROOT / "lab" / "workloads").glob("*.yaml"))
    assert paths
    for path in paths:
        assert manifest.read(path).workload == path.stem
