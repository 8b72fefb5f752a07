"""Functions, layers, roles, state machines, schedules and experiment templates."""

import io
import json
import zipfile
from collections.abc import Mapping

import yaml

from lab.account.resources.calls import (
    Call,
    Client,
    Created,
    Creator,
    Properties,
    ResourceError,
    fitted,
    tags_of,
)
from lab.account.source import LOADER


def _function(client: Client, name: str, properties: Properties) -> Created:
    api = client("lambda")
    concurrency = properties.pop("ReservedConcurrentExecutions", None)
    properties.setdefault("FunctionName", name)
    if tags := tags_of(properties):
        properties["Tags"] = tags
    inline = properties["Code"].get("ZipFile")
    if inline is not None:
        properties["Code"] = {"ZipFile": _zipped(inline)}
    made = api.create_function(**fitted(api, "CreateFunction", properties))
    function_name = made["FunctionName"]
    if concurrency is not None:
        api.put_function_concurrency(
            FunctionName=function_name, ReservedConcurrentExecutions=int(concurrency)
        )
    return Created(
        ref=function_name,
        attributes={"Arn": made["FunctionArn"]},
        delete=lambda: api.delete_function(FunctionName=function_name),
    )


def _zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", source)
    return buffer.getvalue()


def _layer(client: Client, name: str, properties: Properties) -> Created:
    api = client("lambda")
    properties.setdefault("LayerName", name)
    made = api.publish_layer_version(**fitted(api, "PublishLayerVersion", properties))
    return Created(
        ref=made["LayerVersionArn"],
        attributes={"LayerVersionArn": made["LayerVersionArn"]},
        delete=lambda: api.delete_layer_version(
            LayerName=made["LayerArn"], VersionNumber=made["Version"]
        ),
    )


def _role(client: Client, name: str, properties: Properties) -> Created:
    api = client("iam")
    policies = properties.pop("Policies", [])
    managed = properties.pop("ManagedPolicyArns", [])
    properties.setdefault("RoleName", name)
    role = api.create_role(**fitted(api, "CreateRole", properties))["Role"]
    role_name = role["RoleName"]
    for policy in policies:
        # IAM takes a policy without a version, as SAM's policy templates are; moto does not.
        policy["PolicyDocument"].setdefault("Version", "2012-10-17")
        arguments = fitted(api, "PutRolePolicy", {"RoleName": role_name} | policy)
        api.put_role_policy(**arguments)
    for arn in managed:
        api.attach_role_policy(RoleName=role_name, PolicyArn=arn)

    def delete() -> None:
        # May be called again, when something still used the role the first time.
        for inline in api.list_role_policies(RoleName=role_name)["PolicyNames"]:
            api.delete_role_policy(RoleName=role_name, PolicyName=inline)
        for policy in api.list_attached_role_policies(RoleName=role_name)["AttachedPolicies"]:
            api.detach_role_policy(RoleName=role_name, PolicyArn=policy["PolicyArn"])
        api.delete_role(RoleName=role_name)

    return Created(
        ref=role_name, attributes={"Arn": role["Arn"], "RoleId": role["RoleId"]}, delete=delete
    )


def _state_machine(client: Client, name: str, properties: Properties) -> Created:
    api = client("stepfunctions")
    name = properties.pop("StateMachineName", name)
    kind = properties.pop("StateMachineType", "STANDARD")
    tags = [{"key": key, "value": value} for key, value in tags_of(properties).items()]
    definition = properties.pop("DefinitionString", None)
    if definition is None:
        definition = properties.pop("Definition", None)
    if definition is None:
        raise ResourceError("DefinitionString or Definition is needed")
    if isinstance(definition, str):
        # Definitions may be YAML; every JSON text is YAML too, but its parser is much faster.
        try:
            definition = json.loads(definition)
        except ValueError:
            definition = yaml.load(definition, Loader=LOADER)  # noqa: S506 - a safe one
    arguments = fitted(api, "CreateStateMachine", properties) | {
        "name": name,
        "type": kind,
        "tags": tags,
        "definition": json.dumps(definition),
    }
    arn = api.create_state_machine(**arguments)["stateMachineArn"]
    return Created(
        ref=arn,
        attributes={"Arn": arn, "Name": name},
        delete=lambda: api.delete_state_machine(stateMachineArn=arn),
    )


def _experiment_template(client: Client, _: str, properties: Properties) -> Created:
    api = client("fis")
    if tags := tags_of(properties):
        properties["Tags"] = tags
    arguments = fitted(api, "CreateExperimentTemplate", properties)
    made = api.create_experiment_template(**arguments)["experimentTemplate"]
    return Created(
        ref=made["id"],
        attributes={"Id": made["id"]},
        delete=lambda: api.delete_experiment_template(id=made["id"]),
    )


def _bucket_policy(client: Client, _: str, properties: Properties) -> Created:
    api = client("s3")
    bucket = properties.pop("Bucket")
    policy = properties.pop("PolicyDocument")
    if properties:
        raise ResourceError(f"the account does not know {', '.join(properties)}")
    api.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    return Created(ref=bucket, delete=lambda: api.delete_bucket_policy(Bucket=bucket))


CREATORS: Mapping[str, Creator] = {
    "AWS::FIS::ExperimentTemplate": _experiment_template,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::LayerVersion": _layer,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::Scheduler::Schedule": Call(
        service="scheduler",
        create="CreateSchedule",
        name="Name",
        max_name=64,
        ref="=Name",
        attributes={"Arn": "ScheduleArn"},
        delete="DeleteSchedule",
        delete_by={"Name": "=Name", "GroupName": "=GroupName || 'default'"},
    ),
    "AWS::Scheduler::ScheduleGroup": Call(
        service="scheduler",
        create="CreateScheduleGroup",
        name="Name",
        max_name=64,
        ref="=Name",
        attributes={"Arn": "ScheduleGroupArn"},
        delete="DeleteScheduleGroup",
        delete_by={"Name": "=Name"},
    ),
    "AWS::StepFunctions::StateMachine": _state_machine,
}
