"""CloudFormation: every resource is created whole, or the stack fails and names it."""

import logging
import re
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from lab.account import resources
from lab.account.parts import Parts
from lab.account.seams.insides import replace

log = logging.getLogger(__name__)


def connect(parts: Parts) -> None:
    from moto.cloudformation import parsing
    from moto.cloudformation.exceptions import ValidationError

    class ResourceFailedError(ValidationError):
        def __init__(self, message: str) -> None:
            super().__init__(message=message)

    original_class = parsing.resource_class_from_type
    original_create = parsing.parse_and_create_resource
    own = {kind: _model(kind, creator, parts) for kind, creator in resources.CREATORS.items()}
    own |= {kind: _model(kind, _nothing, parts) for kind in resources.SKIPPED}
    original_delete: Any = parsing.ResourceMap.delete
    original_clean: Any = parsing.clean_json

    def delete(self: Any) -> None:
        try:
            original_delete(self)
        except Exception as error:
            raise ResourceFailedError(f"cannot be deleted: {_message(error)}") from error

    replace(parsing.ResourceMap, "delete", delete)
    replace(parsing, "DEFAULT_REGION", parts.region)  # what `Fn::GetAZs: ""` means

    def clean(resource_json: Any, resources_map: Any) -> Any:
        """`Fn::Sub` splits `${Cache.PrimaryEndPoint.Address}` at every dot, and lists keep what is
        `AWS::NoValue`."""
        if isinstance(resource_json, dict) and "Fn::GetAtt" in resource_json:
            name, *attribute = resource_json["Fn::GetAtt"]
            resource_json = {"Fn::GetAtt": [name, ".".join(attribute)]}
        cleaned = original_clean(resource_json, resources_map)
        return [v for v in cleaned if v is not None] if isinstance(cleaned, list) else cleaned

    replace(parsing, "clean_json", clean)

    def class_of(kind: str) -> Any:
        if kind in own:
            return own[kind]
        if kind in parsing.NULL_MODELS:
            return None
        if not kind.startswith("Custom::") and kind not in parsing.get_model_map():
            raise ValidationError(message="the account cannot create this type")
        found = original_class(kind)
        return _Whole(kind, found, parts)

    def create(logical_id: str, resource_json: dict[str, Any], *args: Any, **kw: Any) -> Any:
        try:
            return original_create(logical_id, resource_json, *args, **kw)
        except ResourceFailedError:
            raise
        except Exception as error:
            kind = resource_json["Type"]
            log.exception("%s (%s)", logical_id, kind)
            raise ResourceFailedError(f"{logical_id} ({kind}): {_message(error)}") from error

    replace(parsing, "resource_class_from_type", class_of)
    replace(parsing, "parse_and_create_resource", create)


def _message(error: Exception) -> str:
    text = str(getattr(error, "message", "") or error or type(error).__name__)
    return text.replace(" (reached max retries: 0)", "")


def _nothing(_: resources.Client, name: str, __: resources.Properties) -> resources.Created:
    return resources.Created(ref=name)


class _Whole:
    """moto's own resource class, whose creation fails when it leaves a property unread."""

    def __init__(self, kind: str, moto_class: Any, parts: Parts) -> None:
        self._kind = kind
        self._class = moto_class
        self._parts = parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._class, name)

    def create_from_cloudformation_json(
        self, name: str, document: dict[str, Any], *args: Any, **keywords: Any
    ) -> Any:
        properties = document["Properties"]
        watched = _Watched(properties)
        made = self._class.create_from_cloudformation_json(
            name, document | {"Properties": watched}, *args, **keywords
        )
        lost = set(properties) - watched.read - resources.without_effect(self._kind)
        if "Tags" in lost and self._kind.startswith("AWS::EC2::"):
            ref = made.physical_resource_id
            self._parts.client("ec2").create_tags(Resources=[ref], Tags=properties["Tags"])
            lost.discard("Tags")
        if lost:
            raise resources.ResourceError(f"the account loses {', '.join(sorted(lost))}")
        return made


class _Watched(dict[str, Any]):
    """Properties that remember which of them were read."""

    def __init__(self, properties: dict[str, Any]) -> None:
        super().__init__(properties)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().get(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        self.read.add(key)
        return super().pop(key, *default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().setdefault(key, default)

    def items(self) -> Any:
        self.read |= set(self)
        return super().items()

    def __iter__(self) -> Iterator[str]:
        return super().__iter__()


_SECRET = re.compile(r"\{\{resolve:secretsmanager:(arn(?::[^:}]*){6}|[^:}]+)\}\}")


def _resolved(parts: Parts, value: Any) -> Any:
    """Put secrets in the place of the dynamic references to them."""
    if isinstance(value, dict):
        return {key: _resolved(parts, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(parts, item) for item in value]
    if not isinstance(value, str) or "{{resolve:" not in value:
        return value

    def secret(match: re.Match[str]) -> str:
        found = parts.client("secretsmanager").get_secret_value(SecretId=match[1])
        return str(found["SecretString"])

    text = _SECRET.sub(secret, value)
    if "{{resolve:" in text:
        raise resources.ResourceError(f"the account cannot resolve {text}")
    return text


def _model(kind: str, creator: resources.Creator, parts: Parts) -> Any:
    """A CloudFormation resource type of moto's that calls the service's own API."""
    from moto.core.common_models import CloudFormationModel

    class Model(CloudFormationModel):
        def __init__(self, made: resources.Created) -> None:
            self.physical_resource_id = made.ref
            self._made = made

        @staticmethod
        def cloudformation_name_type() -> str:
            return ""

        @staticmethod
        def cloudformation_type() -> str:
            return kind

        @classmethod
        def has_cfn_attr(cls, _: str) -> bool:
            return True

        def get_cfn_attribute(self, name: str) -> Any:
            from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

            if name not in self._made.attributes:
                raise UnformattedGetAttTemplateException
            return self._made.attributes[name]

        @classmethod
        def create_from_cloudformation_json(
            cls,
            resource_name: str,
            cloudformation_json: dict[str, Any],
            account_id: str,  # noqa: ARG003 - moto's signature
            region_name: str,  # noqa: ARG003
            **kwargs: Any,  # noqa: ARG003
        ) -> Any:
            properties = _resolved(parts, dict(cloudformation_json["Properties"]))
            return cls(creator(parts.client, resource_name, properties))

        def delete(self, *_: Any) -> None:
            try:
                self._made.delete()
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if not any(word in code for word in ("NotFound", "NoSuch", "NonExistent")):
                    raise  # what is gone already is deleted

    return Model
