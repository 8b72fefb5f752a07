"""Step Functions: executions that run for real, end as they do on AWS, and tell EventBridge."""

import json
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from lab.account.functions import ThrottledError
from lab.account.parts import ACCOUNT_ID, Parts
from lab.account.seams import identity, state_expressions
from lab.account.seams.functions import count_throttled, described
from lab.account.seams.insides import replace

_PARSER = "moto.stepfunctions.parser"
_ENDS = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_PAGE = 1000

_ending = threading.RLock()
_current = threading.local()


def connect(parts: Parts) -> None:
    from moto.core.config import default_user_config

    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    state_expressions.connect()
    _connect_definitions()
    _connect_tasks(parts)
    _connect_ends(parts)
    _connect_api()


def _connect_definitions() -> None:
    """A definition is parsed once: what it becomes keeps nothing of an execution, and parsing it
    takes most of a second."""
    from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

    @cache
    def program(definition: str) -> Any:
        return AmazonStateLanguageParser.parse(definition)[0]

    def entrypoint(self: Any) -> Any:
        return program(self._evaluation_details.state_machine_details.definition)

    def say_nothing(*_: Any, **__: Any) -> None:
        """For each error moto writes out the whole tree of the state, and of all around it."""

    replace(ExecutionWorker, "_get_evaluation_entrypoint", entrypoint)
    replace(EvalComponent, "_log_failure_event_exception", say_nothing)
    replace(EvalComponent, "_log_exception", say_nothing)


def _connect_tasks(parts: Parts) -> None:
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service,
    )

    original_integration = lambda_eval_utils.execute_lambda_function_integration

    def with_context(env: Any, **keywords: Any) -> None:
        _current.context = env.states.context_object.context_object_data
        original_integration(env=env, **keywords)

    def run_function(
        parameters: Mapping[str, Any], region: str, state_credentials: Any
    ) -> dict[str, Any]:
        context = _current.context
        try:
            return parts.sabotage.strike(
                context,
                json.loads(parameters.get("Payload", "null")),
                lambda: _run_function(parts, parameters, region, state_credentials.role_arn),
                lambda: stop(parts, context),
                lambda: count_late(parts, context),
            )
        except ThrottledError as error:
            count_throttled(parts, parameters["FunctionName"])
            raise _refused("TooManyRequestsException", str(error), 429) from error

    replace(lambda_eval_utils, "execute_lambda_function_integration", with_context)

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        if region != parts.region:
            raise ValueError(f"the account has one region only, not {region}")
        role = getattr(state_credentials, "role_arn", None)
        return parts.role_client(service, role) if role else parts.client(service)

    replace(lambda_eval_utils, "_invoke_lambda_function", run_function)
    replace(retrier_decl, "time", parts.sabotage)
    for name, module in list(sys.modules.items()):
        if name.startswith(_PARSER) and hasattr(module, "boto_client_for"):
            replace(module, "boto_client_for", client_for)
    # Parameters and results change their spelling between the state language and the API.
    service_class = state_task_service.StateTaskService
    replace(service_class, "_normalise_parameters", _spell_parameters)
    replace(service_class, "_normalise_response", _spell_response)


def stop(parts: Parts, context: Mapping[str, Any]) -> None:
    """Stop the execution that a Context object is of."""
    parts.client("stepfunctions").stop_execution(
        executionArn=context["Execution"]["Id"], cause="sabotaged"
    )


def count_late(parts: Parts, context: Mapping[str, Any]) -> None:
    """Count a state that is entered late."""
    _count(parts, "ExecutionThrottled", context["StateMachine"]["Id"])


def _run_function(
    parts: Parts, parameters: Mapping[str, Any], region: str, role: str
) -> dict[str, Any]:
    from moto.awslambda.exceptions import UnknownFunctionException
    from moto.awslambda.models import lambda_backends

    name = parameters["FunctionName"]
    try:
        function = described(lambda_backends[ACCOUNT_ID][region].get_function(name))
    except UnknownFunctionException as error:
        raise _refused("ResourceNotFoundException", f"Function not found: {name}", 404) from error
    action = "lambda:InvokeFunction"
    if not identity.may(role, action, [function.arn]):
        message = identity.denial(role, "step-functions", action, [function.arn])
        raise _refused("AWSLambdaException", message, 403)
    outcome = parts.functions.invoke(function, parameters["Payload"])
    answer = {
        "ExecutedVersion": "$LATEST",
        "StatusCode": 200,
        "Payload": json.loads(outcome.payload),
    }
    return answer | ({"FunctionError": outcome.error} if outcome.error else {})


def _refused(code: str, message: str, status: int) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "lab"},
    }
    return ClientError(answer, "Invoke")


def _operation(task: Any, service: str | None, action: str | None) -> Any:
    name, wanted = task._get_boto_service_name(service), task._get_boto_service_action(action)
    return model(name, wanted.replace("_", ""))


@cache
def model(service: str, action: str) -> Any:
    """The model of an operation: to read it anew for every task takes longer than all the rest."""
    import botocore.session

    model = botocore.session.get_session().get_service_model(service)
    operation = next(o for o in model.operation_names if o.lower() == action)
    return model.operation_model(operation)


def _spell_parameters(
    self: Any,
    parameters: dict[str, Any],
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    shape = _operation(self, boto_service_name, service_action_name).input_shape
    if shape is not None:
        self._to_boto_request(parameters, shape)


def _spell_response(
    self: Any,
    response: Any,
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    shape = _operation(self, boto_service_name, service_action_name).output_shape
    if shape is not None:
        self._from_boto_response(response, shape)


def _connect_ends(parts: Parts) -> None:
    """An execution ends exactly once, at once when it is stopped, and says so on the event bus."""
    from moto.stepfunctions.parser.api import ExecutionStatus
    from moto.stepfunctions.parser.backend import execution as executions
    from moto.stepfunctions.parser.utils import TMP_THREADS

    execution_class = executions.Execution
    communication = executions.BaseExecutionWorkerCommunication
    original_start: Any = execution_class.start
    original_reflect: Any = communication._reflect_execution_status
    original_history = execution_class.to_history_output

    def start(self: Any) -> None:
        original_start(self)
        # Its thread makes the environment that answers to stops and task tokens need.
        deadline = time.monotonic() + 10
        while self.exec_worker.env is None and time.monotonic() < deadline:
            time.sleep(0.001)
        _tell(parts, self, "RUNNING")

    def reflect(self: Any) -> None:
        with _ending:
            TMP_THREADS.clear()  # moto keeps every thread that ever ran a state
            if self.execution.exec_status != ExecutionStatus.RUNNING:
                return
            original_reflect(self)
            status = self.execution.exec_status.value
            if status == "TIMED_OUT":
                _freeze(self.execution, "ExecutionTimedOut", {})
        _tell(parts, self.execution, status)

    def stop(self: Any, stop_date: datetime, error: str | None, cause: str | None) -> None:
        with _ending:
            if self.exec_status != ExecutionStatus.RUNNING:
                return
            details = {k: v for k, v in (("error", error), ("cause", cause)) if v}
            self.exec_worker.stop(stop_date=stop_date, cause=cause, error=error)
            self.exec_status = ExecutionStatus.ABORTED
            self.stop_date, self.error, self.cause = stop_date, error, cause
            _freeze(self, "ExecutionAborted", details)
        _tell(parts, self, "ABORTED")

    def history(self: Any) -> Any:
        return getattr(self, "lab_history", None) or original_history(self)

    def _freeze(execution: Any, kind: str, details: Mapping[str, Any]) -> None:
        """A task that still runs can add nothing to the history of an execution that is over."""
        events = [e for e in original_history(execution)["events"] if e["type"] != kind]
        last = events[-1]["id"] if events else 0
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = {"id": last + 1, "previousEventId": last, "type": kind, "timestamp": now}
        name = f"{kind[0].lower()}{kind[1:]}EventDetails"
        execution.lab_history = {"events": [*events, event | {name: dict(details)}]}

    replace(execution_class, "start", start)
    replace(execution_class, "stop", stop)
    replace(execution_class, "to_history_output", history)
    replace(communication, "_reflect_execution_status", reflect)


def _tell(parts: Parts, execution: Any, status: str) -> None:
    """Tell EventBridge, and count in CloudWatch."""
    parts.publish(_status_change(execution, status))
    name = {"RUNNING": "ExecutionsStarted", "TIMED_OUT": "ExecutionsTimedOut"}
    metric = name.get(status, f"Executions{status.title()}")
    _count(parts, metric, execution.state_machine_arn)


def _count(parts: Parts, metric: str, machine_arn: str) -> None:
    dimensions = [{"Name": "StateMachineArn", "Value": machine_arn}]
    datum = {"MetricName": metric, "Dimensions": dimensions, "Value": 1.0}
    parts.metrics.put("AWS/States", [datum], time.time())


def _status_change(execution: Any, status: str) -> dict[str, Any]:
    """The event that EventBridge gets, as an entry of PutEvents."""
    ended = execution.stop_date if status in _ENDS else None
    succeeded = status == "SUCCEEDED"
    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": status,
        "startDate": int(execution.start_date.timestamp() * 1000),
        "stopDate": int(ended.timestamp() * 1000) if ended else None,
        "input": execution.execution_input,
        "inputDetails": {"included": True},
        "output": json.dumps(execution.output) if succeeded else None,
        "outputDetails": {"included": True} if succeeded else None,
        "error": execution.error,
        "cause": execution.cause,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE" if not ended or succeeded else "REDRIVABLE",
        "redriveStatusReason": None,
    }
    return {
        "Source": "aws.states",
        "DetailType": "Step Functions Execution Status Change",
        "Resources": [execution.exec_arn],
        "Detail": json.dumps(detail),
    }


def _connect_api() -> None:
    """What the API drops or gets wrong: stop's reason, times, pages of the history, names."""
    from moto.core.responses import ActionResult, EmptyResult
    from moto.moto_api._internal import mock_random
    from moto.stepfunctions.exceptions import ValidationException
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend
    from moto.stepfunctions.responses import StepFunctionResponse

    original_start = StepFunctionsParserBackend.start_execution

    def start(self: Any, state_machine_arn: str, name: str | None = None, *rest: Any) -> Any:
        if name:
            self._validate_name(name)
        return original_start(self, state_machine_arn, name or str(mock_random.uuid4()), *rest)

    def stop(self: Any) -> Any:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        execution.stop(datetime.now(UTC), self._get_param("error"), self._get_param("cause"))
        return ActionResult({"stopDate": execution.stop_date})

    def fail(self: Any) -> Any:
        self.stepfunction_backend.send_task_failure(
            self._get_param("taskToken"), self._get_param("error"), self._get_param("cause")
        )
        return EmptyResult()

    def describe(self: Any) -> Any:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        with _ending:
            output = execution.to_describe_output()
        return ActionResult({k: v for k, v in output.items() if v is not None})

    def page(self: Any) -> Any:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        events = execution.to_history_output()["events"]
        if self._get_param("reverseOrder"):
            events = events[::-1]
        token = self._get_param("nextToken") or "0"
        if not token.isdigit():
            raise ValidationException("Invalid Token: 'Invalid token'")
        first = int(token)
        last = first + (self._get_int_param("maxResults") or _PAGE)
        following = {"nextToken": str(last)} if last < len(events) else {}
        return ActionResult({"events": events[first:last]} | following)

    def list_executions(self: Any) -> Any:
        arn, wanted = self._get_param("stateMachineArn"), self._get_param("statusFilter")
        found, token = self.stepfunction_backend.list_executions(
            arn,
            status_filter=wanted,
            max_results=self._get_int_param("maxResults"),
            next_token=self._get_param("nextToken"),
        )
        items = [
            {
                "executionArn": e.exec_arn,
                "stateMachineArn": arn,
                "name": e.name,
                "status": e.status,
                "startDate": e.start_date,
            }
            | ({"stopDate": e.stop_date} if e.stop_date else {})
            for e in found
        ]
        return ActionResult({"executions": items, "nextToken": token})

    replace(StepFunctionsParserBackend, "start_execution", start)
    replace(StepFunctionResponse, "stop_execution", stop)
    replace(StepFunctionResponse, "send_task_failure", fail)
    replace(StepFunctionResponse, "describe_execution", describe)
    replace(StepFunctionResponse, "get_execution_history", page)
    replace(StepFunctionResponse, "list_executions", list_executions)
