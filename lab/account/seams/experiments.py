"""FIS: states come from the executor, not from the clock; tokens and quotas as on AWS."""

import json
import time
from typing import Any

from lab.account import fis
from lab.account.parts import Parts
from lab.account.seams.insides import replace

_OTHER_REQUEST = "The client token belongs to another request"
_REQUEST = ("description", "stop_conditions", "targets", "actions", "role_arn", "tags")


def connect(parts: Parts) -> None:
    _connect_templates()
    _connect_starts(parts)
    _connect_states(parts)


def _error(kind: str, message: str, status: int) -> Exception:
    from moto.core.exceptions import JsonRESTError

    error = JsonRESTError(kind, message)
    error.code = status
    return error


def _connect_templates() -> None:
    from moto.fis.models import FISBackend

    create = FISBackend.create_experiment_template
    requests: dict[str, str] = {}

    def checked(self: Any, **request: Any) -> Any:
        token = str(request.get("client_token"))
        text = json.dumps({name: request.get(name) for name in _REQUEST}, sort_keys=True)
        if token in self._client_token_to_template_id and requests.get(token) != text:
            raise _error("ConflictException", _OTHER_REQUEST, 409)
        try:
            fis.check_template(
                request["actions"], request["targets"] or {}, request["stop_conditions"]
            )
        except fis.InvalidError as error:
            raise _error("ValidationException", str(error), 400) from error
        made = create(self, **request)
        requests[token] = text
        return made

    replace(FISBackend, "create_experiment_template", checked)


def _connect_starts(parts: Parts) -> None:
    from moto.fis.models import FISBackend

    experiments = parts.experiments
    start, stop = FISBackend.start_experiment, FISBackend.stop_experiment

    def started(self: Any, **request: Any) -> Any:
        known = self._client_token_to_experiment_id.get(request.get("client_token"))
        if known:
            if self.experiments[known].experiment_template_id != request["experiment_template_id"]:
                raise _error("ConflictException", _OTHER_REQUEST, 409)
            return self.get_experiment(known)
        if experiments.active >= fis.ACTIVE_LIMIT:
            message = f"You have reached the limit of {fis.ACTIVE_LIMIT} active experiments"
            raise _error("ServiceQuotaExceededException", message, 402)
        made = start(self, **request)
        own = self.experiments[made["id"]]
        own.start_time = None
        experiments.begin(own.id, own.actions, own.targets, own.experiment_options, time.time())
        return self.get_experiment(own.id)

    def stopped(self: Any, id: str) -> Any:
        if id in self.experiments:
            experiments.stop(id)
        return stop(self, id)

    replace(FISBackend, "start_experiment", started)
    replace(FISBackend, "stop_experiment", stopped)


def _connect_states(parts: Parts) -> None:
    from moto.fis.models import Experiment, ResolvedTarget

    experiments = parts.experiments

    def sync(self: Any) -> str:
        if not experiments.knows(self.id):
            return "pending"  # its targets are just being resolved
        run = experiments.run(self.id)
        self.start_time, self.end_time = run.state.start, run.state.end
        for name, action in self.actions.items():
            status = run.actions[name]
            action["state"] = {"status": status.status, "reason": status.reason}
            times = {"startTime": status.start, "endTime": status.end}
            action.update({key: at for key, at in times.items() if at is not None})
        return run.state.status

    def with_reason(original: Any) -> Any:
        def shown(self: Any, tags: Any = None) -> Any:
            answer = original(self, tags=tags)
            if experiments.knows(self.id):
                answer["state"]["reason"] = experiments.run(self.id).state.reason
            return answer

        return shown

    def resolved(self: Any) -> Any:
        if not experiments.knows(self.id):
            return []
        return [
            ResolvedTarget(
                resource_type=self.targets[name]["resourceType"],
                target_name=name,
                resource_arn=arn,
            )
            for name, arns in experiments.run(self.id).targets.items()
            for arn in arns
        ]

    replace(Experiment, "_sync_state", sync)
    replace(Experiment, "to_dict", with_reason(Experiment.to_dict))
    replace(Experiment, "to_summary_dict", with_reason(Experiment.to_summary_dict))
    replace(Experiment, "resolved_targets", resolved)
