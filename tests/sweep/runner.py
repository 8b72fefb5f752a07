"""Runs cases, and asks the account what is left of each."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from queue import Queue
from typing import Any, Final

from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence
from steadystate.report.replay import judge_again
from tests.sweep.canaries import Side
from tests.sweep.cases import Case
from tests.sweep.place import Place

WAIT_SECONDS: Final = 120.0
SWEEPS: Final = 4
"""How often the schedule of `recover` comes round before a run must be clean."""


@dataclass(frozen=True)
class Result:
    """What became of a case; it held when there are no problems."""

    case: Case
    run_id: str
    status: str
    verdict: str
    problems: list[str]
    seconds: float


class Runner:
    """Runs cases side by side, each on a workload of its own."""

    def __init__(
        self,
        place: Place,
        sides: Mapping[str, Side],
        workloads: int,
        say: Callable[[Result], None] = lambda _: None,
    ) -> None:
        self._place, self._say = place, say
        self._free: dict[str, Queue[str]] = {"experiment": Queue(), "canary": Queue()}
        for number in range(workloads):
            self._free["experiment"].put(f"w{number}")
            self._free["canary"].put(f"c{number}")
        self._workers = 2 * workloads
        self._sides = sides
        self._numbers = count(1)
        self._announced = _Announced(place)

    def run(self, cases: Iterable[Case]) -> list[Result]:
        """Run all; those that strike whatever runs come last, one after the other."""
        together = [c for c in cases if not c.alone]
        alone = [c for c in cases if c.alone]
        with ThreadPoolExecutor(self._workers) as pool:
            results = list(pool.map(self._run, together))
        return results + [self._run(case) for case in alone]

    def _run(self, case: Case) -> Result:
        workload = self._free[case.on].get()
        try:
            result = self._run_on(case, workload)
        finally:
            self._free[case.on].put(workload)
        self._say(result)
        return result

    def _run_on(self, case: Case, workload: str) -> Result:
        began = time.monotonic()
        run_id = f"sweep-{next(self._numbers):04d}"
        self._place.post("/lab/sabotage", {"add": _rules(case, run_id)})
        if case.on == "canary":
            self._sides[workload].begin(bad_share=0.3 if case.goes_back else 0.0)
        arn = self._start(case, run_id, workload)
        ended = self._wait_ended(arn)
        self._wait_for_recover(case, run_id)
        if case.machine == "report":
            self._wait_ended(self._report_of(case, run_id))
        struck = self._struck(case, run_id)
        self._place.post("/lab/sabotage", {"lift": [run_id, None]})
        for sweep in range(SWEEPS):
            if self._closed(run_id):
                break
            self._sweep(f"{run_id}-{sweep}")
        problems = [*self._left(run_id), *self._wrong(case, run_id, ended)]
        if not struck:
            problems.append("the task was never broken")
        if case.on == "canary":
            problems += self._moved(self._sides[workload], run_id)
        evidence = self._evidence(run_id)
        verdict = evidence.verdict if evidence else "none"
        return Result(case, run_id, ended["status"], verdict, problems, time.monotonic() - began)

    def _start(self, case: Case, run_id: str, workload: str) -> str:
        arn = self._place.outputs[f"{case.on.title()}StateMachineArn"]
        request = {"scenario": workload, "reason": "sweep", "requested_by": "sweep"}
        answer = self._place.client("stepfunctions").start_execution(
            stateMachineArn=arn, name=run_id, input=json.dumps(request)
        )
        return str(answer["executionArn"])

    def _report_of(self, case: Case, run_id: str) -> str:
        """The execution of the report: a run's own child, or one that publishes trends."""
        machine = self._place.outputs["ReportStateMachineArn"]
        child = f"{machine.replace(':stateMachine:', ':execution:')}:{run_id}"
        if not case.alone:
            return child
        answer = self._place.client("stepfunctions").start_execution(
            stateMachineArn=machine, name=f"{run_id}-trends", input='{"trends": true}'
        )
        return str(answer["executionArn"])

    def _wait_ended(self, arn: str) -> dict[str, Any]:
        sfn = self._place.client("stepfunctions")
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            try:
                answer = sfn.describe_execution(executionArn=arn)
            except sfn.exceptions.ExecutionDoesNotExist:
                answer = {"status": "RUNNING"}  # a child that is about to start
            if answer["status"] != "RUNNING":
                return dict(answer)
            time.sleep(0.1)
        return {"status": "STILL RUNNING", "error": "", "cause": ""}

    def _wait_for_recover(self, case: Case, run_id: str) -> None:
        """The rule on the execution's end starts `recover`: wait until it was struck, if it is to
        be, and then a while for what it does about it."""
        until = time.monotonic() + WAIT_SECONDS
        while case.machine == "recover" and not case.alone and time.monotonic() < until:
            if self._struck(case, run_id):
                break
            time.sleep(0.1)
        until = time.monotonic() + 1.0
        while time.monotonic() < until and not self._closed(run_id):
            time.sleep(0.1)

    def _struck(self, case: Case, run_id: str) -> int:
        """How often the case's rule has struck."""
        found = self._place.struck(f"sweep-{case.machine}/{case.state}")
        return found.get(str(None if case.alone else run_id), 0)

    def _sweep(self, name: str) -> None:
        arn = self._place.outputs["RecoverStateMachineArn"]
        answer = self._place.client("stepfunctions").start_execution(
            stateMachineArn=arn, name=name, input="{}"
        )
        self._wait_ended(answer["executionArn"])

    def _items(self, run_id: str) -> list[dict[str, Any]]:
        answer = self._place.client("dynamodb").query(
            TableName=self._place.outputs["TableName"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"RUN#{run_id}"}},
        )
        return list(answer["Items"])

    def _closed(self, run_id: str) -> bool:
        return not any("open" in item for item in self._items(run_id))

    def _evidence(self, run_id: str) -> Evidence | None:
        s3 = self._place.client("s3")
        bucket = self._place.outputs["EvidenceBucketName"]
        try:
            body = s3.get_object(Bucket=bucket, Key=f"runs/{run_id}/run.json")["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None
        return Evidence.model_validate_json(body)

    def _left(self, run_id: str) -> list[str]:
        """What the account still has of a run."""
        fis = self._place.client("fis")
        tag = {"steadystate:run": run_id}
        left = [
            f"template {t['id']} is left"
            for t in fis.list_experiment_templates()["experimentTemplates"]
            if tag.items() <= t["tags"].items()
        ]
        left += [
            f"experiment {e['id']} is {e['state']['status']}"
            for e in fis.list_experiments()["experiments"]
            if tag.items() <= e["tags"].items()
            and e["state"]["status"] not in ("completed", "stopped", "failed")
        ]
        leases = self._place.client("dynamodb").scan(
            TableName=self._place.outputs["TableName"],
            FilterExpression="sk = :lease AND run_id = :run",
            ExpressionAttributeValues={":lease": {"S": "LEASE"}, ":run": {"S": run_id}},
        )["Items"]
        left += [f"lease {lease['pk']['S']} is held" for lease in leases]
        for item in self._items(run_id):
            if "open" in item:
                left.append("the run is open")
            kind = item["sk"]["S"]
            undone = item.get("undo_state", {}).get("S") == "undone" and "verified_at" in item
            if kind.startswith("UNDO#") and not undone:
                left.append(f"{kind} is not undone and read back")
        return left

    def _moved(self, side: Side, run_id: str) -> list[str]:
        """Weights are as they were, or at 100 % by a promotion that was over, and says so."""
        evidence = self._evidence(run_id)
        undo = evidence.undo if evidence else []
        promoted = any(one.what == "weights" and "promoted" in one.found for one in undo)
        stable, canary = (side.weights().get(group, 0) for group in side.groups)
        if (stable, canary) == ((0, 100) if promoted else (100, 0)):
            return []
        return [f"weights are {stable}/{canary}, the run is {'' if promoted else 'not '}promoted"]

    def _wrong(self, case: Case, run_id: str, ended: dict[str, Any]) -> list[str]:
        """What the run says, held against what was done to it."""
        status, evidence = ended["status"], self._evidence(run_id)
        planned = bool(self._items(run_id))
        told = f"{ended.get('error', '')} {ended.get('cause', '')}"
        if status == "STILL RUNNING":
            return ["the execution does not end"]
        if evidence is None:
            return ["a planned run has no evidence"] if planned else []
        problems = []
        broken = case.primed or (case.state if case.machine == case.on else None)
        again = judge_again(evidence).evidence.verdict
        if again is not evidence.verdict:
            problems.append(f"the evidence says {evidence.verdict}, its samples {again}")
        if evidence.verdict is Verdict.PASS and evidence.failure is not None:
            problems.append("PASS in spite of a failure")
        expected = Verdict.FAIL if case.goes_back else Verdict.PASS
        if status == "SUCCEEDED" and evidence.verdict is not expected:
            problems.append(f"succeeded with {evidence.verdict}: {evidence.verdict_reason}")
        if status == "FAILED" and broken and broken not in told:
            problems.append(f"the execution does not name {broken}: {told[:200]}")
        if evidence.verdict is Verdict.ERROR and broken:
            failure = evidence.failure
            if failure is None or broken not in f"{failure.state} {failure.cause}":
                problems.append(f"the evidence does not name {broken}: {failure}")
        whole = case.machine == case.on and not case.primed and not case.goes_back
        if case.kind == "throttled" and whole and evidence.verdict is not Verdict.PASS:
            problems.append(f"throttled twice, and not PASS but {evidence.verdict}")
        said = self._announced.verdicts(run_id)
        if set(said) - {str(evidence.verdict)}:
            problems.append(f"events said {said}, the evidence {evidence.verdict}")
        return problems


class _Announced:
    """The verdicts that the stack announced on the bus."""

    def __init__(self, place: Place) -> None:
        self._sqs = place.client("sqs")
        self._url = self._sqs.create_queue(QueueName="announced")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        events = place.client("events")
        pattern = {"source": ["steadystate"], "detail-type": ["Run Finished"]}
        events.put_rule(Name="announced", EventPattern=json.dumps(pattern))
        target = {"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}
        events.put_targets(Rule="announced", Targets=[target])
        self._said: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def verdicts(self, run_id: str) -> list[str]:
        """Return the verdicts that were announced of a run."""
        with self._lock:
            while messages := self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10
            ).get("Messages", []):
                for message in messages:
                    detail = json.loads(message["Body"])["detail"]
                    self._said.setdefault(detail["run_id"], []).append(detail["verdict"])
                    self._sqs.delete_message(
                        QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"]
                    )
            return list(self._said.get(run_id, []))


def _rules(case: Case, run_id: str) -> list[dict[str, Any]]:
    """The rules that make a case. The machine is named as it is deployed."""
    rules: list[dict[str, Any]] = []
    target = None if case.alone else run_id
    if case.primed:
        rules.append(_rule(case.on, case.primed, "unknown", run_id, skip=1))
    if case.machine == "recover":
        rules.append(_rule("experiment", "Start Fault", "stopped after", run_id))
    strike = _rule(case.machine, case.state, case.kind, target, skip=case.skip)
    return [*rules, strike | {"times": case.times, "error": case.error}]


def _rule(
    machine: str, state: str, kind: str, run_id: str | None, *, skip: int = 0
) -> dict[str, Any]:
    return {
        "machine": f"sweep-{machine}",
        "state": state,
        "kind": kind,
        "run_id": run_id,
        "skip": skip,
    }
