"""One lab with the chat in it, whose new version fails half of its requests."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from lab.up import Lab
from steadystate.evidence import Evidence
from tests.e2e.conftest import FAST, Ended, Runs

T = TypeVar("T")

SMALL = {"BlueCount": "1", "GreenCount": "1", "DeregistrationDelaySeconds": "2"}
DEFECT = "errors:0.5"
BLIND = """
document: steadystate/canary/v1
name: blind
description: Looks at slow requests alone, so that it promotes a version that fails quickly.
workload: chat
steps: [50, 100]
bake: 25s
final_bake: 2s
promotion: {acceptable_rate: 50 %, minimum_requests: 20}
metrics: {slow: {measure: slow, threshold: 30 s}}
"""


class Canaries:
    """Runs canaries of the chat in a lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._runs = Runs(lab)
        lab.client("s3").put_object(
            Bucket=lab.outputs["EvidenceBucketName"],
            Key="scenarios/canaries/blind.yaml",
            Body=BLIND.encode(),
        )

    def start(self, **request: Any) -> str:
        """Start an execution of the machine `canary`; return its ARN."""
        answer = self.lab.client("stepfunctions").start_execution(
            stateMachineArn=self.lab.outputs["CanaryStateMachineArn"],
            input=json.dumps({"reason": "test", "requested_by": "pytest"} | request),
        )
        return str(answer["executionArn"])

    def wait(self, arn: str) -> Ended:
        return self._runs.wait(arn)

    def evidence(self, run_id: str) -> Evidence | None:
        return self._runs.evidence(run_id)

    def question(self, run_id: str) -> str:
        """Return the token of the task that waits for a person; empty while none does."""
        key = {"pk": {"S": f"RUN#{run_id}"}, "sk": {"S": "RUN"}}
        answer = self.lab.client("dynamodb").get_item(
            TableName=self.lab.outputs["TableName"], Key=key
        )
        if "Item" not in answer:
            return ""
        gate = json.loads(answer["Item"]["progress"]["S"])["gate"] or {}
        return str(gate.get("token", ""))

    def answer(self, token: str, decision: str) -> None:
        """Answer as `steadystate approve` and `reject` do."""
        said = {"decision": decision, "by": "pytest", "reason": "not on a Friday"}
        self.lab.client("stepfunctions").send_task_success(taskToken=token, output=json.dumps(said))

    def set_green_tasks(self, count: int) -> None:
        """Let green have so many tasks, and wait until as many are healthy."""
        self.lab.client("ecs").update_service(
            cluster="chat", service="chat-green", desiredCount=count
        )
        group = self._name("canary-target-group-arn")
        api = self.lab.client("elbv2")

        def healthy() -> bool:
            found = api.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
            states = [one["TargetHealth"]["State"] for one in found]
            return states.count("healthy") == count

        until(healthy)

    def weights(self) -> tuple[int, int]:
        """Return the weights of blue and green, as the account has them."""
        api = self.lab.client("elbv2")
        (listener,) = api.describe_listeners(ListenerArns=[self._name("listener-arn")])["Listeners"]
        found = {
            group["TargetGroupArn"]: group["Weight"]
            for action in listener["DefaultActions"]
            for group in action["ForwardConfig"]["TargetGroups"]
        }
        blue, green = (self._name(f"{s}-target-group-arn") for s in ("stable", "canary"))
        return found.get(blue, 0), found.get(green, 0)

    def _name(self, parameter: str) -> str:
        name = f"/steadystate/workloads/chat/{parameter}"
        return str(self.lab.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])


def until(look: Callable[[], T], seconds: float = 120.0) -> T:
    """Return what is found, as soon as something is."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaries]:
    with Lab(
        "chat",
        tmp_path_factory.mktemp("chat"),
        stack_parameters=FAST,
        workload_parameters=SMALL,
        green_defect=DEFECT,
    ) as lab:
        yield Canaries(lab)
