"""What goes wrong, in one line that says what to do, and the exit code that it gives."""

from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from steadystate.domain.verdict import EXIT_CODES, Verdict
from steadystate.errors import Refused, SteadystateError

BAD_USAGE: Final = 64
"""Exit code of bad usage and bad documents; nothing was touched."""

BROKEN: Final = EXIT_CODES[Verdict.ERROR]
"""Exit code of broken machinery."""

INTERRUPTED: Final = 130
"""Exit code of Ctrl-C where there is no run to judge."""

_RENEW = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

_NETWORK = (EndpointConnectionError, ConnectTimeoutError, HTTPClientError, ConnectionError)
_SIGN_IN = (SSOError, TokenRetrievalError, UnauthorizedSSOTokenError)


class Problem(Exception):  # noqa: N818 - what is told to people
    """What the person at the terminal is told: `lines` for standard error, and an exit code."""

    def __init__(self, *lines: str, exit_code: int = BAD_USAGE) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.exit_code = exit_code


def problem_of(error: BaseException) -> Problem | None:
    """Return an error in words for people; None for what nobody foresaw."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Refused):
        return Problem(*str(error).splitlines())
    if isinstance(error, SteadystateError):
        return Problem(f"{error}; try again", exit_code=BROKEN)
    if isinstance(error, ClientError):
        return _refusal(error)
    if isinstance(error, BotoCoreError):
        return _of_the_client(error)
    return None


def _of_the_client(error: BotoCoreError) -> Problem:
    if isinstance(error, ProfileNotFound):
        return Problem(f"{error}: see `aws configure list-profiles`, or leave --profile out")
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return Problem("no AWS credentials were found: give --profile, or sign in with the AWS CLI")
    if isinstance(error, _SIGN_IN):
        return Problem(f"{error}: sign in again with `aws sso login`")
    if isinstance(error, NoRegionError):
        return Problem("no AWS region is set: give --region, as in --region ap-northeast-2")
    if isinstance(error, _NETWORK):
        return Problem(f"AWS cannot be reached ({error}): check the network", exit_code=BROKEN)
    return Problem(f"AWS: {error}", exit_code=BROKEN)


def _refusal(error: ClientError) -> Problem:
    code = str(error.response.get("Error", {}).get("Code", "Unknown"))
    message = str(error.response.get("Error", {}).get("Message", "")).strip()
    what = f"{error.operation_name}: {code}: {message}"
    if code in _RENEW:
        return Problem(f"AWS does not accept the credentials ({what}): sign in again")
    if code.startswith("AccessDenied") or code == "UnauthorizedOperation":
        return Problem(f"AWS does not allow it ({what}): use another --profile, or ask for it")
    return Problem(f"AWS refused {what}", exit_code=BROKEN)
