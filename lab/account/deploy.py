"""Deploy a template into the account: SAM or plain CloudFormation, unchanged, out of its source.

Nothing is built or zipped: functions and layers are used in place.
"""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.account.parameters import ParameterError, check
from lab.account.resources import SKIPPED
from lab.account.source import LOADER, SOURCE_BUCKET

log = logging.getLogger(__name__)

_TRANSFORM = "AWS::Serverless-2016-10-31"


class DeployError(Exception):
    """The template cannot be deployed; the message names the resource and what is wrong."""


def deploy(
    template_path: Path,
    stack_name: str,
    parameters: Mapping[str, str] | None = None,
    *,
    endpoint_url: str | None = None,
    region: str | None = None,
) -> dict[str, str]:
    """Create the stack, and give its outputs. A stack of this name is deleted first.

    The account is found by AWS_ENDPOINT_URL and AWS_REGION unless given; there is no way from here
    to a real one. Types that the lab has no use for are logged. Raises DeployError.
    """
    url = endpoint_url or os.environ.get("AWS_ENDPOINT_URL")
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not url or not region:
        raise DeployError("set AWS_ENDPOINT_URL and AWS_REGION to those of the lab's account")
    template = translate(template_path, parameters or {}, region=region)
    for name, resource in template["Resources"].items():
        if resource["Type"] in SKIPPED:
            kind = resource["Type"]
            log.info("%s: skipped %s (%s): %s", template_path, name, kind, SKIPPED[kind])
    api: Any = boto3.client(
        "cloudformation",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="lab",
        aws_secret_access_key="lab",  # noqa: S106 - the lab's credentials are no secret
        config=Config(read_timeout=300, retries={"total_max_attempts": 1}),
    )
    try:
        if _exists(api, stack_name):
            api.delete_stack(StackName=stack_name)
        _create(api, stack_name, template, parameters or {})
    except ClientError as error:
        raise DeployError(f"{template_path}: {error.response['Error']['Message']}") from error
    stack = api.describe_stacks(StackName=stack_name)["Stacks"][0]
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise DeployError(f"{template_path}: {stack_name} is {stack['StackStatus']}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _exists(api: Any, stack_name: str) -> bool:
    try:
        stacks = api.describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError:
        return False
    return any(stack["StackStatus"] != "DELETE_COMPLETE" for stack in stacks)


def _create(
    api: Any, stack_name: str, template: Mapping[str, Any], parameters: Mapping[str, str]
) -> None:
    given = [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()]
    api.create_stack(
        StackName=stack_name,
        TemplateBody=json.dumps(template),
        Parameters=given,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )


def translate(
    template_path: Path, parameters: Mapping[str, str], *, region: str | None = None
) -> dict[str, Any]:
    """The template as plain CloudFormation that needs no file beside it. Raises DeployError."""
    from samtranslator.yaml_helper import yaml_parse

    logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)
    try:
        template: dict[str, Any] = yaml_parse(template_path.read_text())  # type: ignore[no-untyped-call]
    except OSError as error:
        raise DeployError(f"{template_path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise DeployError(f"{template_path}: {error}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise DeployError(f"{template_path}: it has no Resources")
    transforms = set(_as_list(template.get("Transform") or []))
    if unknown := transforms - {_TRANSFORM}:
        raise DeployError(f"{template_path}: the lab has no transform {', '.join(unknown)}")
    try:
        check(template, parameters)
    except ParameterError as error:
        raise DeployError(f"{template_path}: {error}") from error
    base = template_path.resolve().parent
    definitions = _point_to_source(template, base)
    if transforms:
        template = _transformed(template, template_path, parameters, region)
    template.pop("Rules", None)
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            _put_definition(name, resource["Properties"], definitions.get(name))
    return template


def _transformed(
    template: dict[str, Any],
    path: Path,
    parameters: Mapping[str, str],
    region: str | None,
) -> dict[str, Any]:
    from samtranslator.public.exceptions import InvalidDocumentException
    from samtranslator.translator.transform import transform

    if region is None and not os.environ.get("AWS_DEFAULT_REGION"):
        raise DeployError("set AWS_DEFAULT_REGION: the translation of SAM needs it")
    os.environ.setdefault("AWS_DEFAULT_REGION", str(region))
    declared = template.get("Parameters") or {}
    values = {name: p["Default"] for name, p in declared.items() if "Default" in p}
    try:
        loader: Any = _NoPolicies()
        result: dict[str, Any] = transform(template, values | dict(parameters), loader)
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise DeployError(f"{path}: {causes}") from error
    result.pop("Transform", None)
    return result


class _NoPolicies:
    """SAM asks IAM for managed policies by name only when it does not know them itself."""

    def load(self) -> dict[str, str]:
        return {}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _point_to_source(template: dict[str, Any], base: Path) -> dict[str, str]:
    """Replace local paths; gives the text of each state machine's definition."""
    shared = template.get("Globals", {}).get("Function", {})
    _replace_path(shared, "CodeUri", base, "Globals.Function")
    definitions = {}
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        kind = resource["Type"]
        if kind == "AWS::Serverless::Function":
            _replace_path(properties, "CodeUri", base, name)
        elif kind == "AWS::Serverless::LayerVersion":
            _replace_path(properties, "ContentUri", base, name)
        elif kind == "AWS::Serverless::StateMachine" and "DefinitionUri" in properties:
            path = base / properties["DefinitionUri"]
            if not path.is_file():
                raise DeployError(f"{name}: DefinitionUri: there is no file {path}")
            definitions[name] = path.read_text()
            properties["DefinitionUri"] = f"s3://{SOURCE_BUCKET}/{quote(str(path).lstrip('/'))}"
        elif kind == "AWS::Lambda::Function" and isinstance(properties.get("Code"), str):
            _replace_path(properties, "Code", base, name)
            key = properties["Code"].removeprefix(f"s3://{SOURCE_BUCKET}/")
            properties["Code"] = {"S3Bucket": SOURCE_BUCKET, "S3Key": key}
    return definitions


def _replace_path(properties: dict[str, Any], key: str, base: Path, name: str) -> None:
    value = properties.get(key)
    if not isinstance(value, str) or value.startswith("s3://"):
        return
    path = (base / value).resolve()
    if not path.is_dir():
        raise DeployError(f"{name}: {key}: there is no directory {path}")
    properties[key] = f"s3://{SOURCE_BUCKET}/{quote(str(path).lstrip('/'))}"


def _put_definition(name: str, properties: dict[str, Any], text: str | None) -> None:
    """Put the definition in as one `Fn::Join` of its text and the values substituted in it."""
    values = properties.pop("DefinitionSubstitutions", {})
    if properties.pop("DefinitionS3Location", None) is None:
        definition = properties.get("DefinitionString", properties.pop("Definition", None))
        if isinstance(definition, dict) and set(definition) == {"Fn::Join"}:
            separator, lines = definition["Fn::Join"]
            if all(isinstance(line, str) for line in lines):
                definition = separator.join(lines)
        elif isinstance(definition, dict) and not any(k.startswith("Fn::") for k in definition):
            definition = json.dumps(definition)
        if not isinstance(definition, str):
            return
        text = definition
    if text is None:
        raise DeployError(f"{name}: the definition is not a local file")
    parts: list[Any] = [text]
    for key, value in values.items():
        parts = [p for part in parts for p in _split(part, "${" + key + "}", value)]
    # A comment in the definition may speak of what is substituted.
    filled = "".join(part if isinstance(part, str) else "0" for part in parts)
    said = yaml.load(filled, Loader=LOADER)  # noqa: S506 - a safe one
    if "${" in (rest := json.dumps(said)):
        missing = rest.partition("${")[2].partition("}")[0]
        raise DeployError(f"{name}: no DefinitionSubstitution for ${{{missing}}}")
    properties["DefinitionString"] = {"Fn::Join": ["", parts]}


def _split(part: Any, mark: str, value: Any) -> list[Any]:
    if not isinstance(part, str) or mark not in part:
        return [part]
    pieces: list[Any] = []
    for piece in part.split(mark):
        pieces += [piece, value]
    return pieces[:-1]
