"""A template becomes resources of the account, whole, or an error that names what is missing."""

from pathlib import Path

import pytest

from lab.account.deploy import DeployError, deploy, translate
from tests.lab.account.conftest import REGION, Account

Outputs = dict[str, str]


def _deploy(account: Account, path: Path, text: str, name: str, **parameters: str) -> Outputs:
    template = path / "template.yaml"
    template.write_text(text)
    return deploy(template, name, parameters, endpoint_url=account.url, region=REGION)


def test_parameters_conditions_and_substitutions_reach_the_outputs(app: Outputs) -> None:
    assert app["Text"] == "lab-lab"
    assert "ProductionAlarm" not in app


def test_a_function_keeps_everything_that_the_template_says(account: Account, app: Outputs) -> None:
    found = account.client("lambda").get_function(FunctionName=app["DoWorkFunction"])
    configuration = found["Configuration"]
    assert configuration["Timeout"] == 60
    assert configuration["MemorySize"] == 256
    assert configuration["Architectures"] == ["arm64"]
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert "GreetingLayer" in configuration["Layers"][0]["Arn"]
    assert found["Tags"]["part"] == "work"


def test_a_statement_that_a_condition_leaves_out_is_not_in_the_policy(
    account: Account, app: Outputs
) -> None:
    iam = account.client("iam")
    role = app["DoWorkRole"].rsplit("/", 1)[-1]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    found = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    assert [statement["Action"] for statement in found] == ["dynamodb:PutItem"]


def test_a_table_keeps_its_index_expiry_recovery_and_tags(account: Account, app: Outputs) -> None:
    api = account.client("dynamodb")
    table = api.describe_table(TableName=app["Table"])["Table"]
    assert table["GlobalSecondaryIndexes"][0]["IndexName"] == "by-run"
    assert table["SSEDescription"]["Status"] == "ENABLED"
    expiry = api.describe_time_to_live(TableName=app["Table"])["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    backups = api.describe_continuous_backups(TableName=app["Table"])
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    tags = api.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    assert {"Key": "part", "Value": "store"} in tags


def test_a_bucket_keeps_its_protection(account: Account, app: Outputs) -> None:
    api = account.client("s3")
    block = api.get_public_access_block(Bucket=app["Bucket"])["PublicAccessBlockConfiguration"]
    assert all(block.values())
    assert api.get_bucket_versioning(Bucket=app["Bucket"])["Status"] == "Enabled"
    rule = api.get_bucket_lifecycle_configuration(Bucket=app["Bucket"])["Rules"][0]
    assert rule["Expiration"] == {"Days": 365}
    encryption = api.get_bucket_encryption(Bucket=app["Bucket"])
    default = encryption["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert default["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_types_that_moto_cannot_create_are_created(account: Account, app: Outputs) -> None:
    template = account.client("fis").get_experiment_template(id=app["FaultTemplate"])
    assert template["experimentTemplate"]["actions"]["wait"]["actionId"] == "aws:fis:wait"
    schedules = account.client("scheduler").list_schedules()["Schedules"]
    nightly = [s for s in schedules if s["Target"]["Arn"] == app["MainStateMachine"]]
    assert [s["State"] for s in nightly] == ["DISABLED"]
    alarm = account.client("cloudwatch").describe_alarms(AlarmNames=[app["Alarm"]])
    assert alarm["MetricAlarms"][0]["TreatMissingData"] == "notBreaching"


def test_an_unknown_type_is_an_error_that_names_the_resource(
    account: Account, tmp_path: Path
) -> None:
    text = "Resources: {Thing: {Type: 'AWS::QLDB::Ledger', Properties: {Name: x}}}"
    with pytest.raises(DeployError, match=r"Thing \(AWS::QLDB::Ledger\).*cannot create"):
        _deploy(account, tmp_path, text, "unknown-type")


def test_an_unknown_property_is_an_error_that_names_it(account: Account, tmp_path: Path) -> None:
    text = (
        "Resources: {T: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: v, X: 1}}}"
    )
    with pytest.raises(DeployError, match=r"T \(AWS::SSM::Parameter\).*property X"):
        _deploy(account, tmp_path, text, "unknown-property")


def test_a_property_that_moto_leaves_unread_is_an_error(account: Account, tmp_path: Path) -> None:
    text = "Resources: {B: {Type: 'AWS::Events::EventBus', Properties: {Name: b, Colour: red}}}"
    with pytest.raises(DeployError, match=r"B \(AWS::Events::EventBus\).*loses Colour"):
        _deploy(account, tmp_path, text, "unread-property")


def test_a_missing_directory_is_an_error_that_names_the_function(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: nowhere}}}\n"
    )
    with pytest.raises(DeployError, match=r"F: CodeUri: there is no directory .*nowhere"):
        translate(template, {}, region=REGION)


def test_a_definition_without_its_substitution_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.asl.yaml").write_text("StartAt: ${First}\nStates: {A: {Type: Succeed}}\n")
    template = tmp_path / "template.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources: {M: {Type: 'AWS::Serverless::StateMachine',"
        " Properties: {DefinitionUri: m.asl.yaml}}}\n"
    )
    with pytest.raises(DeployError, match=r"M: no DefinitionSubstitution for \$\{First\}"):
        translate(template, {}, region=REGION)


def test_a_comment_in_a_definition_may_name_a_substitution(tmp_path: Path) -> None:
    text = "# ${First} is the first state\nStartAt: A\nStates: {A: {Type: Succeed}}\n"
    (tmp_path / "m.asl.yaml").write_text(text)
    template = tmp_path / "template.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources: {M: {Type: 'AWS::Serverless::StateMachine',"
        " Properties: {DefinitionUri: m.asl.yaml}}}\n"
    )
    machine = translate(template, {}, region=REGION)["Resources"]["M"]
    assert machine["Properties"]["DefinitionString"] == {"Fn::Join": ["", [text]]}


def test_an_unknown_parameter_is_an_error(account: Account, tmp_path: Path) -> None:
    text = "Resources: {Q: {Type: 'AWS::SQS::Queue'}}"
    with pytest.raises(DeployError, match="no parameter Nope"):
        _deploy(account, tmp_path, text, "unknown-parameter", Nope="1")


def test_a_template_without_sam_deploys_and_can_be_deployed_again(
    account: Account, tmp_path: Path
) -> None:
    text = """
Parameters: {Port: {Type: Number, Default: 80}}
Resources:
  Parameter:
    Type: AWS::SSM::Parameter
    Properties: {Name: /plain/port, Type: String, Value: !Sub "port ${Port}"}
Outputs: {Value: {Value: !GetAtt Parameter.Value}}
"""
    assert _deploy(account, tmp_path, text, "plain")["Value"] == "port 80"
    assert _deploy(account, tmp_path, text, "plain", Port="81")["Value"] == "port 81"
    found = account.client("ssm").get_parameter(Name="/plain/port")["Parameter"]
    assert found["Value"] == "port 81"


def test_the_skipped_types_are_listed(
    account: Account, app: Outputs, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    text = "Resources: {D: {Type: 'AWS::CloudWatch::Dashboard', Properties: {DashboardBody: '{}'}}}"
    with caplog.at_level("INFO", logger="lab.account.deploy"):
        _deploy(account, tmp_path, text, "dashboard")
    assert "D (AWS::CloudWatch::Dashboard)" in caplog.text


def test_a_stack_of_every_kind_of_resource_is_deleted_and_created_again(
    account: Account, tmp_path: Path
) -> None:
    path = Path(__file__).parents[3] / "workloads" / "bank" / "template.yaml"
    given = {"BundleBucket": "bundles", "DesiredCapacity": "2"}
    urls = [
        deploy(path, "bank", given, endpoint_url=account.url, region=REGION)["Url"]
        for _ in range(2)
    ]
    assert urls[0] != urls[1]
    groups = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    names = [group["AutoScalingGroupName"] for group in groups]
    kinds = [name.rpartition("-")[0] for name in names if name.startswith("bank-")]
    assert kinds
    assert len(kinds) == len(set(kinds)), "a group of the first stack is left"
    parameters = account.client("ssm").get_parameters_by_path(Path="/steadystate/workloads/bank/")
    values = {p["Name"].rsplit("/", 1)[-1]: p["Value"] for p in parameters["Parameters"]}
    assert values["url"] == urls[1]
    assert urls[1].startswith("http://127.0.0.1:")


def test_a_stack_that_cannot_be_deleted_says_why(account: Account, tmp_path: Path) -> None:
    text = "Resources: {B: {Type: 'AWS::S3::Bucket', Properties: {BucketName: kept-bucket}}}"
    _deploy(account, tmp_path, text, "kept")
    account.client("s3").put_object(Bucket="kept-bucket", Key="k", Body=b"v")
    with pytest.raises(DeployError, match=r"cannot be deleted.*BucketNotEmpty"):
        _deploy(account, tmp_path, text, "kept")


PARAMETERS = """
Parameters:
  Weight: {Type: Number, Default: 1, MinValue: 0, MaxValue: 999}
  Stage: {Type: String, Default: lab, AllowedValues: [lab, prod]}
  Bucket: {Type: String, Default: "", AllowedPattern: "[a-z]*"}
  Needed: {Type: String}
Rules:
  NamedInProduction:
    RuleCondition: !Equals [!Ref Stage, prod]
    Assertions:
      - {Assert: !Not [!Equals [!Ref Bucket, ""]], AssertDescription: Give a Bucket}
Resources: {Q: {Type: "AWS::SQS::Queue"}}
"""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "parameter Needed is needed"),
        ({"Weight": "1000"}, "Weight must be at most 999"),
        ({"Weight": "much"}, "Weight must be a number"),
        ({"Stage": "test"}, "Stage must be one of lab, prod"),
        ({"Bucket": "X"}, "Bucket must match"),
        ({"Stage": "prod"}, "rule NamedInProduction: Give a Bucket"),
    ],
)
def test_a_value_that_the_template_does_not_allow_is_an_error(
    tmp_path: Path, given: Outputs, message: str
) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(PARAMETERS)
    needed = {"Needed": "x"} if given else {}
    with pytest.raises(DeployError, match=message):
        translate(template, needed | given, region=REGION)


def test_values_that_the_template_allows_pass(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(PARAMETERS)
    translate(template, {"Needed": "x", "Stage": "prod", "Bucket": "b"}, region=REGION)


def test_an_unknown_transform_is_an_error(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("Transform: [AWS::LanguageExtensions]\nResources: {}\n")
    with pytest.raises(DeployError, match="no transform AWS::LanguageExtensions"):
        translate(template, {}, region=REGION)


@pytest.mark.parametrize(
    ("text", "message"),
    [("Resources: [", "template.yaml: while parsing"), ("a", "no Resources"), ("", "no Resources")],
)
def test_a_template_that_is_none_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(text)
    with pytest.raises(DeployError, match=message):
        translate(template, {}, region=REGION)


def test_without_an_endpoint_nothing_is_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(DeployError, match="AWS_ENDPOINT_URL"):
        deploy(tmp_path / "template.yaml", "s", region=REGION)
