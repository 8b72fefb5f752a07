"""The kill switch: an SSM parameter that, while it exists, lets nothing start."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from pydantic import ValidationError

from steadystate.adapters.aws import client, code_of, passing_faults
from steadystate.contracts import Halt
from steadystate.errors import Halted

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class KillSwitch:
    """The port Switch on `/steadystate/<stack>/halt`. Nothing is cached."""

    def __init__(self, parameter: str) -> None:
        self._parameter = parameter

    def halt(self) -> Halt | None:
        """Return who halted everything, and why.

        A value that nobody can read halts all the same, and so does a parameter that may not be
        read: only one that does not exist lets runs start.
        """
        ssm: SSMClient = client("ssm")
        try:
            with passing_faults():
                text = ssm.get_parameter(Name=self._parameter)["Parameter"]["Value"]
        except ClientError as error:
            if code_of(error) == "ParameterNotFound":
                return None
            raise Halted(
                f"the kill switch {self._parameter} cannot be read ({code_of(error)}), so nothing "
                "may start: allow ssm:GetParameter on it"
            ) from error
        try:
            return Halt.model_validate_json(text)
        except ValidationError:
            return Halt(who="somebody", why=text[:500])

    def set(self, halt: Halt) -> None:
        """Halt everything; the latest word stays."""
        ssm: SSMClient = client("ssm")
        with passing_faults():
            ssm.put_parameter(
                Name=self._parameter, Value=halt.model_dump_json(), Type="String", Overwrite=True
            )

    def clear(self) -> None:
        """Let runs start again."""
        ssm: SSMClient = client("ssm")
        try:
            with passing_faults():
                ssm.delete_parameter(Name=self._parameter)
        except ClientError as error:
            if code_of(error) != "ParameterNotFound":
                raise
