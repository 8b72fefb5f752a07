"""The chat in the lab: weights split, tasks are replaced, and sockets live on."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from lab.up import Lab

T = TypeVar("T")
FAST = {
    "BlueCount": "1",
    "GreenCount": "1",
    "DeregistrationDelaySeconds": "2",
    "DrainSeconds": "1",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    state: Path = tmp_path_factory.mktemp("chat")
    with Lab(
        "chat", state, traffic=False, workload_parameters=FAST, green_defect="slow:0.2"
    ) as lab:
        assert versions(lab, 4) == {"blue": 4}  # as the template says, before a test moves them
        yield lab


def until(look: Callable[[], T], seconds: float = 120.0) -> T:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.1)
    return found


def name_of(lab: Lab, parameter: str) -> str:
    found = lab.client("ssm").get_parameter(Name=f"/steadystate/workloads/chat/{parameter}")
    value: str = found["Parameter"]["Value"]
    return value


def weigh(lab: Lab, blue: int, green: int) -> None:
    groups = {"stable-target-group-arn": blue, "canary-target-group-arn": green}
    weights = [{"TargetGroupArn": name_of(lab, n), "Weight": w} for n, w in groups.items()]
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
    lab.client("elbv2").modify_listener(
        ListenerArn=name_of(lab, "listener-arn"), DefaultActions=[forward]
    )


def versions(lab: Lab, times: int) -> Counter[str]:
    with httpx.Client(base_url=name_of(lab, "url"), timeout=30) as client:
        return Counter(client.get("/api/version").json()["version"] for _ in range(times))


def tasks(lab: Lab, service: str) -> list[str]:
    arns: list[str] = lab.client("ecs").list_tasks(cluster="chat", serviceName=service)["taskArns"]
    return arns


def described(lab: Lab, task: str) -> dict[str, Any]:
    api = lab.client("ecs")
    found: dict[str, Any] = api.describe_tasks(cluster="chat", tasks=[task], include=["TAGS"])
    first: dict[str, Any] = found["tasks"][0]
    return first


def serving(lab: Lab, service: str, group: str) -> str:
    """The task of the service, once it is the only one and its target is healthy."""

    def look() -> str:
        arns = tasks(lab, service)
        api = lab.client("elbv2")
        health = api.describe_target_health(TargetGroupArn=name_of(lab, group))
        states = [one["TargetHealth"]["State"] for one in health["TargetHealthDescriptions"]]
        return arns[0] if len(arns) == 1 and states == ["healthy"] else ""

    return until(look)


def blue_task(lab: Lab) -> str:
    return serving(lab, "chat-blue", "stable-target-group-arn")


def green_task(lab: Lab) -> str:
    return serving(lab, "chat-green", "canary-target-group-arn")


def test_the_weights_split_the_requests(lab: Lab) -> None:
    weigh(lab, 50, 50)
    until(lambda: len(versions(lab, 2)) == 2)
    assert versions(lab, 10) == {"blue": 5, "green": 5}
    weigh(lab, 100, 0)
    until(lambda: versions(lab, 4)["blue"] == 4)


def measured(lab: Lab, group: str, metric: str, statistics: list[str]) -> list[float]:
    """The statistics of one target group's metric, each added up over the last minutes."""
    balancer = name_of(lab, "load-balancer-arn").partition(":loadbalancer/")[2]
    names = {"LoadBalancer": balancer, "TargetGroup": name_of(lab, group).rpartition(":")[2]}
    wanted = {
        "Namespace": "AWS/ApplicationELB",
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in names.items()],
    }
    answer = lab.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {"Id": f"m{n}", "MetricStat": {"Metric": wanted, "Period": 5, "Stat": statistic}}
            for n, statistic in enumerate(statistics)
        ],
        StartTime=datetime.now(UTC) - timedelta(minutes=10),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
    )
    return [sum(result["Values"]) for result in answer["MetricDataResults"]]


def test_each_target_group_has_counts_of_requests_and_of_slow_ones(lab: Lab) -> None:
    green_task(lab)
    weigh(lab, 0, 100)
    until(lambda: versions(lab, 1)["green"])
    green = "canary-target-group-arn"
    before = until(lambda: measured(lab, green, "RequestCount", ["Sum"])[0])
    assert versions(lab, 5) == {"green": 5}
    weigh(lab, 100, 0)
    until(lambda: measured(lab, green, "RequestCount", ["Sum"])[0] >= before + 5)
    times = measured(lab, green, "TargetResponseTime", ["SampleCount", "TC(0.2:)", "TC(:0.2)"])
    assert times[0] == times[1] == measured(lab, green, "RequestCount", ["Sum"])[0]
    assert not times[2]


def test_the_green_side_has_the_defect_that_was_asked_for(lab: Lab) -> None:
    service = lab.client("ecs").describe_services(cluster="chat", services=["chat-green"])
    definition = service["services"][0]["taskDefinition"]
    found = lab.client("ecs").describe_task_definition(taskDefinition=definition)
    environment = found["taskDefinition"]["containerDefinitions"][0]["environment"]
    assert {"name": "CHAT_DEFECT", "value": "slow:0.2"} in environment


def test_a_task_carries_its_services_tags_and_its_groups_target_is_its_address(lab: Lab) -> None:
    task = described(lab, blue_task(lab))
    tags = {tag["key"]: tag["value"] for tag in task["tags"]}
    assert tags["steadystate:allow"] == "true"
    assert tags["aws:ecs:serviceName"] == "chat-blue"
    assert task["lastStatus"] == "RUNNING"
    details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}
    health = lab.client("elbv2").describe_target_health(
        TargetGroupArn=name_of(lab, "stable-target-group-arn")
    )
    target = health["TargetHealthDescriptions"][0]["Target"]
    assert target == {"Id": details["privateIPv4Address"], "Port": 8080}


def test_a_socket_lives_through_a_change_of_the_weights_and_hears_the_other_colour(
    lab: Lab,
) -> None:
    blue_task(lab)
    green_task(lab)

    async def talk() -> list[str]:
        async with aiohttp.ClientSession(name_of(lab, "url")) as session:

            async def join(name: str) -> dict[str, str]:
                async with session.post("/api/join", json={"name": name}) as answer:
                    return {"Authorization": f"Bearer {(await answer.json())['token']}"}

            async def say(number: int, headers: dict[str, str]) -> str:
                body = {"id": f"m{number}", "text": f"text {number}"}
                path = "/api/rooms/weights/messages"
                async with session.post(path, json=body, headers=headers) as answer:
                    assert answer.status in {200, 201}, await answer.text()
                async with session.get("/api/version") as answer:
                    return str((await answer.json())["version"])

            headers = await join("talker")
            async with session.ws_connect("/ws") as socket:
                token = headers["Authorization"].removeprefix("Bearer ")
                await socket.send_json({"type": "hello", "token": token, "rooms": {"weights": 0}})
                while (await socket.receive_json(timeout=30))["type"] != "joined":
                    continue
                while await say(1, headers) != "blue":
                    continue
                weigh(lab, 0, 100)
                while await say(2, headers) != "green":
                    continue
                await say(3, headers)
                heard = []
                while len(heard) < 3:
                    frame = await socket.receive_json(timeout=30)
                    if frame["type"] == "message":
                        heard.append(str(frame["id"]))
                return heard

    try:
        assert asyncio.run(talk()) == ["m1", "m2", "m3"]
    finally:
        weigh(lab, 100, 0)


def process_of(lab: Lab, task: str) -> psutil.Process:
    """The chat's own process in a task."""
    compute, identifier = psutil.Process(lab.processes["compute"].pid), task.rsplit("/", 1)[-1]
    init = next(p for p in compute.children() if any(identifier in a for a in p.cmdline()))
    return next(p for p in init.children(recursive=True) if "chat.service" in p.cmdline())


@dataclass(frozen=True)
class Losses:
    """What was lost at the same time, and when that began."""

    stopped: str
    died: str
    began: float


@pytest.fixture(scope="module")
def losses(lab: Lab) -> Losses:
    """Blue's task is stopped by FIS, the process of green's is killed."""
    blue, green, fis = blue_task(lab), green_task(lab), lab.client("fis")
    began = time.time()
    target = {
        "resourceType": "aws:ecs:task",
        "parameters": {"cluster": "chat", "service": "chat-blue"},
        "selectionMode": "ALL",
    }
    template = fis.create_experiment_template(
        description="stop a task",
        roleArn="arn:aws:iam::123456789012:role/fis",
        stopConditions=[{"source": "none"}],
        targets={"tasks": target},
        actions={"stop": {"actionId": "aws:ecs:stop-task", "targets": {"Tasks": "tasks"}}},
    )["experimentTemplate"]["id"]
    process_of(lab, green).kill()
    experiment = fis.start_experiment(experimentTemplateId=template)["experiment"]["id"]
    until(lambda: fis.get_experiment(id=experiment)["experiment"]["state"]["status"] == "completed")
    for task in (blue, green):
        until(lambda task=task: described(lab, task)["lastStatus"] == "STOPPED")
    return Losses(blue, green, began)


def test_a_task_that_fis_stops_is_drained_and_replaced(lab: Lab, losses: Losses) -> None:
    assert described(lab, losses.stopped)["stopCode"] == "UserInitiated"
    assert blue_task(lab) != losses.stopped
    until(lambda: versions(lab, 2) == {"blue": 2})
    truth = lab.truth(losses.began, time.time())["instances"]
    happened = [event["what"] for event in truth[losses.stopped.rsplit("/", 1)[-1]]["events"]]
    assert happened == ["launched", "started", "healthy", "fault", "draining", "stopped"]


def test_a_task_whose_process_dies_is_replaced(lab: Lab, losses: Losses) -> None:
    assert described(lab, losses.died)["stopCode"] == "EssentialContainerExited"
    assert green_task(lab) != losses.died


def test_a_deployment_that_cannot_start_leaves_the_old_task_serving(lab: Lab) -> None:
    before, api = green_task(lab), lab.client("ecs")
    good = described(lab, before)["taskDefinitionArn"]
    bad = api.register_task_definition(
        family="chat-green",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "unheard-of", "image": "used-in-place"}],
    )["taskDefinition"]["taskDefinitionArn"]

    def failed() -> list[dict[str, Any]]:
        stopped = {"serviceName": "chat-green", "desiredStatus": "STOPPED"}
        found = [described(lab, t) for t in api.list_tasks(cluster="chat", **stopped)["taskArns"]]
        return [task for task in found if task["taskDefinitionArn"] == bad]

    api.update_service(cluster="chat", service="chat-green", taskDefinition=bad)
    try:
        reason = until(failed)[0]["stoppedReason"]
        assert "unheard-of: lab/workloads/chat.yaml does not say how to run it" in reason
        assert described(lab, before)["lastStatus"] == "RUNNING"
    finally:
        api.update_service(cluster="chat", service="chat-green", taskDefinition=good)
    until(lambda: described(lab, before)["lastStatus"] == "STOPPED")
    assert green_task(lab) != before


def test_a_service_of_none_has_no_task_and_comes_back(lab: Lab) -> None:
    api = lab.client("ecs")
    api.update_service(cluster="chat", service="chat-green", desiredCount=0)
    until(lambda: not tasks(lab, "chat-green"))
    api.update_service(cluster="chat", service="chat-green", desiredCount=1)
    assert green_task(lab)
