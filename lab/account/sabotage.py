"""Breaks a task of an execution on purpose, so that tests see what the machine makes of it.

A rule strikes the invocations of one state: before the function runs, or after, when its effect has
happened and only its answer is lost; or it has the function run twice, as Lambda may. A task that
starts an execution is struck likewise. Without rules nothing here has an effect.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lab.account.functions import ThrottledError

Answer = dict[str, Any]
"""What Step Functions gets of an invocation: Payload, and FunctionError where it failed."""

Errors = Mapping[str, tuple[str, str]]
"""By kind: the error that a failed task ends with, and its message."""

KINDS: Final = (
    "expected",
    "unknown",
    "times out",
    "throttled",
    "crashes before",
    "crashes after",
    "garbage",
    "stopped before",
    "stopped after",
    "twice",
)
"""What may become of a task; `before` and `after` speak of its effect."""

START_KINDS: Final = tuple(kind for kind in KINDS if kind != "garbage")
"""What may become of a task that starts an execution. There is no garbage: Step Functions makes the
answer itself, from the model of its API. Nothing crashes but the connection. `twice` is the call
that the client of Step Functions sends again where it has not heard; a task runs it once."""

ENTERED_LATE: Final = "entered late"
"""Step Functions throttles the way into the state. It is one of no task: all that differs is that
CloudWatch counts it."""


@dataclass
class Rule:
    """Strikes `times` invocations of a state, after letting `skip` through.

    They are those whose task is told of the run; or, where a task is told of none, those of
    executions that have the run's id in their name or input. `error` is the name of the expected
    error. `begun` counts the strikes, `struck` those that are over; `answers` are what the two
    invocations of each `twice` gave.
    """

    machine: str
    state: str
    kind: str
    run_id: str
    skip: int = 0
    times: int = 1
    error: str = ""
    begun: int = field(default=0, init=False)
    struck: int = field(default=0, init=False)
    answers: list[list[Any]] = field(default_factory=list, init=False)

    def is_meant(self, payload: Any, execution: Mapping[str, Any]) -> bool:
        """Whether an invocation is one of the run's."""
        told = payload.get("run_id") if isinstance(payload, dict) else None
        if told is not None:
            return bool(told == self.run_id)
        return self.run_id in json.dumps([execution["Name"], execution["Input"]])


class Sabotage:
    """The rules in force. `retry_scale` shortens the pauses between retries."""

    def __init__(self) -> None:
        self.retry_scale = 1.0
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def set_rules(self, body: Mapping[str, Any]) -> None:
        """Take `{"retry_scale": …, "add": [rule…], "lift": [run id…]}`. Raises TypeError."""
        added = [Rule(**rule) for rule in body.get("add", [])]
        with self._lock:
            self.retry_scale = float(body.get("retry_scale", self.retry_scale))
            lifted = set(body.get("lift", []))
            self._rules = [r for r in self._rules if r.run_id not in lifted] + added

    def told(self) -> dict[str, dict[str, Any]]:
        """Return what the rules in force have done: `begun`, `struck` and `answers` of each, by
        `machine/state/run id`."""
        told = ("begun", "struck", "answers")
        with self._lock:
            return {
                f"{r.machine}/{r.state}/{r.run_id}": {name: getattr(r, name) for name in told}
                for r in self._rules
            }

    def sleep(self, seconds: float) -> None:
        """Pause between two retries."""
        time.sleep(seconds * self.retry_scale)

    def strike(
        self,
        context: Mapping[str, Any],
        payload: Any,
        run: Callable[[], Answer],
        stop: Callable[[], None],
        count_late: Callable[[], None],
        errors: Errors | None = None,
    ) -> Answer:
        """Run the function, or what is left of it. `context` is the Context object of the state.

        `stop` ends the execution, `count_late` counts a state that is entered late; `errors` are
        those of a function, or START_ERRORS. Raises ThrottledError.
        """
        rule = self._due(context, payload)
        if rule is None:
            return run()
        try:
            if rule.kind == ENTERED_LATE:
                count_late()
                return run()
            return _struck(rule, run, stop, FUNCTION_ERRORS if errors is None else errors)
        finally:
            with self._lock:
                rule.struck += 1

    def _due(self, context: Mapping[str, Any], payload: Any) -> Rule | None:
        place = (context["StateMachine"]["Name"], context["State"]["Name"])
        with self._lock:
            for rule in self._rules:
                if (rule.machine, rule.state) != place or rule.times == 0:
                    continue
                if not rule.is_meant(payload, context["Execution"]):
                    continue
                if rule.skip:
                    rule.skip -= 1
                    return None
                rule.times -= 1
                rule.begun += 1
                return rule
        return None


def _struck(
    rule: Rule, run: Callable[[], Answer], stop: Callable[[], None], errors: Errors
) -> Answer:
    if rule.kind == "throttled":
        raise ThrottledError("Rate Exceeded.")
    if rule.kind.startswith("stopped"):
        stop()
    if rule.kind in ("expected", "unknown", "crashes before", "stopped before"):
        return _failed(rule, errors)
    answer = run()
    if rule.kind == "stopped after":
        return answer
    if rule.kind == "twice":
        again = run()
        rule.answers.append([answer["Payload"], again["Payload"]])
        return again
    if rule.kind == "garbage":
        return answer | {"Payload": {"garbage": [None, "…"]}}
    return _failed(rule, errors)


FUNCTION_ERRORS: Final[Errors] = {
    "unknown": ("ZeroDivisionError", "division by zero"),
    "times out": ("Sandbox.Timedout", "Task timed out"),
    "crashes before": ("Runtime.ExitError", "Runtime exited with error: signal: killed"),
    "crashes after": ("Runtime.ExitError", "Runtime exited with error: signal: killed"),
    "stopped before": ("Runtime.ExitError", "Runtime exited with error: signal: killed"),
}


_HTTP = "Unable to execute HTTP request"
START_ERRORS: Final[Errors] = {
    "expected": ("StepFunctions.ExecutionLimitExceededException", "Too many executions"),
    "unknown": ("StepFunctions.StateMachineDeletingException", "State Machine is deleting"),
    "times out": ("States.Timeout", ""),
    "crashes before": ("StepFunctions.SdkClientException", f"{_HTTP}: Connection refused"),
    "crashes after": ("StepFunctions.SdkClientException", f"{_HTTP}: Read timed out"),
    "stopped before": ("StepFunctions.SdkClientException", f"{_HTTP}: aborted"),
}


def _failed(rule: Rule, errors: Errors) -> Answer:
    error, message = errors.get(rule.kind, (rule.error, "sabotaged"))
    payload = {"errorType": error, "errorMessage": message}
    return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload}
