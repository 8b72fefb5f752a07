"""S3: a bucket policy's conditions count, where moto applies every statement as if it had none; and
a conditional write is one step, where moto looks and writes without a lock."""

import json
import threading
from typing import Any

from lab.account.parts import Parts
from lab.account.seams.insides import replace

# What is true of every call here: it comes over loopback, where nobody else listens.
_CONTEXT = {"aws:SecureTransport": "true"}


def connect(_: Parts) -> None:
    from moto.iam.access_control import IAMPolicy, PermissionResult
    from moto.s3.models import FakeBucket
    from moto.s3.responses import S3Response

    def get_permission(bucket: Any, action: str, resource: str) -> Any:
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(bucket.policy)
        policy["Statement"] = [s for s in policy["Statement"] if _applies(s)]
        if not policy["Statement"]:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)

    replace(FakeBucket, "get_permission", get_permission)

    one_at_a_time, put = threading.Lock(), S3Response.put_object

    def put_object(self: Any, *arguments: Any, **named: Any) -> Any:
        with one_at_a_time:
            return put(self, *arguments, **named)

    replace(S3Response, "put_object", put_object)


def _applies(statement: dict[str, Any]) -> bool:
    """Whether the conditions that the account can tell hold; others are taken as holding."""
    for values in statement.get("Condition", {}).values():
        for key, wanted in values.items():
            allowed = wanted if isinstance(wanted, list) else [wanted]
            if key in _CONTEXT and _CONTEXT[key] not in map(str, allowed):
                return False
    return True
