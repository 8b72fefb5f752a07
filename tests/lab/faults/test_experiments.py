"""FIS experiments are carried out for real, reported truthfully, and end without a trace."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest

from tests.lab.compute.laboratory import (
    Laboratory,
    get,
    is_running,
    laboratory,
    start_compute,
    wait_for,
)

SSM = "arn:aws:ssm:ap-northeast-2::document/AWSFIS-Run-"
ALLOWED: dict[str, Any] = {
    "resourceType": "aws:ec2:instance",
    "resourceTags": {"steadystate:allow": "true"},
    "filters": [{"path": "State.Name", "values": ["running"]}],
    "selectionMode": "COUNT(1)",
}


@pytest.fixture
def fis(lab: Laboratory) -> Iterator[Any]:
    """FIS; experiments that a failed test has left are stopped."""
    wait_for(lambda: all(answers(url) for url in lab.running().values()))
    client = lab.client("fis")
    yield client
    for experiment in client.list_experiments()["experiments"]:
        if experiment["state"]["status"] in {"initiating", "running"}:
            client.stop_experiment(id=experiment["id"])
            wait_status(client, experiment["id"], "stopped")


def start(
    fis: Any,
    actions: dict[str, Any],
    targets: dict[str, Any] | None = None,
    options: dict[str, str] | None = None,
) -> str:
    template = fis.create_experiment_template(
        description="test",
        stopConditions=[{"source": "none"}],
        roleArn="arn:aws:iam::123456789012:role/fis",
        targets=targets or {},
        actions=actions,
        **({"experimentOptions": options} if options else {}),
    )["experimentTemplate"]
    identifier: str = fis.start_experiment(experimentTemplateId=template["id"])["experiment"]["id"]
    return identifier


def document(name: str, duration: str = "PT60S", **parameters: str) -> dict[str, Any]:
    return {
        "actionId": "aws:ssm:send-command",
        "targets": {"Instances": "one"},
        "parameters": {
            "documentArn": SSM + name,
            "documentParameters": json.dumps(parameters),
            "duration": duration,
        },
    }


def state(fis: Any, identifier: str) -> tuple[str, str, dict[str, str]]:
    experiment = fis.get_experiment(id=identifier)["experiment"]
    actions = {name: action["state"]["status"] for name, action in experiment["actions"].items()}
    return experiment["state"]["status"], experiment["state"]["reason"], actions


def wait_status(fis: Any, identifier: str, status: str) -> tuple[str, str, dict[str, str]]:
    return wait_for(lambda: found if (found := state(fis, identifier))[0] == status else None) or (
        "",
        "",
        {},
    )


def struck(lab: Laboratory, experiment: str, what: str = "fault") -> str:
    """The instance that an experiment has hit."""
    lines = wait_for(
        lambda: [
            line
            for line in lab.truth()
            if line.get("experiment") == experiment and line["what"] == what
        ]
    )
    identifier: str = lines[0]["id"]
    return identifier


def seconds(url: str) -> float:
    started = time.monotonic()
    get(url)
    return time.monotonic() - started


def answers(url: str) -> bool:
    """Whether the service is there; one that was killed comes back after a second."""
    try:
        return get(f"{url}/health") == "ok"
    except OSError:
        return False


def services(lab: Laboratory) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(lab.compute.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
            if "tests.lab.compute.service" in process.cmdline():
                found.append(process)
    return found


def test_a_terminated_instance_is_killed_and_replaced(lab: Laboratory, fis: Any) -> None:
    action = {"actionId": "aws:ec2:terminate-instances", "targets": {"Instances": "one"}}
    identifier = start(fis, {"kill": action}, {"one": ALLOWED})
    _, _, actions = wait_status(fis, identifier, "completed")
    assert actions == {"kill": "completed"}
    victim = struck(lab, identifier)
    assert [line["what"] for line in lab.truth(victim)][-3:] == ["fault", "killed", "gone"]
    assert wait_for(lambda: set(lab.running()) == lab.members())
    assert victim not in lab.members()


def test_latency_slows_one_instance_until_the_experiment_is_stopped(
    lab: Laboratory, fis: Any
) -> None:
    # So slow, and for so long, that only the stop can bring an answer.
    slow = document("Network-Latency", "PT1H", DelayMilliseconds="600000", DurationSeconds="3600")
    identifier = start(fis, {"slow": slow}, {"one": ALLOWED})
    victim = struck(lab, identifier)
    urls = lab.running()
    assert state(fis, identifier)[::2] == ("running", {"slow": "running"})
    with pytest.raises(OSError, match="timed out"):
        get(f"{urls[victim]}/health", timeout_seconds=0.5)
    assert all(get(f"{url}/health") == "ok" for name, url in urls.items() if name != victim)
    fis.stop_experiment(id=identifier)
    struck(lab, identifier, "fault-end")
    assert wait_status(fis, identifier, "stopped")[2] == {"slow": "stopped"}
    assert get(f"{lab.running()[victim]}/health") == "ok"


def test_latency_also_slows_the_way_to_the_database(lab: Laboratory, fis: Any) -> None:
    slow = document("Network-Latency", DelayMilliseconds="100", DurationSeconds="60")
    identifier = start(fis, {"slow": slow}, {"one": ALLOWED})
    victim = struck(lab, identifier)
    # Handshake and answer at the front; several round trips of a session behind.
    assert seconds(f"{lab.running()[victim]}/database") > 0.4


def test_cpu_stress_starves_the_instance_and_leaves_no_process_stopped(
    lab: Laboratory, fis: Any
) -> None:
    process = {name: psutil.Process(int(get(f"{url}/pid"))) for name, url in lab.running().items()}
    stress = document("CPU-Stress", LoadPercent="80", DurationSeconds="60")
    identifier = start(fis, {"stress": stress}, {"one": ALLOWED})
    victim = process[struck(lab, identifier)]
    (other,) = (one for one in process.values() if one != victim)
    seen = [False]  # whether the victim was stopped, look by look where that changed
    until = time.monotonic() + 50
    while len(seen) <= 10:
        assert time.monotonic() < until, f"stopped and continued only {len(seen) - 1} times"
        assert other.status() != psutil.STATUS_STOPPED
        if (stopped := victim.status() == psutil.STATUS_STOPPED) != seen[-1]:
            seen.append(stopped)
        time.sleep(0.003)
    fis.stop_experiment(id=identifier)
    wait_status(fis, identifier, "stopped")
    assert all(one.status() != psutil.STATUS_STOPPED for one in services(lab))
    assert {int(get(f"{url}/pid")) for url in lab.running().values()} == {victim.pid, other.pid}


def test_kill_process_hits_by_name_and_init_starts_it_again(lab: Laboratory, fis: Any) -> None:
    before = {process.pid for process in services(lab)}
    kill = document("Kill-Process", "PT1S", ProcessName="shop-api", Signal="SIGKILL")
    identifier = start(fis, {"kill": kill}, {"one": ALLOWED})
    wait_status(fis, identifier, "completed")
    after = wait_for(lambda: now if len(now := {p.pid for p in services(lab)}) == 2 else set())
    assert len(before & after) == 1


def test_killing_a_process_that_does_not_run_fails_the_experiment(
    lab: Laboratory, fis: Any
) -> None:
    kill = document("Kill-Process", "PT1S", ProcessName="nginx")
    later = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1S"}, "startAfter": ["kill"]}
    identifier = start(fis, {"kill": kill, "later": later}, {"one": ALLOWED})
    _, reason, actions = wait_status(fis, identifier, "failed")
    assert "nginx: no process found" in reason
    assert actions == {"kill": "failed", "later": "cancelled"}


def test_a_black_hole_hides_the_instance_for_the_documents_duration(
    lab: Laboratory, fis: Any
) -> None:
    hole = document(
        "Network-Blackhole-Port", "PT1H", Protocol="tcp", Port="80", DurationSeconds="3"
    )
    identifier = start(fis, {"hole": hole}, {"one": ALLOWED})
    victim = struck(lab, identifier)
    url = lab.running()[victim]
    assert get(f"{url}/health", timeout_seconds=60) == "ok"
    answered_at = time.time()
    struck(lab, identifier, "fault-end")
    began, ended = (
        line["at"] for line in lab.truth(victim) if line.get("experiment") == identifier
    )
    assert answered_at - began >= 2.9, "it was answered while the hole was there"
    assert ended - began >= 2.9
    assert state(fis, identifier)[0] == "running", "the action lasts longer than the document"


def test_a_document_outlives_its_shorter_action_as_in_aws(lab: Laboratory, fis: Any) -> None:
    loss = document("Network-Packet-Loss", "PT1S", LossPercent="1", DurationSeconds="3")
    identifier = start(fis, {"loss": loss}, {"one": ALLOWED})
    wait_status(fis, identifier, "completed")
    completed = fis.get_experiment(id=identifier)["experiment"]["endTime"].timestamp()
    victim = struck(lab, identifier, "fault-end")
    ends = [line["at"] for line in lab.truth(victim) if line["what"] == "fault-end"]
    assert ends[-1] > completed


def test_an_egress_black_hole_cuts_off_the_database(lab: Laboratory, fis: Any) -> None:
    hole = document(
        "Network-Blackhole-Port",
        Protocol="tcp",
        Port="5432",
        TrafficType="egress",
        DurationSeconds="60",
    )
    identifier = start(fis, {"hole": hole}, {"one": ALLOWED})
    victim = struck(lab, identifier)
    url = lab.running()[victim]
    assert get(f"{url}/health") == "ok"
    with pytest.raises(OSError, match="timed out"):
        get(f"{url}/database", timeout_seconds=1)


def test_a_rebooted_database_drops_connections_and_keeps_what_was_committed(
    lab: Laboratory, fis: Any
) -> None:
    url = next(iter(lab.running().values()))
    environment = dict(line.split("=", 1) for line in get(f"{url}/environment").splitlines())
    target = {
        "resourceType": "aws:rds:db",
        "resourceTags": {"steadystate:allow": "true"},
        "selectionMode": "ALL",
    }
    action = {"actionId": "aws:rds:reboot-db-instances", "targets": {"DBInstances": "databases"}}
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")
        identifier = start(fis, {"reboot": action}, {"databases": target})
        wait_status(fis, identifier, "completed")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert get(f"{url}/database").startswith("(")
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() != (0,)
    assert [line["what"] for line in lab.truth("shop-db")][-4:] == [
        "fault",
        "stopping",
        "stopped",
        "started",
    ]


def test_actions_run_in_parallel_or_in_their_order(fis: Any) -> None:
    def wait(*after: str) -> dict[str, Any]:
        parameters = {"duration": "PT1S"}
        return {"actionId": "aws:fis:wait", "parameters": parameters, "startAfter": list(after)}

    identifier = start(fis, {"a": wait(), "b": wait(), "c": wait("a", "b")})
    wait_status(fis, identifier, "completed")
    a, b, c = (fis.get_experiment(id=identifier)["experiment"]["actions"][name] for name in "abc")
    assert max(a["startTime"], b["startTime"]) < min(a["endTime"], b["endTime"])
    assert c["startTime"] >= max(a["endTime"], b["endTime"])


@pytest.mark.parametrize(
    ("action", "target", "reason"),
    [
        ({"actionId": "aws:eks:pod-delete"}, ALLOWED, "aws:eks:pod-delete is not supported"),
        (
            {"actionId": "aws:ec2:terminate-instances", "targets": {"Instances": "one"}},
            {**ALLOWED, "resourceTags": {"steadystate:allow": "false"}},
            "Target resolution returned empty set",
        ),
        (document("Memory-Stress", Percent="80"), ALLOWED, "AWSFIS-Run-Memory-Stress is not"),
        (document("CPU-Stress"), ALLOWED, "parameter DurationSeconds is required"),
        (
            document("CPU-Stress", DurationSeconds="9", LoadPercent="x"),
            ALLOWED,
            "LoadPercent is 'x', not a number",
        ),
        (
            document("CPU-Stress", "60 seconds", DurationSeconds="9"),
            ALLOWED,
            "no ISO 8601 duration",
        ),
    ],
)
def test_what_cannot_be_done_fails_with_its_reason_and_touches_nothing(
    lab: Laboratory, fis: Any, action: dict[str, Any], target: dict[str, Any], reason: str
) -> None:
    before = lab.running()
    identifier = start(fis, {"a": action}, {"one": target})
    assert reason in wait_status(fis, identifier, "failed")[1]
    assert lab.running() == before
    assert not [line for line in lab.truth() if line.get("experiment") == identifier]


def test_an_empty_target_is_skipped_when_the_experiment_says_so(fis: Any) -> None:
    action = {"actionId": "aws:ec2:terminate-instances", "targets": {"Instances": "one"}}
    nothing = {**ALLOWED, "resourceTags": {"steadystate:allow": "false"}}
    options = {"accountTargeting": "single-account", "emptyTargetResolutionMode": "skip"}
    identifier = start(fis, {"a": action}, {"one": nothing}, options)
    assert wait_status(fis, identifier, "completed")[2] == {"a": "skipped"}


def none_runs(pids: list[int]) -> bool:
    return not any(is_running(pid) for pid in pids)


def test_neither_process_nor_fault_outlives_the_compute_process(tmp_path: Path) -> None:
    with laboratory(tmp_path) as lab:
        fis = lab.client("fis")
        stress = document("CPU-Stress", LoadPercent="95", DurationSeconds="60")
        everyone = {**ALLOWED, "selectionMode": "ALL"}
        for number in (signal.SIGTERM, signal.SIGKILL):
            identifier = start(fis, {"stress": stress}, {"one": everyone})
            struck(lab, identifier)
            tree = psutil.Process(lab.compute.pid).children(recursive=True)
            names = {process.name() for process in tree}
            assert {"postgres", "sleep"} <= names
            assert wait_for(lambda: psutil.STATUS_STOPPED in [p.status() for p in services(lab)])
            os.kill(lab.compute.pid, number)
            lab.compute.wait(60)
            pids = [process.pid for process in tree]
            wait_for(partial(none_runs, pids))
            # Started again on the same state, it takes up what the account says.
            lab.compute, lab.directory_url = start_compute(tmp_path, lab.environment)
            assert all(get(f"{url}/database") for url in lab.running().values())
            expected = "stopped" if number == signal.SIGTERM else "failed"
            wait_status(fis, identifier, expected)
