"""State machines: what no validator looks at, because the definitions are files of their own."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonata.jsonata import Jsonata

from steadystate import contracts, errors
from steadystate.run import plan as planning
from tests.definitions.stack import (
    FUNCTIONS,
    Machine,
    State,
    evaluated,
    function_timeout,
    functions,
    logical_id,
    machine,
    machines,
    model_of,
    resources,
)

TRANSIENT = {
    "TransientError",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
UNTIL_DONE = TRANSIENT | {
    "UndoIncomplete",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
}
"""What an undo is tried again after: it is safe to repeat, and must not be given up."""

REFUSALS = {c.__name__ for c in errors.Refused.__subclasses__()}
END_LOOPS = {"WatchWindowFunction", "StartFaultFunction"}
END_LOOPS |= {"ShiftWeightsFunction", "BakeCanaryFunction", "TakeAnswerFunction"}
END_LOOPS |= {"StartExperimentFunction"}
"""Functions that say what comes next and keep a deadline of their own; see tests/run, tests/canary.
"""

RUNS = ("experiment", "canary")
"""The machines whose executions are runs."""

each_machine = pytest.mark.parametrize("machine", machines(), ids=lambda m: m.name)


def each_task(*only: str) -> pytest.MarkDecorator:
    found = [(m, s) for m in machines() for s in m.tasks() if not only or m.name in only]
    return pytest.mark.parametrize(
        ("machine", "state"), found, ids=[f"{m.name}: {s.name}" for m, s in found]
    )


@each_machine
def test_every_target_exists_and_every_state_is_reached(machine: Machine) -> None:
    for scope in machine.scopes():
        states: dict[str, Any] = scope["States"]
        seen, waiting = set[str](), [scope["StartAt"]]
        while waiting:
            name = waiting.pop()
            assert name in states, f"{name} does not exist"
            if name not in seen:
                seen.add(name)
                waiting += State(name, states[name], states).followers()
        assert seen == set(states), f"never reached: {set(states) - seen}"


@each_machine
def test_every_state_ends_or_goes_on(machine: Machine) -> None:
    for state in machine.states():
        kind, ends = state.body["Type"], state.body.get("End", False)
        if kind in ("Succeed", "Fail"):
            assert not state.followers(), state.name
        elif kind == "Choice":
            assert "Default" in state.body, f"{state.name}: no Default: States.NoChoiceMatched"
            assert all("Condition" in choice for choice in state.body["Choices"])
        else:
            assert ends != ("Next" in state.body), state.name


@each_machine
def test_substitutions_are_those_of_the_template_both_ways(machine: Machine) -> None:
    given = machine.properties["DefinitionSubstitutions"]
    assert machine.substitutions_used() == set(given)
    for name, value in given.items():
        if name in functions():
            assert value == {"Fn::GetAtt": [name, "Arn"]}
        else:
            assert value == {"Ref": name}
            assert name in resources("AWS::Serverless::StateMachine")


@each_machine
def test_a_machine_may_invoke_the_functions_that_it_uses_and_no_other(machine: Machine) -> None:
    used = {s.function for s in machine.tasks()}
    allowed = [
        arn["Fn::GetAtt"][0]
        for policy in machine.properties["Policies"]
        for statement in policy["Statement"]
        if statement["Action"] == "lambda:InvokeFunction"
        for arn in statement["Resource"]
    ]
    assert sorted(allowed) == sorted(filter(None, used))


@each_machine
def test_work_goes_through_functions_of_the_template(machine: Machine) -> None:
    for task in machine.tasks():
        waits = ".waitForTaskToken" if task.function == "AskPersonFunction" else ""
        assert task.body["Resource"] == f"arn:aws:states:::lambda:invoke{waits}", task.name
        assert task.function in functions(), task.name


@each_machine
def test_a_machine_may_start_the_machines_that_it_starts_and_no_other(machine: Machine) -> None:
    used = {s.body["Arguments"]["StateMachineArn"] for s in machine.starts()}
    allowed = {
        f"${{{statement['Resource']['Ref']}}}"
        for policy in machine.properties["Policies"]
        for statement in policy["Statement"]
        if statement["Action"] == "states:StartExecution"
    }
    assert allowed == used


def test_folder_function_substitution_and_state_have_one_name() -> None:
    states = {(s.name, s.function) for m in machines() for s in m.tasks()}
    assert {logical_id(folder) for folder in FUNCTIONS} == set(functions())
    for folder in FUNCTIONS:
        assert functions()[logical_id(folder)]["CodeUri"] == f"functions/{folder}"
        if functions()[logical_id(folder)].get("Events"):
            continue  # called by the calendar, and by no machine
        primary = folder.replace("_", " ").title()
        assert (primary, logical_id(folder)) in states, f"no state {primary}"


@each_machine
def test_names_of_states_are_phrases_and_choices_are_questions(machine: Machine) -> None:
    for state in machine.states():
        assert re.fullmatch(r"[A-Z][a-z]*( [A-Z][a-z]+)+\??", state.name), state.name
        assert state.name.endswith("?") == (state.body["Type"] == "Choice"), state.name


@each_machine
def test_a_machine_explains_itself_and_has_an_end(machine: Machine) -> None:
    definition = machine.definition
    assert definition["QueryLanguage"] == "JSONata"
    assert definition["Comment"]
    assert definition["TimeoutSeconds"] > 0
    header = machine.text.split("Comment:")[0]
    assert "# Variables" in header
    assert "# Time budget" in header


@each_task()
def test_a_task_waits_longer_than_its_function_may_take(machine: Machine, state: State) -> None:
    assert state.function is not None
    assert state.body["TimeoutSeconds"] > function_timeout(state.function)


@each_task()
def test_a_task_is_tried_again_after_passing_faults_only_and_with_jitter(
    machine: Machine, state: State
) -> None:
    may_wait = machine.name == "recover" or state.function == "UndoRunFunction"
    assert state.body["Retry"]
    for retry in state.body["Retry"]:
        assert set(retry["ErrorEquals"]) <= (UNTIL_DONE if may_wait else TRANSIENT)
        assert retry["JitterStrategy"] == "FULL"
        assert retry["MaxAttempts"] >= 1
        assert retry["BackoffRate"] > 1
        assert retry["MaxDelaySeconds"] <= 60
    tried = {name for retry in state.body["Retry"] for name in retry["ErrorEquals"]}
    assert tried >= TRANSIENT
    if state.function == "UndoRunFunction":
        assert tried == UNTIL_DONE


@each_task()
def test_what_is_caught_ends_in_everything(machine: Machine, state: State) -> None:
    catches = state.body.get("Catch", [])
    if catches:
        assert catches[-1]["ErrorEquals"] == ["States.ALL"]
        for catch in catches[:-1]:
            assert "States.ALL" not in catch["ErrorEquals"]


@each_task(*RUNS)
def test_every_task_of_a_run_catches(machine: Machine, state: State) -> None:
    assert state.body.get("Catch")


@each_task("experiment", "canary", "recover")
def test_an_answer_that_is_not_the_runs_own_is_an_error(machine: Machine, state: State) -> None:
    if state.body["Resource"].endswith(".waitForTaskToken"):
        return  # its answer is a person's
    assert "$error('no answer of the task')" in state.body["Output"]


def test_one_run_that_cannot_be_recovered_does_not_keep_the_others() -> None:
    for scope in list(machine("recover").scopes())[1:]:
        for name, body in scope["States"].items():
            assert body["Type"] != "Fail"
            if body["Type"] == "Task":
                assert body["Catch"], name


@each_machine
def test_every_error_that_is_named_exists(machine: Machine) -> None:
    own = {n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, Exception)}
    for state in machine.states():
        for rule in [*state.body.get("Catch", []), *state.body.get("Retry", [])]:
            for name in rule["ErrorEquals"]:
                known = name in own or re.match(
                    r"(States|Lambda|Runtime|Sandbox|StepFunctions)\.\w+$", name
                )
                assert known, f"{state.name}: {name}"
        error = state.body.get("Error", "")
        if not error.startswith("{%") and error:
            assert error in own


@each_machine
def test_every_loop_passes_a_function_that_keeps_a_deadline(machine: Machine) -> None:
    assert machine.definition["TimeoutSeconds"]
    for scope in machine.scopes():
        states = scope["States"]
        for name in states:
            for loop in loops(name, states):
                called = {State(n, states[n], states).function for n in loop}
                assert called & END_LOOPS, f"nothing ends {' -> '.join(loop)}"


def loops(start: str, states: dict[str, Any]) -> Iterator[list[str]]:
    """The ways from a state back to itself that pass no state twice."""
    waiting = [[start]]
    while waiting:
        way = waiting.pop()
        for name in State(way[-1], states[way[-1]], states).followers():
            if name == start:
                yield way
            elif name not in way:
                waiting.append([*way, name])


def test_an_experiment_outlives_its_longest_run_and_the_tasks_around_it() -> None:
    definition = machine("experiment").definition
    around = sum(s.body["TimeoutSeconds"] for s in machine("experiment").tasks())
    assert definition["TimeoutSeconds"] > planning.LONGEST_RUN_SECONDS + around


def undoes(state: State) -> bool:
    inner = [State(n, b, s["States"]) for s in state.inner for n, b in s["States"].items()]
    return any(s.function == "UndoRunFunction" for s in [state, *inner])


@pytest.mark.parametrize("machine", [machine(n) for n in (*RUNS, "recover")])
def test_no_failure_is_reached_without_an_undo_but_by_a_refusal(machine: Machine) -> None:
    states: dict[str, Any] = machine.definition["States"]
    refused, waiting, seen = [], [machine.definition["StartAt"]], set[str]()
    while waiting:
        name = waiting.pop()
        state = State(name, states[name], states)
        if name in seen or undoes(state):
            continue
        seen.add(name)
        if state.body["Type"] == "Fail":
            refused.append(name)
        waiting += state.followers()
    assert refused == (["Run Refused"] if machine.name in RUNS else [])


@pytest.mark.parametrize(("name", "plans"), [("experiment", "Plan Run"), ("canary", "Plan Canary")])
def test_only_refusals_lead_to_the_end_without_an_undo(name: str, plans: str) -> None:
    ways = [
        (state, set(catch["ErrorEquals"]))
        for state in machine(name).states()
        for catch in state.body.get("Catch", [])
        if catch["Next"] == "Run Refused"
    ]
    assert [state.name for state, _ in ways] == [plans]
    assert {name for _, names in ways for name in names} == REFUSALS
    others = [s for s in machine(name).states() if "Run Refused" in s.followers()]
    assert [s.name for s in others] == [plans]


@pytest.mark.parametrize("run", RUNS)
def test_every_success_of_a_run_has_been_judged_and_released(run: str) -> None:
    states = machine(run).definition["States"]
    for needed in ("Evaluate Run", "Release Lease"):
        waiting, seen = [machine(run).definition["StartAt"]], set[str]()
        while waiting:
            name = waiting.pop()
            if name in seen or name == needed:
                continue
            seen.add(name)
            waiting += State(name, states[name], states).followers()
        assert not [n for n in seen if states[n]["Type"] == "Succeed"], needed


@each_task()
def test_the_payload_of_a_task_fits_its_contract(machine: Machine, state: State) -> None:
    folder = next(f for f in FUNCTIONS if logical_id(f) == state.function)
    model = model_of(folder)
    payload = state.body["Arguments"]["Payload"]
    required = {n for n, f in model.model_fields.items() if f.is_required()}
    assert required <= set(payload) <= set(model.model_fields)


def expressions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)
    elif isinstance(value, str) and "{%" in value:
        assert value.startswith("{%"), value
        assert value.endswith("%}"), value
        yield value[2:-2].strip()


@each_machine
def test_every_expression_is_jsonata(machine: Machine) -> None:
    found = list(expressions(machine.definition))
    assert found
    for expression in found:
        Jsonata(expression)


@each_machine
def test_no_trace_of_jsonpath(machine: Machine) -> None:
    for state in machine.states():
        old = {"InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "ItemsPath"}
        assert not old & set(state.body), state.name
        assert not any(key.endswith(".$") for key in state.body)


@each_machine
def test_variables_are_assigned_before_they_are_read(machine: Machine) -> None:
    text = "\n".join(expressions(machine.definition))
    used = set(re.findall(r"\$([a-z][A-Za-z]*)\b(?!\()", text)) - {"states"}
    assigned = {
        name
        for state in machine.states()
        for place in [state.body, *state.body.get("Catch", [])]
        for name in place.get("Assign", {})
    }
    assert used <= assigned
    header = machine.text.split("# Time budget")[0]
    for name in assigned:
        assert name in header, f"{name} is not explained"


@pytest.mark.parametrize(
    ("said", "follows"),
    [
        ("watch", "Watch Window"),
        ("inject", "Start Fault"),
        ("undo", "Undo Run"),
        ("evaluate", "Evaluate Run"),
    ],
)
def test_the_choice_goes_where_the_watch_says(said: str, follows: str) -> None:
    choice = machine("experiment").definition["States"]["What Comes Next?"]
    states = {"input": {"run_id": "r", "phase": "injecting", "next": said}}
    taken = [c["Next"] for c in choice["Choices"] if evaluated(c["Condition"], states)]
    assert (taken or [choice["Default"]]) == [follows]
    assert said in contracts.Next.__args__  # type: ignore[attr-defined]


def test_the_choice_knows_every_word_of_the_watch() -> None:
    assert set(contracts.Next.__args__) == {  # type: ignore[attr-defined]
        *("watch", "inject", "undo", "evaluate")
    }
