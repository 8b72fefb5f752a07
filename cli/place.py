"""Where runs live: a deployed stack, or a lab that runs on this machine."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
from botocore.exceptions import ClientError

from cli.library import ROOT, SHIPPED
from cli.problems import Problem
from steadystate.adapters.aws import client, code_of, passing_faults
from steadystate.adapters.control import ScenarioLibrary, StepFunctions
from steadystate.adapters.history import TableHistory
from steadystate.adapters.run_store import TableRunStore
from steadystate.canary_contracts import RollbackInput
from steadystate.contracts import ExecutionInput
from steadystate.evidence import Evidence

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

LABS: Final = ROOT / ".lab"

Kind = Literal["experiment", "canary"]
"""What a scenario is, and so which machine runs it."""

_OUTPUTS = (
    "ExperimentStateMachineArn",
    "CanaryStateMachineArn",
    "ReportStateMachineArn",
    "TableName",
    "EvidenceBucketName",
)
_HARMLESS = frozenset({"RecoverStateMachineArn", "ReportStateMachineArn"})
"""What undoes, and what only tells: these may go on when everything is stopped."""


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution as it stands; `state` is the state that it was last seen to enter."""

    status: str
    state: str
    error: str
    cause: str


@dataclass(frozen=True)
class Place:
    """A stack that runs scenarios. `option` is how the command line names it."""

    machine_arn: str
    canary_machine_arn: str
    report_machine_arn: str
    table: str
    bucket: str
    option: str
    stack: str
    machines: Mapping[str, str]
    store: TableRunStore = field(init=False)
    history: TableHistory = field(init=False)
    _arns: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "store", TableRunStore(self.table))
        object.__setattr__(self, "history", TableHistory(self.table))

    @property
    def halt_parameter(self) -> str:
        """The name of the kill switch."""
        return f"/steadystate/{self.stack}/halt"

    @property
    def acting_machines(self) -> list[str]:
        """The machines whose executions act on workloads."""
        return [arn for name, arn in sorted(self.machines.items()) if name not in _HARMLESS]

    @property
    def recover_arn(self) -> str:
        """The machine `recover`."""
        return self.machines["RecoverStateMachineArn"]

    @property
    def _machine(self) -> "SFNClient":
        return client("stepfunctions")  # type: ignore[no-any-return]

    def arns_of(self, run_id: str) -> list[str]:
        """Return the ARNs that a run's execution may have: that of its machine, where known."""
        if known := self._arns.get(run_id):
            return [known]
        machines = (self.machine_arn, self.canary_machine_arn)
        return [f"{m.replace(':stateMachine:', ':execution:', 1)}:{run_id}" for m in machines]

    def report_arn_of(self, run_id: str) -> str:
        """Return the ARN of the execution that reports a run under the run's own name."""
        return f"{self.report_machine_arn.replace(':stateMachine:', ':execution:', 1)}:{run_id}"

    def start_report(self, wanted: str) -> str:
        """Start the machine `report` with an input; return the execution's ARN."""
        started = self._machine.start_execution(
            stateMachineArn=self.report_machine_arn, input=wanted
        )
        return started["executionArn"]

    def kind_of(self, scenario: str) -> Kind:
        """Return what a scenario is: one that ships, or a custom one in the bucket."""
        library = ScenarioLibrary(SHIPPED, self.bucket)
        if scenario in library.names():
            return "experiment"
        try:
            return "canary" if library.canary(scenario) is not None else "experiment"
        except ClientError as error:
            if code_of(error) != "AccessDenied":
                raise
            return "experiment"  # without s3:ListBucket, what is not there is denied

    def start(
        self, run_id: str, wanted: ExecutionInput | RollbackInput, kind: Kind = "experiment"
    ) -> None:
        """Start a run."""
        answer = self._machine.start_execution(
            stateMachineArn=self.canary_machine_arn if kind == "canary" else self.machine_arn,
            name=run_id,
            input=wanted.model_dump_json(),
        )
        self._arns[run_id] = answer["executionArn"]

    def stop(self, run_id: str, cause: str) -> None:
        """Stop a run's execution; the machine `recover` undoes what it did."""
        self.execution(run_id)
        self._machine.stop_execution(executionArn=self._arns[run_id], cause=cause)

    def execution(self, run_id: str) -> Execution:
        """Return a run's execution.

        Raises
        ------
        Problem
            There is none, and never was.
        """
        for arn in self.arns_of(run_id):
            try:
                with passing_faults():
                    answer = self._machine.describe_execution(executionArn=arn)
                    status = answer["status"]
                    state = self._state(arn) if status == "RUNNING" else ""
            except ClientError as error:
                if code_of(error) not in ("ExecutionDoesNotExist", "InvalidArn"):
                    raise
                continue
            self._arns[run_id] = arn
            return Execution(status, state, answer.get("error", ""), answer.get("cause", ""))
        if self.store.get(run_id) is None:
            raise Problem(f"there is no run {run_id!r}; see `steadystate list {self.option}`")
        return Execution("EXPIRED", "", "", "the execution's history is gone")

    def status_of(self, arn: str) -> str:
        """Return the status of an execution; EXPIRED where there is none."""
        return StepFunctions().status(arn)[0]

    def output_of(self, arn: str) -> str:
        """Return what an execution that succeeded gave, as JSON."""
        with passing_faults():
            return self._machine.describe_execution(executionArn=arn)["output"]

    def cause_of(self, arn: str) -> str:
        """Return why an execution failed; empty where it did not."""
        return StepFunctions().status(arn)[2]

    def _state(self, arn: str) -> str:
        history = self._machine.get_execution_history(
            executionArn=arn, reverseOrder=True, maxResults=20, includeExecutionData=False
        )
        for event in history["events"]:
            if "stateEnteredEventDetails" in event:
                return event["stateEnteredEventDetails"]["name"]
        return ""

    def evidence(self, key: str) -> str:
        """Return the text of a run.json."""
        s3: S3Client = client("s3")
        with passing_faults():
            return s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode("utf-8")

    def document(self, key: str) -> bytes | None:
        """Return a document of the bucket; None where there is none."""
        s3: S3Client = client("s3")
        try:
            with passing_faults():
                return s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if code_of(error) in ("NoSuchKey", "404"):
                return None
            raise


def read_evidence(text: str) -> Evidence:
    """Return a stored run.json as a model."""
    return Evidence.model_validate_json(text)


def deployed(stack: str, region: str | None, profile: str | None) -> Place:
    """Return a deployed stack. Raises Problem, ClientError, BotoCoreError."""
    region = region or os.environ.get("AWS_REGION")
    boto3.setup_default_session(profile_name=profile, region_name=region)
    client.cache_clear()
    words = [f"--stack {stack}"]
    words += [f"--region {region}"] if region else []
    words += [f"--profile {profile}"] if profile else []
    return _of_stack(stack, " ".join(words))


def enter_lab(endpoint_url: str, region: str, stack: str) -> Place:
    """Return the stack in a lab; from here on, this process talks to the lab's account alone."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    os.environ |= {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
    }
    boto3.setup_default_session(region_name=region)
    client.cache_clear()
    return _of_stack(stack, "--lab")


def running_lab(labs: Path = LABS) -> Place:
    """Return the newest lab that answers.

    Raises
    ------
    Problem
        There is none.
    """
    for content in _published(labs):
        try:
            with urllib.request.urlopen(f"{content['endpoint_url']}/lab/ready", timeout=5):  # noqa: S310
                return enter_lab(content["endpoint_url"], content["region"], content["stack"])
        except (urllib.error.URLError, OSError, KeyError):
            continue  # it was killed, and could not take its address back
    raise Problem("no lab is running: start one with `steadystate lab up`")


def _published(labs: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(labs.glob("*/lab.json"), key=lambda p: p.parent.name, reverse=True):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # it ended meanwhile
        if isinstance(content, dict):
            yield content


def _of_stack(stack: str, option: str) -> Place:
    cloudformation: CloudFormationClient = client("cloudformation")
    try:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        where = cloudformation.meta.region_name
        raise Problem(
            f"there is no stack {stack!r} in {where}: check --stack, --region and --profile"
        ) from None
    outputs = {o["OutputKey"]: o["OutputValue"] for o in described[0].get("Outputs", [])}
    missing = [name for name in _OUTPUTS if name not in outputs]
    if missing:
        raise Problem(
            f"stack {stack!r} is {described[0]['StackStatus']} and has no output "
            f"{', '.join(missing)}: it is not a Steadystate stack, or is not deployed yet"
        )
    machine, canary_machine, report_machine, table, bucket = (outputs[name] for name in _OUTPUTS)
    return Place(
        machine,
        canary_machine,
        report_machine,
        table,
        bucket,
        option,
        stack=described[0]["StackName"],
        machines={n: v for n, v in outputs.items() if n.endswith("StateMachineArn")},
    )
