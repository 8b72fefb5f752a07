"""AWS FIS: experiments that belong to a run, found by the tag `steadystate:run`."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from steadystate.adapters.aws import client, code_of, passing_faults
from steadystate.contracts import FAULT_OVER, FaultState, Plan
from steadystate.errors import FaultFailed, UndoIncomplete

if TYPE_CHECKING:
    from mypy_boto3_fis import FISClient

RUN_TAG = "steadystate:run"
GONE = "gone from FIS"
ACTED = frozenset({"running", "completed", "stopping", "stopped"})


class FisFaults:
    """The port Faults on FIS."""

    def __init__(self, role_arn: str) -> None:
        self._role_arn = role_arn

    @property
    def _fis(self) -> "FISClient":
        return client("fis")  # type: ignore[no-any-return]

    def create_template(self, plan: Plan) -> str:
        """Create the run's template; the client token makes a second call find the first's."""
        try:
            fis: FISClient = client("fis", once=True)
            with passing_faults():
                answer = fis.create_experiment_template(**self._template(plan))
        except ClientError as error:
            raise FaultFailed(f"FIS refused the template: {error}") from error
        return answer["experimentTemplate"]["id"]

    def _template(self, plan: Plan) -> dict[str, Any]:
        alarms = [{"source": "aws:cloudwatch:alarm", "value": arn} for arn in plan.alarms]
        return {
            "clientToken": _token(plan.run_id),
            "description": f"Steadystate run {plan.run_id}: {plan.scenario}"[:512],
            "roleArn": self._role_arn,
            "stopConditions": alarms or [{"source": "none"}],
            "targets": {
                name: {
                    "resourceType": fault.resource,
                    "resourceArns": fault.targets,
                    "selectionMode": "ALL",
                }
                for name, fault in plan.faults.items()
                if fault.targets
            },
            "actions": {
                name: {
                    "actionId": fault.action,
                    "parameters": fault.parameters,
                    "targets": {fault.target_key: name} if fault.target_key else {},
                    "startAfter": fault.start_after,
                }
                for name, fault in plan.faults.items()
            },
            "tags": {RUN_TAG: plan.run_id, "Name": f"steadystate {plan.scenario}"},
        }

    def start(self, plan: Plan, template_id: str) -> FaultState:
        """Start the experiment; the client token makes a second call find the first's."""
        try:
            fis: FISClient = client("fis", once=True)
            with passing_faults():
                answer = fis.start_experiment(
                    clientToken=_token(plan.run_id),
                    experimentTemplateId=template_id,
                    tags={RUN_TAG: plan.run_id},
                )
        except ClientError as error:
            raise FaultFailed(f"FIS refused to start: {error}") from error
        return _state(answer["experiment"])

    def state(self, experiment_id: str) -> FaultState:
        """Return the experiment's state."""
        try:
            with passing_faults():
                return _state(self._fis.get_experiment(id=experiment_id)["experiment"])
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            raise FaultFailed(f"FIS does not know experiment {experiment_id} any more") from error

    def stop_experiments(self, run_id: str, known_id: str | None = None) -> str | None:
        """Stop what still runs, and read back; None while anything does."""
        by_hand = _find("list-experiments", "experiments", run_id)
        with _refusals_of("the experiments cannot be listed", by_hand):
            tagged = [e["id"] for e in self._experiments() if _is_of(e, run_id)]
        mine = sorted({*tagged, *filter(None, [known_id])})
        states = {one: self._stopped(one) for one in mine}
        if any(status not in FAULT_OVER | {GONE} for status in states.values()):
            return None
        return ", ".join(f"{i} {s}" for i, s in states.items()) or "no experiment was started"

    def _stopped(self, experiment_id: str) -> str:
        """Stop an experiment unless it is over; return its status, read back."""
        by_hand = f"aws fis stop-experiment --id {experiment_id}"
        with _refusals_of(f"experiment {experiment_id} cannot be stopped", by_hand):
            try:
                if self.state(experiment_id).status not in FAULT_OVER | {"stopping"}:
                    self._stop(experiment_id)
                return self.state(experiment_id).status
            except FaultFailed:
                return GONE

    def _stop(self, experiment_id: str) -> None:
        try:
            self._fis.stop_experiment(id=experiment_id)
        except ClientError as error:
            # It ended between our look and our call: the reading back decides.
            if code_of(error) not in ("ResourceNotFoundException", "ValidationException"):
                raise

    def delete_templates(self, run_id: str) -> str | None:
        """Delete the run's templates, and read back; None while one is there."""
        for template_id in self._templates(run_id):
            by_hand = f"aws fis delete-experiment-template --id {template_id}"
            with _refusals_of(f"template {template_id} cannot be deleted", by_hand):
                try:
                    self._fis.delete_experiment_template(id=template_id)
                except ClientError as error:
                    if code_of(error) != "ResourceNotFoundException":
                        raise
        return None if self._templates(run_id) else "no template left"

    def _templates(self, run_id: str) -> list[str]:
        by_hand = _find("list-experiment-templates", "experimentTemplates", run_id)
        with _refusals_of("the templates cannot be listed", by_hand):
            pages = self._fis.get_paginator("list_experiment_templates").paginate()
            return [
                template["id"]
                for page in pages
                for template in page["experimentTemplates"]
                if _is_of(template, run_id)
            ]

    def _experiments(self) -> Iterator[Any]:
        for page in self._fis.get_paginator("list_experiments").paginate():
            yield from page["experiments"]


@contextmanager
def _refusals_of(what: str, by_hand: str) -> Iterator[None]:
    """Turn what FIS refuses into words for a person: what, why, and by which command."""
    try:
        with passing_faults():
            yield
    except ClientError as error:
        raise UndoIncomplete(f"{what}: {error}. By hand: {by_hand}") from error


def _find(what: str, names: str, run_id: str) -> str:
    """Return the command that finds a run's resources."""
    query = f"""{names}[?tags.\\"{RUN_TAG}\\"=='{run_id}'].id"""
    return f'aws fis {what} --query "{query}" --output text'


def _is_of(resource: Any, run_id: str) -> bool:
    return bool(resource.get("tags", {}).get(RUN_TAG) == run_id)


def _token(run_id: str) -> str:
    """Return a client token of FIS's length, the same for every call of a run."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:64]


def _state(experiment: Any) -> FaultState:
    actions = [
        (a.get("state", {}).get("status", ""), a) for a in experiment.get("actions", {}).values()
    ]
    acted = [a for status, a in actions if status in ACTED]
    targets = experiment.get("targets", {})
    hit = {
        arn
        for action in acted
        for name in action.get("targets", {}).values()
        for arn in targets.get(name, {}).get("resourceArns", [])
    }
    starts = [a["startTime"] for a in acted if a.get("startTime")]
    state = experiment["state"]
    return FaultState(
        template_id=experiment.get("experimentTemplateId", ""),
        experiment_id=experiment["id"],
        status=state["status"],
        reason=state.get("reason", ""),
        started_at=_epoch(min(starts)) if starts else None,
        ended_at=_epoch(experiment.get("endTime")),
        targets_hit=len(hit) if targets else len(acted),
    )


def _epoch(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None
