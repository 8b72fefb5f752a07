"""Lambda: functions of the account as the lab runs them."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from lab.account.functions import Function, ThrottledError, forget_result
from lab.account.parts import ACCOUNT_ID, Parts
from lab.account.runtime import Outcome
from lab.account.seams.insides import replace
from lab.account.source import SOURCE_BUCKET, unpacked


def connect(parts: Parts) -> None:
    from moto.awslambda import models
    from moto.awslambda.exceptions import InvalidParameterValueException
    from moto.core.exceptions import ServiceException

    class TooManyRequestsError(ServiceException):
        code = "TooManyRequestsException"

    def invoke(self: Any, body: str, request_headers: Any, response_headers: Any) -> bytes:
        function = described(self)
        event = body.encode() if isinstance(body, str) else body or b"{}"

        def run() -> Outcome:
            try:
                return parts.functions.invoke(function, event)
            except ThrottledError:
                count_throttled(parts, function.name)
                raise

        kind = request_headers.get("x-amz-invocation-type", "RequestResponse")
        response_headers["x-amz-executed-version"] = "$LATEST"
        if kind == "DryRun":
            return b""
        if kind == "Event":
            forget_result(run)
            return b""
        try:
            outcome = run()
        except ThrottledError as error:
            raise TooManyRequestsError(str(error)) from error
        if outcome.error:
            response_headers["x-amz-function-error"] = outcome.error
        return outcome.payload

    original = models.LambdaFunction.__init__

    def initialise(self: Any, account_id: str, spec: dict[str, Any], *args: Any, **kw: Any) -> None:
        if spec["Code"].get("S3Bucket") != SOURCE_BUCKET and "ZipFile" not in spec["Code"]:
            raise InvalidParameterValueException(
                "The lab runs functions out of source directories, or from inline code"
            )
        original(self, account_id, spec, *args, **kw)
        self.lab_logging = spec.get("LoggingConfig") or {}
        self.lab_state = parts.state

    replace(models.LambdaFunction, "invoke", invoke)
    replace(models.LambdaFunction, "__init__", initialise)
    replace(models, "do_validate_s3", lambda: False)


def count_throttled(parts: Parts, function: str) -> None:
    """Count a refused invocation as Lambda does: for the function, by its name or ARN, and for all
    functions together."""
    name = function.rpartition(":")[2]
    for dimensions in ([{"Name": "FunctionName", "Value": name}], []):
        datum = {"MetricName": "Throttles", "Dimensions": dimensions, "Value": 1.0}
        parts.metrics.put("AWS/Lambda", [datum], time.time())


def described(function: Any) -> Function:
    """A function of moto's, as the lab runs it."""
    logging = function.lab_logging
    reserved = function.reserved_concurrency
    return Function(
        name=function.function_name,
        arn=function.function_arn,
        handler=function.handler,
        role=function.role,
        directory=_code_directory(function),
        layers=tuple(_layer_directory(function, layer["Arn"]) for layer in function.layers),
        environment=dict(function.environment_vars),
        timeout_seconds=float(function.timeout),
        memory_mb=int(function.memory_size),
        runtime=function.run_time,
        log_format=logging.get("LogFormat", "Text"),
        log_group=logging.get("LogGroup", f"/aws/lambda/{function.function_name}"),
        reserved_concurrency=None if reserved is None else int(reserved),
    )


def _code_directory(function: Any) -> Path:
    if "ZipFile" in function.code:
        return unpacked(function.code_bytes, function.lab_state)
    return _directory(function.code)


def _directory(code: Mapping[str, Any]) -> Path:
    return Path("/" + unquote(code["S3Key"]))


def _layer_directory(function: Any, arn: str) -> Path:
    from moto.awslambda.models import lambda_backends

    layer: Any = lambda_backends[ACCOUNT_ID][function.region].layers_versions_by_arn(arn)
    return _directory(layer.content)
