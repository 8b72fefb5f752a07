"""Finding a stack or a lab, and what is said when there is none."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from cli import place as places
from cli.place import Place, running_lab
from cli.problems import Problem, problem_of
from steadystate.errors import TransientError, WorkloadBusy
from tests.cli.conftest import REGION, ROOT, STACK


def published(labs: Path, name: str, **content: str) -> None:
    (labs / name).mkdir()
    (labs / name / "lab.json").write_text(json.dumps(content), encoding="utf-8")


def test_the_newest_lab_that_answers_is_found(place: Place, tmp_path: Path) -> None:
    url = os.environ["AWS_ENDPOINT_URL"]
    published(tmp_path, "20260101-000000", endpoint_url=url, region=REGION, stack=STACK)
    gone = "http://127.0.0.1:1"
    published(tmp_path, "20260101-000001", endpoint_url=gone, region=REGION, stack="gone")
    (tmp_path / "20260101-000002").mkdir()
    (tmp_path / "20260101-000002" / "lab.json").write_text("{half", encoding="utf-8")
    found = running_lab(tmp_path)
    assert found.machine_arn == place.machine_arn
    assert found.option == "--lab"


def test_no_lab_says_how_to_start_one(tmp_path: Path) -> None:
    for labs in (tmp_path, tmp_path / "missing"):
        with pytest.raises(Problem, match="steadystate lab up"):
            running_lab(labs)


def test_a_stack_of_something_else_is_told(place: Place) -> None:
    from steadystate.adapters.aws import client

    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    client("cloudformation").create_stack(StackName="other", TemplateBody=template)
    with pytest.raises(
        Problem, match="no output ExperimentStateMachineArn, CanaryStateMachineArn, ReportState"
    ):
        places.deployed("other", REGION, None)


@pytest.mark.parametrize(
    ("error", "words", "exit_code"),
    [
        (NoCredentialsError(), "no AWS credentials were found", 64),
        (NoRegionError(), "--region", 64),
        (ProfileNotFound(profile="x"), "list-profiles", 64),
        (EndpointConnectionError(endpoint_url="https://x"), "check the network", 3),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "DescribeStacks"),
            "sign in again",
            64,
        ),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks"),
            "AWS does not allow it (DescribeStacks: AccessDenied: no)",
            64,
        ),
        (TransientError("DescribeStacks: Throttling"), "try again", 3),
        (WorkloadBusy("bank is held by run x since y"), "bank is held by run x since y", 64),
    ],
)
def test_foreseen_errors_become_one_line_that_says_what_to_do(
    error: Exception, words: str, exit_code: int
) -> None:
    problem = problem_of(error)
    assert problem is not None
    assert len(problem.lines) == 1
    assert words in problem.lines[0]
    assert problem.exit_code == exit_code


def test_an_error_that_nobody_foresaw_is_not_hidden() -> None:
    assert problem_of(RuntimeError("a bug")) is None


def test_the_script_runs_from_any_directory_and_through_a_link(tmp_path: Path) -> None:
    link = tmp_path / "steadystate"
    link.symlink_to(ROOT / "bin/steadystate")
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [link, "list", "--stack", "a", "--region", REGION],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 64
    assert done.stdout == ""
    assert done.stderr == (
        "steadystate: no AWS credentials were found: give --profile, or sign in with the AWS CLI\n"
    )
