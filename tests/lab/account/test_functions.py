"""Functions run in worker processes, with the environment and the errors of Lambda."""

import contextlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
from botocore.exceptions import ClientError

from lab.account.functions import Function, Functions
from tests.lab.account.conftest import REGION, Account, Hold, wait_for

Outputs = dict[str, str]


def _invoke(account: Account, name: str, event: Any, **more: str) -> tuple[dict[str, Any], Any]:
    answer = account.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **more)
    text = answer["Payload"].read()
    return answer, json.loads(text) if text else None


def test_an_invocation_answers_with_the_functions_result(account: Account, app: Outputs) -> None:
    answer, payload = _invoke(account, app["DoWorkArn"], {"id": "api", "run": "api"})
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    assert payload["word"] == "안녕"


def test_an_exception_is_a_function_error_with_its_class_name(
    account: Account, app: Outputs
) -> None:
    answer, payload = _invoke(account, app["DoWorkFunction"], {"do": "raise"})
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "InvalidDocument"
    assert payload["stackTrace"]


def test_an_asynchronous_invocation_is_accepted_and_runs(account: Account, app: Outputs) -> None:
    event = {"id": "async", "run": "async"}
    answer, _ = _invoke(account, app["DoWorkFunction"], event, InvocationType="Event")
    assert answer["StatusCode"] == 202
    table = account.client("dynamodb")
    key = {"id": {"S": "async"}}
    wait_for(lambda: table.get_item(TableName=app["Table"], Key=key).get("Item"), "the write")


def test_invocations_at_the_same_time_have_workers_of_their_own(
    account: Account, app: Outputs, tmp_path: Path
) -> None:
    holds = [Hold(tmp_path, name) for name in "123"]
    with ThreadPoolExecutor() as threads:
        running = [
            threads.submit(_invoke, account, app["DoWorkFunction"], hold.event()) for hold in holds
        ]
        for hold in holds:
            hold.wait_until_begun()
        for hold in holds:
            hold.release()
    assert len({one.result()[1]["pid"] for one in running}) == 3


def test_reserved_concurrency_throttles(account: Account, app: Outputs, tmp_path: Path) -> None:
    hold, name = Hold(tmp_path), app["OneAtATimeFunction"]
    with ThreadPoolExecutor() as threads:
        first = threads.submit(_invoke, account, name, hold.event())
        hold.wait_until_begun()
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            _invoke(account, name, {})
        assert throttles(account, name) == throttles(account) >= 1  # the client tries again
        hold.release()
    assert "FunctionError" not in first.result()[0]


def throttles(account: Account, *function: str) -> float:
    """How many invocations CloudWatch counts as refused: of a function, or of all together."""
    now = datetime.now(UTC)
    found = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Throttles",
        Dimensions=[{"Name": "FunctionName", "Value": name} for name in function],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=7200,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in found["Datapoints"])


def test_a_changed_configuration_reaches_the_next_invocation(
    account: Account, app: Outputs
) -> None:
    api = account.client("lambda")
    found = api.get_function_configuration(FunctionName=app["DoWorkFunction"])
    variables = found["Environment"]["Variables"]
    name = app["DoWorkFunction"]
    try:
        changed = {"Variables": variables | {"STAGE": "changed"}}
        api.update_function_configuration(FunctionName=name, Environment=changed)
        assert _invoke(account, name, {"do": "other"})[1]["stage"] == "changed"
    finally:
        api.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def test_what_a_function_prints_is_in_its_own_log(account: Account, app: Outputs) -> None:
    _invoke(account, app["DoWorkFunction"], {"do": "raise"})
    log = account.state / "functions" / f"{app['DoWorkFunction']}.log"
    assert "the field steps is missing" in log.read_text()


@pytest.fixture
def functions(tmp_path: Path) -> Any:
    pool = Functions(
        state=tmp_path,
        layers_root=tmp_path / "root",
        region=REGION,
        endpoint="http://127.0.0.1:1",
        credentials=lambda role, session: {"AWS_ACCESS_KEY_ID": role},
    )
    yield pool
    pool.stop()


def _function(directory: Path, source: str, **more: Any) -> Function:
    (directory / "index.py").write_text(source)
    return Function(
        name="probe",
        arn="arn:probe",
        handler="index.handler",
        role="r",
        directory=directory,
        **more,
    )


def test_a_module_that_cannot_be_imported_is_an_error_that_names_it(
    functions: Functions, tmp_path: Path
) -> None:
    outcome = functions.invoke(_function(tmp_path, "import nothing_of_the_kind"), b"{}")
    payload = json.loads(outcome.payload)
    assert payload["errorType"] == "Runtime.ImportModuleError"
    assert "nothing_of_the_kind" in payload["errorMessage"]


def test_the_environment_is_the_functions_own(
    functions: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_LAB", "1")
    source = "import os\ndef handler(e, c): return dict(os.environ)"
    environment = {"ROOT": "/opt/data/x.json", "LIKE": "/optional"}
    outcome = functions.invoke(_function(tmp_path, source, environment=environment), b"{}")
    seen = json.loads(outcome.payload)
    assert seen["ROOT"] == str(tmp_path / "root" / "data" / "x.json")
    assert seen["LIKE"] == "/optional"
    assert seen["AWS_ACCESS_KEY_ID"] == "r"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "probe"
    assert "SECRET_OF_THE_LAB" not in seen


def test_the_lab_cannot_be_imported_in_a_function(functions: Functions, tmp_path: Path) -> None:
    source = "import importlib.util as u\ndef handler(e, c): return str(u.find_spec('lab'))"
    outcome = functions.invoke(_function(tmp_path, source), b"{}")
    assert json.loads(outcome.payload) == "None"


def test_the_deadline_of_the_context_is_the_functions_timeout(
    functions: Functions, tmp_path: Path
) -> None:
    source = "def handler(e, c): return c.get_remaining_time_in_millis()"
    outcome = functions.invoke(_function(tmp_path, source, timeout_seconds=600.0), b"{}")
    assert 300_000 < json.loads(outcome.payload) <= 600_000


def test_a_function_that_takes_too_long_is_killed(functions: Functions, tmp_path: Path) -> None:
    source = "import time\ndef handler(e, c): time.sleep(600)"
    function = _function(tmp_path, source, timeout_seconds=1.0)
    with ThreadPoolExecutor() as threads:
        invoked = threads.submit(functions.invoke, function, b"{}")
        worker = wait_for(lambda: _workers(tmp_path), "the worker's start")[0]
        payload = json.loads(invoked.result().payload)
    assert payload["errorType"] == "Sandbox.Timedout"
    assert payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    wait_for(lambda: not _alive(worker), "the worker's end")


def test_stopping_kills_the_workers(functions: Functions, tmp_path: Path) -> None:
    source = "import os\ndef handler(e, c): return os.getpid()"
    pid = json.loads(functions.invoke(_function(tmp_path, source), b"{}").payload)
    functions.stop()
    wait_for(lambda: not _alive(pid), "the worker's end")


def _workers(directory: Path) -> list[int]:
    """The processes below this one that are at work in a directory."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            if child.cwd() == os.fspath(directory):
                found.append(child.pid)
    return found


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[-1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
