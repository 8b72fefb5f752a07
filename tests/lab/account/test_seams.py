"""The seams stand on the version of moto that is locked, and say so when it has moved."""

import importlib.metadata
import json

import pytest

from lab.account.seams.insides import SeamError, replace
from tests.lab.account.conftest import REGION, Account, Machine


def test_the_seams_are_made_for_this_version_of_moto() -> None:
    assert importlib.metadata.version("moto") == "5.2.5"


def test_a_part_of_moto_that_is_gone_is_an_error_that_names_it() -> None:
    class Backend:
        def known(self) -> None: ...

    replace(Backend, "known", None)
    with pytest.raises(SeamError, match=r"Backend\.unknown"):
        replace(Backend, "unknown", None)


def test_availability_zones_are_those_of_the_region(account: Account) -> None:
    template = {
        "Resources": {
            "Zone": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {
                    "Type": "String",
                    "Value": {"Fn::Select": [1, {"Fn::GetAZs": ""}]},
                },
            }
        },
        "Outputs": {"Zone": {"Value": {"Fn::GetAtt": ["Zone", "Value"]}}},
    }
    api = account.client("cloudformation")
    api.create_stack(StackName="zones", TemplateBody=json.dumps(template))
    stack = api.describe_stacks(StackName="zones")["Stacks"][0]
    assert stack["Outputs"][0]["OutputValue"] == f"{REGION}b"


def test_a_bucket_policys_condition_counts(account: Account) -> None:
    api = account.client("s3")
    location = {"LocationConstraint": REGION}
    api.create_bucket(Bucket="guarded", CreateBucketConfiguration=location)
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::guarded/*",
    }
    insecure = deny | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    policy = {"Version": "2012-10-17", "Statement": [insecure]}
    api.put_bucket_policy(Bucket="guarded", Policy=json.dumps(policy))
    api.put_object(Bucket="guarded", Key="k", Body=b"v")
    assert api.get_object(Bucket="guarded", Key="k")["Body"].read() == b"v"
    api.put_bucket_policy(Bucket="guarded", Policy=json.dumps(policy | {"Statement": [deny]}))
    with pytest.raises(api.exceptions.ClientError, match="Forbidden"):
        api.get_object(Bucket="guarded", Key="k")


def test_an_aws_sdk_task_spells_its_parameters_and_result_as_aws_does(
    account: Account, app: dict[str, str]
) -> None:
    iam, api = account.client("iam"), account.client("stepfunctions")
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = iam.create_role(RoleName="sdk", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": "fis:GetExperimentTemplate", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="sdk", PolicyName="p", PolicyDocument=document)
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:fis:getExperimentTemplate",
        "Arguments": {"Id": app["FaultTemplate"]},
        "Output": "{% $states.result.ExperimentTemplate.RoleArn %}",
        "End": True,
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "Ask", "States": {"Ask": task}}
    made = api.create_state_machine(name="sdk", definition=json.dumps(definition), roleArn=role)
    end = Machine(account, made["stateMachineArn"]).run({})
    assert end["status"] == "SUCCEEDED", end
    assert "FisRole" in end["output"]
