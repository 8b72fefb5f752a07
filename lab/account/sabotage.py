"""Breaks a task of an execution on purpose, so that tests see what the machine makes of it.

A rule strikes the invocations of one state: before the function runs, or after, when its effect has
happened and only its answer is lost. Without rules nothing here has an effect.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lab.account.functions import ThrottledError

Answer = dict[str, Any]
"""What Step Functions gets of an invocation: Payload, and FunctionError where it failed."""

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
)
"""How a task may fail; `before` and `after` speak of its effect."""


@dataclass
class Rule:
    """Strikes `times` invocations of a state, after letting `skip` through. `run_id` None is any.

    `error` is the name of the expected error.
    """

    machine: str
    state: str
    kind: str
    run_id: str | None = None
    skip: int = 0
    times: int = 1
    error: str = ""
    struck: int = field(default=0, init=False)


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

    def struck(self) -> dict[str, int]:
        """Return how often the rules in force have struck, by `machine/state/run id`."""
        with self._lock:
            return {f"{r.machine}/{r.state}/{r.run_id}": r.struck for r in self._rules}

    def sleep(self, seconds: float) -> None:
        """Pause between two retries."""
        time.sleep(seconds * self.retry_scale)

    def strike(
        self,
        machine: str,
        state: str,
        payload: Any,
        run: Callable[[], Answer],
        stop: Callable[[], None],
    ) -> Answer:
        """Run the function, or what is left of it. Raises ThrottledError."""
        rule = self._due(machine, state, payload)
        if rule is None:
            return run()
        if rule.kind == "throttled":
            raise ThrottledError("Rate Exceeded.")
        if rule.kind.startswith("stopped"):
            stop()
        if rule.kind in ("expected", "unknown", "crashes before", "stopped before"):
            return _failed(rule)
        answer = run()
        if rule.kind == "stopped after":
            return answer
        if rule.kind == "garbage":
            return answer | {"Payload": {"garbage": [None, "…"]}}
        return _failed(rule)

    def _due(self, machine: str, state: str, payload: Any) -> Rule | None:
        run_id = payload.get("run_id") if isinstance(payload, dict) else None
        with self._lock:
            for rule in self._rules:
                if (rule.machine, rule.state) != (machine, state):
                    continue
                if rule.run_id not in (None, run_id) or rule.times == 0:
                    continue
                if rule.skip:
                    rule.skip -= 1
                    return None
                rule.times -= 1
                rule.struck += 1
                return rule
        return None


_ERRORS = {
    "unknown": ("ZeroDivisionError", "division by zero"),
    "times out": ("Sandbox.Timedout", "Task timed out"),
    "crashes before": ("Runtime.ExitError", "Runtime exited with error: signal: killed"),
    "crashes after": ("Runtime.ExitError", "Runtime exited with error: signal: killed"),
    "stopped before": ("Runtime.ExitError", "Runtime exited with error: signal: killed"),
}


def _failed(rule: Rule) -> Answer:
    error, message = _ERRORS.get(rule.kind, (rule.error, "sabotaged"))
    payload = {"errorType": error, "errorMessage": message}
    return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload}
