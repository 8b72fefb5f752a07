"""What runs in the lab show: recovery against the truth, the way to a stop, what looks cost."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from lab.up import Lab
from steadystate.evidence import Evidence

HISTORY_SECONDS = 32.0
TRIPS = {
    "guardrails.too-many-errors.sli": "probe_latency",
    "guardrails.too-many-errors.bound": "< 100 ms",
    "guardrails.too-many-errors.points": 1,
    "method.slow-network.duration": "60s",
}
"""Overrides with which the guardrail of bank-latency breaks at once."""


class Bench:
    """A lab, and what was measured in it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.sfn = lab.client("stepfunctions")

    def run(self, scenario: str, overrides: dict[str, Any]) -> tuple[Evidence, list[Any]]:
        """Run a scenario to its end; return its evidence and its history."""
        self.wait_until_whole()
        arn = self.lab.execute({"scenario": scenario, "overrides": overrides, "reason": "bench"})
        while self.sfn.describe_execution(executionArn=arn)["status"] == "RUNNING":
            time.sleep(0.5)
        history = self.sfn.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        body = self.lab.client("s3").get_object(
            Bucket=self.lab.outputs["EvidenceBucketName"],
            Key=f"runs/{arn.rsplit(':', 1)[1]}/run.json",
        )["Body"]
        return Evidence.model_validate_json(body.read()), history

    def wait_until_whole(self) -> None:
        elb = self.lab.client("elbv2")
        group = self.lab.target_group
        while True:
            found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
            if [t["TargetHealth"]["State"] for t in found] == ["healthy"] * 3:
                return
            time.sleep(0.5)


def repeated(what: str, once: Callable[[Bench], float], count: int = 5) -> list[str]:
    """Return the rows of a table of seconds, of which the first is with cold functions."""
    with tempfile.TemporaryDirectory() as state, Lab("bank", Path(state)) as lab:
        time.sleep(HISTORY_SECONDS)
        bench = Bench(lab)
        seconds = [once(bench) for _ in range(count)]
    return [
        "| figure | measured |",
        "|---|---|",
        f"| {what}, first run: cold functions (s) | {seconds[0]:.1f} |",
        f"| the same, median and largest of the next {count - 1} (s) "
        f"| {median(seconds[1:]):.1f}, {max(seconds[1:]):.1f} |",
    ]


def measure(count: int) -> list[str]:
    """Return the rows of a table."""
    with tempfile.TemporaryDirectory() as state, Lab("bank", Path(state)) as lab:
        time.sleep(HISTORY_SECONDS)
        bench = Bench(lab)
        recoveries = [_recovery(bench, k) for k in range(count)]
        stops = [_stop(bench) for _ in range(3)]
    inside = [r for r in recoveries if r["inside"]]
    fault = [r["from_fault"] for r in recoveries]
    breach = [r["from_breach"] for r in recoveries]
    rows = [
        "| figure | measured |",
        "|---|---|",
        f"| runs of bank-instance-loss whose true outage lies inside the interval "
        f"| {len(inside)} of {count} |",
        f"| width of the interval from the fault, median and largest (s) "
        f"| {median(fault):.2f}, {max(fault):.2f} |",
        f"| width of the interval from the first breach, median and largest (s) "
        f"| {median(breach):.2f}, {max(breach):.2f} |",
        f"| guardrail broken to fault stopped and read back, median and largest of {len(stops)} (s)"
        " "
        f"| {median(stops):.2f}, {max(stops):.2f} |",
        f"| state transitions a look, largest | {max(r['transitions'] for r in recoveries):.2f} |",
        f"| payload between states, largest (bytes) | {max(r['payload'] for r in recoveries)} |",
        "",
        "| run | truth from fault (s) | from fault (s) | from breach (s) | verdict |",
        "|---|---|---|---|---|",
    ]
    return rows + [r["row"] for r in recoveries]


def _recovery(bench: Bench, number: int) -> dict[str, Any]:
    began = time.time()
    evidence, history = bench.run("bank-instance-loss", {"recovery.good": "6s"})
    door = bench.lab.truth(began, time.time())["front_door"]
    recovery = evidence.recovery
    if recovery.from_fault is None or recovery.from_breach is None or recovery.injected_at is None:
        raise SystemExit(f"run {evidence.run_id} measured nothing: {evidence.verdict_reason}")
    low, high = recovery.from_fault.low, _end(recovery.from_fault.high)
    true = max(0.0, (door["last_error_at"] or 0.0) - recovery.injected_at.timestamp())
    slack = 0.02  # the balancer stamps a request when it arrives, the prober when it sends it
    entered = [e for e in history if e["type"].endswith("StateEntered")]
    looks = [e for e in entered if e["stateEnteredEventDetails"]["name"] == "Watch Window"]
    choices = [e for e in entered if e["type"] == "ChoiceStateEntered"]
    felt = recovery.from_breach
    return {
        "inside": low - slack <= true <= high + slack,
        "from_fault": high - low,
        "from_breach": _end(felt.high) - felt.low,
        "transitions": (len(looks) + len(choices)) / len(looks),
        "payload": max(_payloads(history)),
        "row": f"| {number + 1} | {true:.2f} | {low:.2f} to {high:.2f} "
        f"| {felt.low:.2f} to {_end(felt.high):.2f} | {evidence.verdict} |",
    }


def _end(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds


def _payloads(history: list[Any]) -> list[int]:
    details = [v for e in history for k, v in e.items() if k.endswith("EventDetails")]
    texts = [d[key] for d in details for key in ("input", "output") if key in d]
    return [len((t if isinstance(t, str) else json.dumps(t)).encode()) for t in texts]


def _stop(bench: Bench) -> float:
    evidence, _ = bench.run("bank-latency", TRIPS)
    if evidence.stop is None or not evidence.stop.by.startswith("guardrail"):
        raise SystemExit(f"run {evidence.run_id} was not stopped: {evidence.verdict_reason}")
    broken = min(
        t.at + 1
        for s in evidence.samples
        if s.phase == "injecting"
        for t in s.ticks
        if t.p95_milliseconds is not None and t.p95_milliseconds >= 100
    )
    undone = next(u.verified_at for u in evidence.undo if u.what == "fis-experiment")
    if undone is None:
        raise SystemExit(f"run {evidence.run_id} was not undone")
    return undone.timestamp() - broken
