"""Fault experiments: their targets, and the states that the fault executor reports.

The account starts an experiment and resolves its targets; another process carries it out and says
how it goes. A state never goes back: a terminal one stays, and `stopping` only ends.
"""

import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TERMINAL = ("completed", "stopped", "failed")
ACTIVE_LIMIT = 5

_REPORTED = ("running", *TERMINAL)
_ACTION_ENDS = ("completed", "cancelled", "stopped", "failed", "skipped")
_ACTION_STATUSES = ("pending", "initiating", "running", "stopping", *_ACTION_ENDS)
_SELECTION = re.compile(r"ALL|COUNT\(([1-9]\d*)\)|PERCENT\(([1-9]\d?|100)\)")


class InvalidError(Exception):
    """A template or a report is not valid; the message says where."""


@dataclass
class _Status:
    status: str
    reason: str
    start: float | None = None
    end: float | None = None


@dataclass
class Run:
    """One experiment: its own state, its actions' states and the ARNs that each target gave."""

    state: _Status
    actions: dict[str, _Status]
    targets: dict[str, list[str]] = field(default_factory=dict)


class Experiments:
    """The experiments of the account. Times are epoch seconds."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    @property
    def active(self) -> int:
        """How many have not ended."""
        return len(self.going_on())

    def going_on(self) -> dict[str, str]:
        """The status of each that has not ended, by its id."""
        statuses = {name: run.state.status for name, run in list(self._runs.items())}
        return {name: status for name, status in statuses.items() if status not in TERMINAL}

    def begin(
        self,
        experiment: str,
        actions: Mapping[str, Any],
        targets: Mapping[str, Any],
        options: Mapping[str, str],
        now: float,
    ) -> None:
        """Start: targets are resolved now. With actionsMode `skip-all` that is all there is."""
        run = Run(
            state=_Status("initiating", "Experiment is initiating."),
            actions={name: _Status("pending", "Initial state") for name in actions},
            targets={name: self._resolve(target) for name, target in targets.items()},
        )
        if options.get("actionsMode") == "skip-all":
            _skip(run, options, now)
        with self._lock:
            self._runs[experiment] = run

    def stop(self, experiment: str) -> None:
        """Ask for the end; the executor removes the fault and then reports `stopped`."""
        with self._lock:
            run = self._runs[experiment]
            if run.state.status not in TERMINAL:
                run.state.status, run.state.reason = "stopping", "Experiment is stopping."

    def report(self, experiment: str, body: Any, now: float) -> None:
        """Take what the executor says. Raises InvalidError, and KeyError for an unknown id."""
        run = self._runs[experiment]
        at = _checked(run, body, now)
        with self._lock:
            for name, given in (body.get("actions") or {}).items():
                _move(run.actions[name], given, at, ends=_ACTION_ENDS, keep=())
            if body.get("state"):
                _move(run.state, body["state"], at, ends=TERMINAL, keep=("stopping",))

    def knows(self, experiment: str) -> bool:
        return experiment in self._runs

    def run(self, experiment: str) -> Run:
        return self._runs[experiment]

    def _resolve(self, target: Mapping[str, Any]) -> list[str]:
        arns = list(target.get("resourceArns") or []) or self._tagged(target)
        match = _SELECTION.fullmatch(target.get("selectionMode") or "ALL")
        if match is None or match[0] == "ALL":
            return arns
        count = int(match[1]) if match[1] else max(1, len(arns) * int(match[2]) // 100)
        return random.sample(arns, min(count, len(arns)))

    def _tagged(self, target: Mapping[str, Any]) -> list[str]:
        tags = target.get("resourceTags") or {}
        kind = target.get("resourceType", "")
        if kind == "aws:ec2:instance":
            return self._instances(tags, target.get("filters") or [])
        if kind == "aws:rds:db":
            found = self._client("rds").describe_db_instances()["DBInstances"]
            return [i["DBInstanceArn"] for i in found if _has(i.get("TagList", []), tags)]
        if kind == "aws:ecs:task":
            return self._tasks(tags, target.get("parameters") or {})
        return []

    def _tasks(self, tags: Mapping[str, str], parameters: Mapping[str, str]) -> list[str]:
        """Running tasks, of the cluster and the service that the parameters name."""
        ecs = self._client("ecs")
        service = {"serviceName": parameters["service"]} if "service" in parameters else {}
        named = parameters.get("cluster")
        arns = []
        for cluster in [named] if named else ecs.list_clusters()["clusterArns"]:
            listed = ecs.list_tasks(cluster=cluster, **service)["taskArns"]
            if listed:
                answer = ecs.describe_tasks(cluster=cluster, tasks=listed, include=["TAGS"])
                arns += [t["taskArn"] for t in answer["tasks"] if _has(t.get("tags", []), tags)]
        return arns

    def _instances(self, tags: Mapping[str, str], filters: list[Mapping[str, Any]]) -> list[str]:
        ec2 = self._client("ec2")
        wanted = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
        arns = []
        for page in ec2.get_paginator("describe_instances").paginate(Filters=wanted):
            for reservation in page["Reservations"]:
                prefix = f"arn:aws:ec2:{ec2.meta.region_name}:{reservation['OwnerId']}:instance/"
                arns += [
                    prefix + instance["InstanceId"]
                    for instance in reservation["Instances"]
                    if instance["State"]["Name"] != "terminated"
                    and all(_at(instance, f["path"]) & set(f["values"]) for f in filters)
                ]
        return arns


def check_template(
    actions: Mapping[str, Any], targets: Mapping[str, Any], conditions: list[Any] | None
) -> None:
    """Raises InvalidError for what FIS refuses."""
    if not actions:
        raise InvalidError("An experiment template needs at least one action")
    if not conditions:
        raise InvalidError("stopConditions is needed; its source may be none")
    for name, target in targets.items():
        if not _SELECTION.fullmatch(target.get("selectionMode", "")):
            raise InvalidError(f"Target {name}: invalid selectionMode")
        if not any(target.get(key) for key in ("resourceArns", "resourceTags", "parameters")):
            raise InvalidError(f"Target {name}: resourceArns or resourceTags is needed")
    for name, action in actions.items():
        for target in (action.get("targets") or {}).values():
            if target not in targets:
                raise InvalidError(f"Action {name}: there is no target {target}")
        for earlier in action.get("startAfter") or []:
            if earlier not in actions:
                raise InvalidError(f"Action {name}: startAfter: there is no action {earlier}")


def _checked(run: Run, body: Any, now: float) -> float:
    """The time of a report, once the whole report is found valid."""
    if not isinstance(body, dict) or not (body.get("state") or body.get("actions")):
        raise InvalidError('a JSON object with "state", "actions" or both is needed')
    state = body.get("state")
    if state is not None and (not isinstance(state, dict) or state.get("status") not in _REPORTED):
        raise InvalidError(f"state.status must be one of {', '.join(_REPORTED)}")
    actions = body.get("actions") or {}
    if not isinstance(actions, dict):
        raise InvalidError("actions must be an object by action name")
    for name, given in actions.items():
        if name not in run.actions:
            raise InvalidError(f"the experiment has no action {name}")
        if not isinstance(given, dict) or given.get("status") not in _ACTION_STATUSES:
            raise InvalidError(f"actions.{name}.status must be one of {_ACTION_STATUSES}")
    at = body.get("at", now)
    if not isinstance(at, int | float) or isinstance(at, bool):
        raise InvalidError("at must be a number, in epoch seconds")
    return float(at)


def _move(
    state: _Status,
    given: Mapping[str, str],
    at: float,
    *,
    ends: tuple[str, ...],
    keep: tuple[str, ...],
) -> None:
    status = given["status"]
    if state.status in ends:
        return
    if status == "running" and state.start is None:
        state.start = at
    if state.status in keep and status not in ends:
        return
    state.status, state.reason = status, given.get("reason") or state.reason
    if status in ends:
        state.end = at


def _skip(run: Run, options: Mapping[str, str], now: float) -> None:
    empty = any(not arns for arns in run.targets.values())
    failed = empty and options.get("emptyTargetResolutionMode", "fail") == "fail"
    reason = "Target resolution returned empty set" if failed else "Experiment completed"
    run.state = _Status("failed" if failed else "completed", reason, now, now)
    for action in run.actions.values():
        action.status, action.reason = "skipped", "Action was skipped: actionsMode is skip-all"


def _has(tags: list[Mapping[str, str]], wanted: Mapping[str, str]) -> bool:
    own = {tag.get("Key", tag.get("key")): tag.get("Value", tag.get("value")) for tag in tags}
    return all(own.get(key) == value for key, value in wanted.items())


def _at(document: Any, path: str) -> set[str]:
    """The values at a filter's path, such as `State.Name` or `SecurityGroups.GroupId`."""
    values = [document]
    for name in path.split("."):
        found = [value.get(name) for value in values if isinstance(value, dict)]
        values = [v for f in found for v in (f if isinstance(f, list) else [f])]
    return {str(value) for value in values if value is not None}
