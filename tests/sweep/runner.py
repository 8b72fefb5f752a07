"""Runs cases in one place, and asks its account what is left of each."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence
from steadystate.keys import report_key
from steadystate.report.replay import judge_again
from tests.sweep.canaries import WORSE, Side
from tests.sweep.cases import Case
from tests.sweep.news import News, wait_until
from tests.sweep.place import STACK, Place

SWEEPS: Final = 4
"""How often the schedule of `recover` comes round before a run must be clean."""

LOOK_AGAIN: Final = ("watch", "bake")
"""What a look answers when it has decided nothing: then another look may decide."""


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
    """Runs cases, each on a workload that no other case uses meanwhile."""

    def __init__(self, place: Place, news: News, sides: Mapping[str, Side]) -> None:
        self._place, self._news, self._sides = place, news, sides

    def run(self, case: Case, run_id: str, workload: str) -> Result:
        """Run a case, and see what is left of it."""
        began = time.monotonic()
        self._place.post("/lab/sabotage", {"add": _rules(case, run_id)})
        workload = f"{workload}{WORSE}" if case.goes_back else workload
        if case.on == "canary":
            self._sides[workload].begin(run_id)
        scenario = f"{workload}-gated" if case.gated else workload
        request = {"scenario": scenario, "reason": "sweep", "requested_by": "sweep"}
        ended = self._news.end_of(self._start(case.on, run_id, request))
        reported = self._wait_for_the_report(case, run_id)
        self._wait_for_recover(case, run_id, ended)
        told = self._told(case, run_id)
        self._place.post("/lab/sabotage", {"lift": [run_id]})
        for sweep in range(SWEEPS):
            if all(self._closed(one) for one in _runs_of(case, run_id)):
                break
            self._news.end_of(self._start("recover", f"{run_id}-{sweep}", {}))
        problems = [] if told["struck"] else ["the task was never broken"]
        for one in _runs_of(case, run_id):
            problems += [*self._left(one), *self._wrong_in_itself(one)]
        for held in (workload, f"{workload}/{run_id}"):
            problems += self._left_held(held)
        problems += self._wrong(case, run_id, ended)
        if case.kind == "twice":
            problems += _not_the_same(told["answers"])
        problems += [f"announced again: {one}" for one in self._news.repeated(run_id)]
        if case.machine == "report":
            problems += self._wrongly_reported(case, run_id, reported)
        if case.starts:
            problems += self._unreported(case, run_id)
        if case.on == "canary":
            problems += self._moved(self._sides[workload], run_id)
        evidence = self._evidence(run_id)
        verdict = evidence.verdict if evidence else "none"
        return Result(case, run_id, ended["status"], verdict, problems, time.monotonic() - began)

    def _start(self, machine: str, name: str, given: Mapping[str, Any]) -> str:
        answer = self._place.client("stepfunctions").start_execution(
            stateMachineArn=self._place.outputs[f"{machine.title()}StateMachineArn"],
            name=name,
            input=json.dumps(given),
        )
        return str(answer["executionArn"])

    def _wait_for_the_report(self, case: Case, run_id: str) -> dict[str, Any]:
        """Wait for the report that is broken: the run's own child, or one that publishes trends."""
        if case.machine != "report":
            return {}
        if case.state == "Publish Trends":
            return self._news.end_of(self._start("report", f"{run_id}-trends", {"trends": True}))
        return self._news.end_of(self._report_of(run_id))

    def _report_of(self, run_id: str) -> str:
        machine = self._place.outputs["ReportStateMachineArn"]
        return f"{machine.replace(':stateMachine:', ':execution:')}:{run_id}"

    def _wait_for_recover(self, case: Case, run_id: str, ended: Mapping[str, Any]) -> None:
        """Wait until nothing more comes of the run's end: neither of a task that was stopped in its
        middle, nor of the `recover` that the rule on the end has started.

        That one may be stopped in another run's name before it comes to this one; then the schedule
        comes round, while the case's rule is in force.
        """
        self._wait_for_the_strike(case, run_id)
        if ended["status"] != "SUCCEEDED":
            self._news.recovered(run_id)
        for sweep in range(SWEEPS if case.machine == "recover" else 0):
            if self._told(case, run_id)["struck"]:
                break
            self._news.end_of(self._start("recover", f"{run_id}-early-{sweep}", {}))
        self._wait_for_the_strike(case, run_id)

    def _wait_for_the_strike(self, case: Case, run_id: str) -> None:
        """Wait while a task that is struck is at work: its execution may be over before it is."""

        def is_over() -> bool:
            told = self._told(case, run_id)
            return bool(told["struck"] == told["begun"])

        wait_until(is_over)

    def _told(self, case: Case, run_id: str) -> dict[str, Any]:
        """What the case's rule has done."""
        rules: dict[str, dict[str, Any]] = self._place.get("/lab/sabotage")
        return rules[f"{STACK}-{case.machine}/{case.state}/{run_id}"]

    def _items(self, run_id: str) -> list[dict[str, Any]]:
        answer = self._place.client("dynamodb").query(
            TableName=self._place.outputs["TableName"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"RUN#{run_id}"}},
        )
        return list(answer["Items"])

    def _closed(self, run_id: str) -> bool:
        return not any("open" in item for item in self._items(run_id))

    def _stored(self, key: str) -> bytes | None:
        s3 = self._place.client("s3")
        bucket = self._place.outputs["EvidenceBucketName"]
        try:
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None
        return body

    def _evidence(self, run_id: str) -> Evidence | None:
        body = self._stored(f"runs/{run_id}/run.json")
        return Evidence.model_validate_json(body) if body else None

    def _left(self, run_id: str) -> list[str]:
        """What the account still has of a run."""
        fis = self._place.client("fis")
        tag = {"steadystate:run": run_id}
        pages = fis.get_paginator("list_experiment_templates").paginate()
        left = [
            f"template {t['id']} is left"
            for page in pages
            for t in page["experimentTemplates"]
            if tag.items() <= t["tags"].items()
        ]
        left += [
            f"experiment {one} is {status}"
            for one, status in self._place.get("/lab/experiments").items()
            if tag.items() <= fis.get_experiment(id=one)["experiment"]["tags"].items()
        ]
        for item in self._items(run_id):
            if "open" in item:
                left.append("the run is open")
            kind = item["sk"]["S"]
            undone = item.get("undo_state", {}).get("S") == "undone" and "verified_at" in item
            if kind.startswith("UNDO#") and not undone:
                left.append(f"{kind} is not undone and read back")
        return left

    def left_by_anybody(self) -> list[str]:
        """What the account has once all runs are over, also what carries the name of no run."""
        fis, table = self._place.client("fis"), self._place.client("dynamodb")
        pages = fis.get_paginator("list_experiment_templates").paginate()
        left = [f"template {t['id']}" for page in pages for t in page["experimentTemplates"]]
        left += [f"experiment {one}" for one in self._place.get("/lab/experiments")]
        scanned = table.get_paginator("scan").paginate(TableName=self._place.outputs["TableName"])
        for item in (item for page in scanned for item in page["Items"]):
            owed = item.get("undo_state", {}).get("S", "undone") != "undone"
            if item["sk"]["S"] == "LEASE" or "open" in item or owed:
                left.append(f"{item['pk']['S']} {item['sk']['S']}")
        return left

    def _left_held(self, held: str) -> list[str]:
        """Whether somebody still holds a workload, or a place within a canary's."""
        key = {"pk": {"S": f"WORKLOAD#{held}"}, "sk": {"S": "LEASE"}}
        table = self._place.outputs["TableName"]
        lease = self._place.client("dynamodb").get_item(TableName=table, Key=key).get("Item")
        return [f"{held} is held by {lease['run_id']['S']}"] if lease else []

    def _moved(self, side: Side, run_id: str) -> list[str]:
        """Weights are as they were, or at 100 % by a promotion that was over, and says so."""
        evidence = self._evidence(run_id)
        undo = evidence.undo if evidence else []
        promoted = any(one.what == "weights" and "promoted" in one.found for one in undo)
        stable, canary = (side.weights().get(group, 0) for group in side.groups)
        if (stable, canary) == ((0, 100) if promoted else (100, 0)):
            return []
        return [f"weights are {stable}/{canary}, the run is {'' if promoted else 'not '}promoted"]

    def _wrong_in_itself(self, run_id: str) -> list[str]:
        """What a run says, held against itself and against what it announced."""
        evidence = self._evidence(run_id)
        if evidence is None:
            return ["a planned run has no evidence"] if self._items(run_id) else []
        problems = []
        again = judge_again(evidence).evidence.verdict
        if again is not evidence.verdict:
            problems.append(f"the evidence says {evidence.verdict}, its samples {again}")
        if evidence.verdict is Verdict.PASS and evidence.failure is not None:
            problems.append("PASS in spite of a failure")
        said = [d["verdict"] for d in self._news.announced(run_id, "Run Finished", 10.0)]
        if said != [evidence.verdict]:
            problems.append(f"events said {said}, the evidence {evidence.verdict}")
        return problems

    def _wrong(self, case: Case, run_id: str, ended: Mapping[str, Any]) -> list[str]:
        """What the run says, held against what was done to it."""
        status, evidence = ended["status"], self._evidence(run_id)
        told = f"{ended.get('error', '')} {ended.get('cause', '')}"
        if status == "STILL RUNNING":
            return ["the execution does not end"]
        if evidence is None:
            return []
        problems = []
        broken = case.primed or (case.state if case.machine == case.on else None)
        expected = Verdict.FAIL if case.goes_back else Verdict.PASS
        if case.keeps_verdict and evidence.verdict is not expected:
            problems.append(f"judged {expected}, and {evidence.verdict} in the end")
        if status == "SUCCEEDED" and evidence.verdict is not expected and not case.handled:
            problems.append(f"succeeded with {evidence.verdict}: {evidence.verdict_reason}")
        if status == "FAILED" and broken and broken not in told:
            problems.append(f"the execution does not name {broken}: {told[:200]}")
        if evidence.verdict is Verdict.ERROR and broken:
            failure = evidence.failure
            if failure is None or broken not in f"{failure.state} {failure.cause}":
                problems.append(f"the evidence does not name {broken}: {failure}")
        if case.is_harmless and (status, evidence.verdict) != ("SUCCEEDED", expected):
            problems.append(f"{case.kind}, and {status} with {evidence.verdict}: {told[:200]}")
        return problems

    def _unreported(self, case: Case, run_id: str) -> list[str]:
        """Whether there is a report of the run, held against what was said of it."""
        sfn, arn = self._place.client("stepfunctions"), self._report_of(run_id)
        try:
            sfn.describe_execution(executionArn=arn)
        except sfn.exceptions.ExecutionDoesNotExist:
            ended = {"status": "NEVER STARTED"}
        else:
            ended = self._news.end_of(arn)
        there = self._stored(report_key(run_id, "en")) is not None
        missing = self._news.called_missing(run_id)
        if there and missing and case.knows_its_effect:
            return [f"there is a report, and yet it is said to be missing: {missing}"]
        if not there and missing and case.passes:
            return [f"{case.kind} for a while, and no report: {missing}"]
        if there or (missing and ended["status"] == "NEVER STARTED"):
            return []
        return [f"there is no report, its execution is {ended['status']}, and nobody says so"]

    def _wrongly_reported(self, case: Case, run_id: str, ended: Mapping[str, Any]) -> list[str]:
        """What the machine `report` says, held against what there is."""
        status, cause = ended["status"], str(ended.get("cause") or "")
        trends = case.state == "Publish Trends"
        named = "the news of it" if case.state == "Notify People" else case.state
        if case.kind in ("throttled", "twice") and status != "SUCCEEDED":
            return [f"{case.kind}, and the report is {status}: {cause[:200]}"]
        if status == "FAILED" and ended["error"] == "ReportMissing" and named not in cause:
            return [f"the report does not name {named}: {cause[:200]}"]
        ready = (status == "SUCCEEDED" and not trends) or self._news.announced(
            run_id, "Report Ready"
        )
        if ready and not self._stored(report_key(run_id, "en")):
            return ["a report is told of that is not stored"]
        return []


def _runs_of(case: Case, run_id: str) -> list[str]:
    """The case's run, and that of its chaos gate."""
    return [run_id, f"{run_id}-at-50"] if case.gated else [run_id]


def _not_the_same(answers: list[list[Any]]) -> list[str]:
    """Where the second answer was another one, though it was about the same run and decided."""
    return [
        f"answered {first}, then {second}"
        for first, second in answers
        if first != second
        and {"run_id", "executionArn"} & set(first)
        and first.get("next") not in LOOK_AGAIN
    ]


def _rules(case: Case, run_id: str) -> list[dict[str, Any]]:
    """The rules that make a case."""
    rules: list[dict[str, Any]] = []
    if case.primed:
        rules.append(_rule(case.on, case.primed, "unknown", run_id, skip=1))
    if case.machine == "recover":
        rules.append(_rule("experiment", "Start Fault", "stopped after", run_id))
    strike = _rule(case.machine, case.state, case.kind, run_id, skip=case.skip)
    return [*rules, strike | {"times": case.times, "error": case.error}]


def _rule(machine: str, state: str, kind: str, run_id: str, *, skip: int = 0) -> dict[str, Any]:
    """A rule; the machine is named as it is deployed."""
    machine = f"{STACK}-{machine}"
    return {"machine": machine, "state": state, "kind": kind, "run_id": run_id, "skip": skip}
