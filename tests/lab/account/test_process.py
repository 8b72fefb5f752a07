"""The account process: ready fast, quick under load, and gone with its parent."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab.account.conftest import HERE, Account, Hold, wait_for


def test_it_answers_that_it_is_ready(account: Account) -> None:
    with urllib.request.urlopen(account.url + "/lab/ready") as answer:
        assert answer.status == 200


def test_an_unknown_path_of_the_lab_is_refused(account: Account) -> None:
    assert account.post("/lab/reset", {})[0] == 404


def test_a_long_call_holds_up_no_small_ones_of_many_clients(
    account: Account, app: dict[str, str], tmp_path: Path
) -> None:
    hold = Hold(tmp_path)

    def invoke() -> None:
        event = json.dumps(hold.event())
        account.client("lambda").invoke(FunctionName=app["DoWorkFunction"], Payload=event)

    def ask(_: int) -> list[int]:
        api = account.client("dynamodb")
        answers = [
            api.get_item(TableName=app["Table"], Key={"id": {"S": "none"}}) for _ in range(25)
        ]
        return [answer["ResponseMetadata"]["HTTPStatusCode"] for answer in answers]

    with ThreadPoolExecutor() as threads:
        long = threads.submit(invoke)
        hold.wait_until_begun()
        assert list(threads.map(ask, range(4))) == [[200] * 25] * 4
        assert not long.done()
        hold.release()


def test_killing_the_parent_ends_the_account_and_its_workers(tmp_path: Path) -> None:
    """The parent here starts an account, runs a function in it, prints both pids, and sleeps."""
    code = """
import json, sys, time, pathlib
from lab import processes
from tests.lab.account.conftest import start_account, REGION
from lab.account.deploy import deploy
state = pathlib.Path(sys.argv[1])
account = start_account(state)
(state / "index.py").write_text("import os\\ndef handler(e, c): return os.getpid()")
(state / "template.yaml").write_text('''
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}}
  F:
    Type: AWS::Lambda::Function
    Properties: {Code: ., Handler: index.handler, Runtime: python3.13, Role: !GetAtt Role.Arn}
Outputs: {Name: {Value: !Ref F}}
''')
name = deploy(state / "template.yaml", "s", endpoint_url=account.url, region=REGION)["Name"]
answer = account.client("lambda").invoke(FunctionName=name, Payload="{}")
print(account.process.pid, json.load(answer["Payload"]), flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code, os.fspath(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE.parents[2],
    )
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(_alive(pid) for pid in pids)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not any(_alive(pid) for pid in pids), "the end of account and worker")


def test_killing_the_account_ends_its_workers(tmp_path: Path) -> None:
    code = """
import json, os, sys, time, pathlib
from lab.account.functions import Function, Functions
state = pathlib.Path(sys.argv[1])
(state / "index.py").write_text("import os\\ndef handler(e, c): return os.getpid()")
functions = Functions(state=state, layers_root=None, region="r", endpoint="http://127.0.0.1:1",
                      credentials=lambda r, s: {})
function = Function(name="f", arn="f", handler="index.handler", role="r", directory=state)
print(json.loads(functions.invoke(function, b"{}").payload), flush=True)
time.sleep(600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, os.fspath(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE.parents[2],
    )
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    assert _alive(worker)
    process.kill()
    process.wait()
    process.stdout.close()
    wait_for(lambda: not _alive(worker), "the worker's end")


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[-1].split()[0] != "Z"
