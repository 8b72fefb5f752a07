"""IAM: requests with a role's credentials are held against the role's policies."""

import json
import re
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from werkzeug.exceptions import HTTPException

from lab.account import access, uses
from lab.account.parts import ACCOUNT_ID, Parts
from lab.account.seams.insides import replace

# Anyone may ask who he is.
_EXEMPT = {"sts:GetCallerIdentity"}

_sessions: dict[str, tuple[str, str, str]] = {}
_sessions_lock = threading.Lock()


def connect(parts: Parts) -> None:
    """Replace moto's check, which knows no resources and starts after a number of requests."""
    from moto.core.authorization import ActionAuthenticatorMixin

    def authorize(self: Any, _request_class: type, resource: str = "*") -> None:
        header = self.headers.get("Authorization", "")
        token = self.headers.get("X-Amz-Security-Token")
        if token is None:
            return  # the lab's own credentials may do everything
        _, _, rest = header.partition("Credential=")
        key, _, region, service, *_ = rest.split(",")[0].split("/")
        session = _session(key)
        if session is None or session[1] != token:
            raise _refusal(self, service, "InvalidClientTokenId", "The security token is invalid")
        if service != "s3" and parts.throttles.refuses(service):
            raise _refusal(self, service, "Throttling", "Rate exceeded", status=400)
        role, name = session[0], session[2]
        operation = self._get_action()
        if service == "s3":
            wanted = _bucket_needs(f"s3:{operation}", resource)
        else:
            body = _body(self, service)
            wanted = access.needs(service, operation, body, region=region, account=ACCOUNT_ID)
        context = {"cloudwatch:namespace": _namespace(self)} if service == "monitoring" else {}
        for action, resources in wanted:
            if action not in _EXEMPT and not may(role, action, resources, context):
                text = denial(role, name, action, resources)
                raise _refusal(self, service, "AccessDenied", text)

    replace(ActionAuthenticatorMixin, "_authenticate_and_authorize_action", authorize)


def _bucket_needs(action: str, resource: str) -> list[tuple[str, list[str] | None]]:
    """Only who may list a bucket is told that an object is missing; to others it is as if they may
    not read it: API reference of S3, GetObject."""
    from moto.s3.models import s3_backends

    needed: list[tuple[str, list[str] | None]] = [(action, [resource])]
    bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
    s3 = s3_backends[ACCOUNT_ID]["aws"]
    if action == "s3:GetObject" and bucket in s3.buckets and s3.get_object(bucket, key) is None:
        needed.append(("s3:ListBucket", [f"arn:aws:s3:::{bucket}"]))
    return needed


def may(
    role_arn: str,
    action: str,
    resources: Sequence[str] | None,
    context: Mapping[str, str] | None = None,
) -> bool:
    """Whether the role's policies allow this; that it was asked is kept (`GET /lab/access`)."""
    allowed = access.allowed(policies(role_arn), action, resources, context)
    return uses.note(role_arn, action, resources, allowed=allowed)


def denial(role: str, session: str, action: str, resources: list[str] | None) -> str:
    """IAM's own words."""
    who = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{role.rsplit('/', 1)[-1]}/{session}"
    what = f" on resource: {', '.join(resources)}" if resources else ""
    return (
        f"User: {who} is not authorized to perform: {action}{what} "
        f"because no identity-based policy allows the {action} action"
    )


def policies(role_arn: str) -> list[Mapping[str, Any]]:
    """The documents of a role's inline and attached policies; none when there is no such role."""
    from moto.iam.models import iam_backends

    backend = iam_backends[ACCOUNT_ID]["aws"]
    for role in list(backend.roles.values()):
        if role.arn == role_arn:
            documents = list(role.policies.values())
            for policy in role.managed_policies.values():
                documents += [v.document for v in policy.versions if v.is_default]
            return [_parsed(d) if isinstance(d, str) else d for d in documents]
    return []


@lru_cache(maxsize=1024)
def _parsed(document: str) -> Mapping[str, Any]:
    parsed: Mapping[str, Any] = json.loads(document)
    return parsed


def _session(key: str) -> tuple[str, str, str] | None:
    """Role, token and session name of an access key that AssumeRole gave."""
    if key not in _sessions:
        from moto.sts.models import sts_backends

        with _sessions_lock:
            for role in list(sts_backends[ACCOUNT_ID]["aws"].assumed_roles):
                _sessions[role.access_key_id] = (
                    role.role_arn,
                    role.session_token,
                    role.session_name,
                )
    return _sessions.get(key)


def _body(response: Any, service: str) -> dict[str, Any]:
    """The request's members by name, as far as the check of resources needs them."""
    body = response.raw_body  # some services replace `body` by what it says
    raw = body.decode(errors="replace") if isinstance(body, bytes) else body
    if isinstance(raw, str) and raw[:1] == "{":
        members: dict[str, Any] = json.loads(raw)
    else:
        members = {key: values[0] for key, values in response.querystring.items()}
    if service == "lambda":
        name = unquote(response.path).partition("/functions/")[2].partition("/")[0]
        if name and not name.startswith("arn:"):
            name = f"arn:aws:lambda:{response.region}:{ACCOUNT_ID}:function:{name}"
        members["FunctionArn"] = name or None
    if service == "fis":
        match = re.search(r"/(experimentTemplates|experiments)/([^/?]+)", response.path)
        kind = {"experimentTemplates": "experiment-template", "experiments": "experiment"}
        arn = f"arn:aws:fis:{response.region}:{ACCOUNT_ID}:"
        if match:
            members["fisArn"] = f"{arn}{kind[match[1]]}/{match[2]}"
        elif "experimentTemplateId" in members:
            members["fisArn"] = f"{arn}experiment-template/{members['experimentTemplateId']}"
    return members


def _namespace(response: Any) -> str:
    return str(response._get_param("Namespace") or "")


# What each protocol calls a refusal that others call by the keys.
_OF_EC2 = {
    "AccessDenied": "UnauthorizedOperation",
    "InvalidClientTokenId": "AuthFailure",
    "Throttling": "RequestLimitExceeded",
}
_OF_JSON = {
    "AccessDenied": "AccessDeniedException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "Throttling": "ThrottlingException",
}


def _refusal(
    response: Any, service: str, code: str, message: str, status: int = 403
) -> HTTPException:
    """An error in the shape of the request's protocol."""
    content = response.headers.get("Content-Type") or ""
    if service == "s3":
        from moto.s3.exceptions import S3AccessDeniedError, S3InvalidTokenError

        own: Any = S3AccessDeniedError() if code == "AccessDenied" else S3InvalidTokenError()
        error: HTTPException = own
        return error
    if service == "ec2":
        code = _OF_EC2[code]
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        body = f"<Response><Errors>{body}</Errors><RequestID>lab</RequestID></Response>"
    elif "json" in content or service in ("lambda", "fis", "scheduler"):
        body = json.dumps({"__type": _OF_JSON[code], "message": message})
    else:
        body = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
        body = f"<ErrorResponse><Error>{body}</Error><RequestId>lab</RequestId></ErrorResponse>"
    error = HTTPException(description=body)
    error.code = status
    return error
