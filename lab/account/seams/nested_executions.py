"""Step Functions' own calls that start executions: they fail in AWS's words, also by sabotage."""

import json
import time
from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import ClientError

from lab.account.functions import ThrottledError
from lab.account.parts import Parts
from lab.account.sabotage import START_ERRORS, Answer
from lab.account.seams.insides import replace
from lab.account.seams.step_functions import count_late, model, stop

_GENERAL: Final = "StepFunctions.AWSStepFunctionsException"
"""What every error is called that the API's model has no name for, throttling and denials too."""


def connect(parts: Parts) -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service_sfn,
    )

    nested = state_task_service_sfn.StateTaskServiceSfn
    _connect_starts(parts, nested)
    _connect_waits(parts, nested)


def _connect_starts(parts: Parts, nested: Any) -> None:
    from moto.stepfunctions.parser.asl.component.common.error_name import failure_event

    original_call, original_error = nested._eval_service_task, nested._from_error

    def call(self: Any, env: Any, normalised_parameters: Any, **keywords: Any) -> None:
        context = env.states.context_object.context_object_data

        def start() -> Answer:
            """A refusal is an answer, too: it can be lost."""
            try:
                original_call(
                    self, env=env, normalised_parameters=normalised_parameters, **keywords
                )
            except ClientError as error:
                return {"Payload": None, "refused": error}
            answer = env.stack.pop()
            return {"Payload": answer | {"startDate": answer["startDate"].isoformat()}}

        try:
            answer = parts.sabotage.strike(
                context,
                json.loads(normalised_parameters["input"]),
                start,
                lambda: stop(parts, context),
                lambda: count_late(parts, context),
                START_ERRORS,
            )
        except ThrottledError as error:
            raise _refused("ThrottlingException", "Rate exceeded") from error
        if "refused" in answer:
            raise answer["refused"]
        if "FunctionError" in answer:
            name, cause = answer["Payload"]["errorType"], answer["Payload"]["errorMessage"]
            if name == "States.Timeout":
                _outlast(parts, env, normalised_parameters)
                raise TimeoutError
            raise failure_event.FailureEventException(_failure(self, env, name, cause))
        env.stack.append(dict(answer["Payload"]))

    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        found = original_error(self, env, ex)
        if not isinstance(ex, ClientError):
            return found
        code = ex.response["Error"]["Code"]
        modelled = model("stepfunctions", "startexecution").error_shapes
        if code not in {shape.name for shape in modelled}:
            name = _GENERAL
        else:
            name = f"StepFunctions.{code.removesuffix('Exception')}Exception"
        return _failure(self, env, name, found.event_details["taskFailedEventDetails"]["cause"])

    replace(nested, "_eval_service_task", call)
    replace(nested, "_from_error", from_error)


def _outlast(parts: Parts, env: Any, parameters: Any) -> None:
    """A call that times out has taken long: what it has started is over by then, if it is short."""
    machine, name = parameters["stateMachineArn"], parameters["name"]
    child = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    api = parts.client("stepfunctions")
    while env.is_running() and api.describe_execution(executionArn=child)["status"] == "RUNNING":
        time.sleep(0.05)


def _refused(code: str, message: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "lab"},
    }
    return ClientError(answer, "StartExecution")


def _failure(task: Any, env: Any, error: str, cause: str) -> Any:
    """The event of a task that has failed."""
    from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
    from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
        CustomErrorName,
    )
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEvent,
    )

    details: Any = TaskFailedEventDetails(
        error=error,
        cause=cause,
        resource=task._get_sfn_resource(),
        resourceType=task._get_sfn_resource_type(),
    )
    made: Any = {"taskFailedEventDetails": details}
    return FailureEvent(
        env=env,
        error_name=CustomErrorName(error),
        event_type=HistoryEventType.TaskFailed,
        event_details=made,
    )


def _connect_waits(parts: Parts, nested: Any) -> None:
    original_wait = nested._eval_sync

    def wait(self: Any, env: Any, sync_resolver: Any, **keywords: Any) -> Any:
        """As on AWS, a nested execution is stopped with the state that waits for it."""
        arn = env.lab_nested
        result = original_wait(self, env=env, sync_resolver=sync_resolver, **keywords)
        if result is None and not env.is_running():
            parts.client("stepfunctions").stop_execution(
                executionArn=arn, cause="The parent execution or its state has ended"
            )
        return result

    def remember(build: Callable[..., Any]) -> Callable[..., Any]:
        def resolver(self: Any, env: Any, **keywords: Any) -> Any:
            env.lab_nested = env.stack[-1]["ExecutionArn"]
            return build(self, env=env, **keywords)

        return resolver

    replace(nested, "_eval_sync", wait)
    replace(nested, "_build_sync_resolver", remember(nested._build_sync_resolver))
    replace(nested, "_build_sync2_resolver", remember(nested._build_sync2_resolver))
