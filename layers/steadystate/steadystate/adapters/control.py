"""The stack's own surroundings: the bus, the executions, the evidence bucket, the library."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from steadystate.adapters.aws import client, code_of, passing_faults
from steadystate.errors import ReportMissing, TransientError
from steadystate.keys import evidence_key

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

logger = Logger(child=True)


class EventBus:
    """The port Bus on EventBridge: source `steadystate`, one detail type a phase."""

    def __init__(self, name: str) -> None:
        self._name = name

    def announce(self, run_id: str, what: str, detail: Mapping[str, object]) -> None:
        """Send an event; a bus that refuses is logged: news must never break a run."""
        events: EventBridgeClient = client("events")
        entry = {
            "Source": "steadystate",
            "DetailType": what,
            "Detail": json.dumps({"run_id": run_id, **detail}, default=str),
            "EventBusName": self._name,
        }
        try:
            answer = events.put_events(Entries=[entry])  # type: ignore[list-item]
        except (ClientError, BotoCoreError) as error:
            logger.warning("event not sent", extra={"what": what, "error": str(error)})
            return
        if answer["FailedEntryCount"]:
            logger.warning("event refused", extra={"what": what, "entries": answer["Entries"]})


class StepFunctions:
    """The ports Executions, Machines and Gates."""

    def status(self, execution_arn: str) -> tuple[str, str, str]:
        """Return status, error and cause; an execution that is gone is EXPIRED."""
        sfn: SFNClient = client("stepfunctions")
        try:
            with passing_faults():
                answer = sfn.describe_execution(executionArn=execution_arn)
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return "EXPIRED", "", "the execution's history is gone"
            raise
        return answer["status"], answer.get("error", ""), answer.get("cause", "")

    def start(self, machine_arn: str, name: str, given: str) -> None:
        """Start an execution, or find it; a call that is not answered has no effect after 6 s."""
        sfn: SFNClient = client("stepfunctions", once=True)
        try:
            with passing_faults():
                sfn.start_execution(stateMachineArn=machine_arn, name=name, input=given)
        except ClientError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise

    def stop(self, execution_arn: str, cause: str) -> None:
        """Stop an execution; one that is over, or gone, is left alone."""
        sfn: SFNClient = client("stepfunctions")
        try:
            with passing_faults():
                sfn.stop_execution(executionArn=execution_arn, cause=cause[:32_000])
        except ClientError as error:
            if code_of(error) != "ExecutionDoesNotExist":
                raise

    def close(self, token: str, error: str, cause: str) -> None:
        """Let the task that waits fail; one that waits no more is left alone."""
        sfn: SFNClient = client("stepfunctions")
        try:
            with passing_faults():
                sfn.send_task_failure(taskToken=token, error=error, cause=cause[:32_000])
        except ClientError as refusal:
            if code_of(refusal) not in ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken"):
                raise
            logger.info("nobody waits any more", extra={"code": code_of(refusal)})

    def answer(self, token: str, output: str) -> bool:
        """Give the task that waits its output (JSON); say whether it still waited."""
        sfn: SFNClient = client("stepfunctions")
        try:
            with passing_faults():
                sfn.send_task_success(taskToken=token, output=output)
        except ClientError as refusal:
            if code_of(refusal) not in ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken"):
                raise
            return False
        return True


class BucketEvidence:
    """The port EvidenceStore on S3."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def get(self, run_id: str) -> str | None:
        """Return the text of run.json; None where there is none. Raises ReportMissing."""
        s3: S3Client = client("s3")
        try:
            with passing_faults():
                answer = s3.get_object(Bucket=self._bucket, Key=evidence_key(run_id))
                return answer["Body"].read().decode("utf-8", "replace")
        except ClientError as error:
            if code_of(error) in ("NoSuchKey", "404"):
                return None
            said = f"{evidence_key(run_id)} cannot be read: S3 said {code_of(error)}"
            raise ReportMissing(said) from error

    def put(self, run_id: str, text: str) -> tuple[str, str]:
        """Store run.json; of several writers the first one wins."""
        s3: S3Client = client("s3")
        key = evidence_key(run_id)
        try:
            with passing_faults():
                s3.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=text.encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
                return key, text
        except ClientError as error:
            if code_of(error) != "PreconditionFailed":
                raise
        stored = self.get(run_id)
        if stored is None:
            raise TransientError(f"{key} was there, and is not any more")
        return key, stored


class ScenarioLibrary:
    """The port Library: documents that ship with the stack, then custom ones in the bucket."""

    def __init__(self, shipped: Path, bucket: str | None) -> None:
        self._shipped, self._bucket = shipped, bucket

    def experiment(self, name: str) -> str | None:
        """Return an experiment's text."""
        return self._read("experiments", name)

    def workload(self, name: str) -> str | None:
        """Return a workload's text."""
        return self._read("workloads", name)

    def canary(self, name: str) -> str | None:
        """Return a canary's text."""
        return self._read("canaries", name)

    def blackouts(self) -> str | None:
        """Return the calendar's text; none ships."""
        return self._stored("scenarios/blackouts.yaml")

    def names(self) -> list[str]:
        """Return the names of the experiments that ship."""
        return sorted(p.stem for p in (self._shipped / "experiments").glob("*.yaml"))

    def canaries(self) -> list[str]:
        """Return the names of the canaries that ship."""
        return sorted(p.stem for p in (self._shipped / "canaries").glob("*.yaml"))

    def _read(self, folder: str, name: str) -> str | None:
        path = self._shipped / folder / f"{name}.yaml"
        if path.is_file():
            return path.read_text(encoding="utf-8")
        return self._stored(f"scenarios/{folder}/{name}.yaml")

    def _stored(self, key: str) -> str | None:
        if self._bucket is None:
            return None
        s3: S3Client = client("s3")
        try:
            with passing_faults():
                answer = s3.get_object(Bucket=self._bucket, Key=key)
                return answer["Body"].read().decode("utf-8", "replace")
        except ClientError as error:
            if code_of(error) in ("NoSuchKey", "404"):
                return None
            raise
