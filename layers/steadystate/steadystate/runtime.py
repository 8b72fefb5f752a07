"""What every function shares: settings, logger, metrics, and the decorator that makes a task."""

import gc
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel, ValidationError

from steadystate.errors import InvalidDocument, SteadystateError

logger = Logger(service="steadystate")
metrics = Metrics(namespace="Steadystate", service="steadystate")

I = TypeVar("I", bound=BaseModel)  # noqa: E741 - input
O = TypeVar("O", bound=BaseModel)  # noqa: E741 - output

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def setting(name: str) -> str:
    """Return a setting from the environment that the template gives.

    Raises
    ------
    KeyError
        The template does not give it.
    """
    return os.environ[name]


def task(takes: type[I]) -> Callable[[Callable[[I], O]], Handler]:
    """Make a task of a state machine from a function of typed input and output.

    The input is checked against its contract, the run's id is in every line of the log, and each
    outcome is counted. Errors keep their class: the state machine catches them by name.
    """
    # All modules are loaded, and stay: no collection needs to go through them again. Clients are
    # made a third faster, for the descriptions of services that they load set off collections.
    gc.freeze()

    def decorate(function: Callable[[I], O]) -> Handler:
        @wraps(function)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            logger.append_keys(run_id=event.get("run_id"), request=context.aws_request_id)
            outcome = "Succeeded"
            try:
                request = _checked(takes, event)
                answer = function(request).model_dump(mode="json")
                logger.info("task done", extra={"answer": answer})
                return answer
            except SteadystateError as error:
                outcome = type(error).__name__
                logger.warning("task refused", extra={"error": outcome, "reason": str(error)})
                raise
            except Exception:
                outcome = "Crashed"
                logger.exception("task crashed")
                raise
            finally:
                metrics.add_dimension(name="outcome", value=outcome)
                metrics.add_metric(name="Tasks", unit=MetricUnit.Count, value=1)
                metrics.flush_metrics()

        return handler

    return decorate


def _checked(takes: type[I], event: dict[str, Any]) -> I:
    try:
        return takes.model_validate(event)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors(include_url=False)
        )
        raise InvalidDocument(f"task input: {problems}") from None
