"""Step Functions: JSONata in states, and what becomes of an expression that fails."""

from typing import Any

from lab.account import expressions
from lab.account.seams.insides import replace


def connect() -> None:
    """Put the seams in place."""
    _connect_values()
    _connect_output_errors()


def _connect_values() -> None:
    from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
        StatesErrorName,
    )
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
        StatesErrorNameType,
    )
    from moto.stepfunctions.parser.asl.component.common.string import string_expression
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

    def evaluate(self: Any, env: Any) -> None:
        variables = env.variable_store._outer_scope | env.variable_store._inner_scope
        try:
            value = expressions.evaluate(
                self.expression, variables | {"states": env.states._states_data}
            )
        except expressions.ExpressionError as error:
            name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
            details = EvaluationFailedEventDetails(cause=str(error), error=name.error_name)
            raise FailureEventException(
                FailureEvent(
                    env=env,
                    error_name=name,
                    event_type=HistoryEventType.EvaluationFailed,
                    event_details=EventDetails(evaluationFailedEventDetails=details),  # type: ignore[typeddict-item]
                )
            ) from error
        env.stack.append(value)

    # moto pastes variables into the expression as text, which breaks on quotes; they are bound.
    replace(string_expression.StringJSONata, "_eval_body", evaluate)


def _connect_output_errors() -> None:
    """An Output that cannot be evaluated is an error of its state, which its Catch may take."""
    from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEventException,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState

    original = ExecutionState._eval_state_output

    def output(self: Any, env: Any) -> None:
        try:
            original(self, env)
        except FailureEventException as error:
            if not self.catch:
                raise
            shown = self._construct_error_output_value(failure_event=error.failure_event)
            env.states.set_error_output(shown)
            env.states.set_result(shown)
            self._handle_catch(env=env, failure_event=error.failure_event)
            if env.stack[-1] != CatchOutcome.Caught:
                raise

    replace(ExecutionState, "_eval_state_output", output)
