"""The template: least privilege, nothing open, nothing on by itself."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from steadystate.adapters import aws
from steadystate.canary import shift
from steadystate.run import fault
from tests.definitions.stack import (
    FUNCTIONS,
    ROOT,
    functions,
    logical_id,
    resources,
    template,
)

KNOW_NO_RESOURCE = {
    "cloudwatch:GetMetricData": "no resource type",
    "ec2:DescribeInstances": "no resource type",
    "ec2:DescribeSubnets": "no resource type",
    "ecs:ListTasks": "container-instance only, which Fargate has none of; tasks are not named yet",
    "elasticloadbalancing:DescribeListeners": "no resource type",
    "elasticloadbalancing:DescribeRules": "no resource type",
    "elasticloadbalancing:DescribeTargetGroupAttributes": "no resource type",
    "elasticloadbalancing:DescribeTargetGroups": "no resource type",
    "elasticloadbalancing:DescribeTargetHealth": "no resource type",
    "fis:ListExperiments": "no resource type",
    "fis:ListExperimentTemplates": "no resource type",
    "ssm:CancelCommand": "no resource type",
    "ssm:ListCommands": "no resource type",
    "tag:GetResources": "no resource type",
    "xray:GetSamplingRules": "no resource type",
    "xray:GetSamplingTargets": "no resource type",
    "xray:PutTelemetryRecords": "no resource type",
    "xray:PutTraceSegments": "no resource type",
    "logs:CreateLogDelivery": "no resource type",
    "logs:DeleteLogDelivery": "no resource type",
    "logs:DescribeLogGroups": "log-group, but Step Functions asks for all of them",
    "logs:DescribeResourcePolicies": "no resource type",
    "logs:GetLogDelivery": "no resource type",
    "logs:ListLogDeliveries": "no resource type",
    "logs:PutResourcePolicy": "no resource type",
    "logs:UpdateLogDelivery": "no resource type",
}
"""Actions that may be allowed on `*`, and why: the column "Resource types" of "Actions, resources,
and condition keys for AWS services", Service Authorization Reference."""


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement that allows something, with the logical id that has it."""
    for kind in ("AWS::Serverless::Function", "AWS::Serverless::StateMachine"):
        for name, properties in resources(kind).items():
            for policy in properties["Policies"]:
                assert isinstance(policy, dict), f"{name}: {policy}: write the statements out"
                for statement in policy["Statement"]:
                    yield name, allowed_when_set(statement)
    for name, properties in resources("AWS::IAM::Role").items():
        assert not properties.get("ManagedPolicyArns"), name
        for policy in properties["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def allowed_when_set(statement: dict[str, Any]) -> dict[str, Any]:
    """A statement, also where it is there only when a parameter is set."""
    if "Fn::If" not in statement:
        return statement
    _, when_set, otherwise = statement["Fn::If"]
    assert otherwise == {"Ref": "AWS::NoValue"}
    found: dict[str, Any] = when_set
    return found


def test_every_function_has_policies_of_its_own_and_no_role_of_another() -> None:
    for name, properties in functions().items():
        assert properties["Policies"], name
        assert "Role" not in properties, name
    policies = template()["Globals"]["Function"].get("Policies")
    assert policies is None


def test_every_statement_says_what_it_is_for() -> None:
    for name, statement in statements():
        assert statement["Effect"] == "Allow"
        assert re.fullmatch(r"[A-Z][A-Za-z]+", statement["Sid"]), name


def test_no_action_is_a_wildcard() -> None:
    for name, statement in statements():
        for action in listed(statement["Action"]):
            assert "*" not in action, f"{name}: {action}"


def test_every_resource_is_named_unless_the_action_knows_none() -> None:
    for name, statement in statements():
        if "*" in listed(statement["Resource"]):
            for action in listed(statement["Action"]):
                assert action in KNOW_NO_RESOURCE, f"{name}: {action} on *"


def test_every_exception_is_still_needed() -> None:
    used = {
        action
        for _, statement in statements()
        if "*" in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }
    assert used == set(KNOW_NO_RESOURCE)


def test_faults_reach_tagged_resources_only() -> None:
    role = resources("AWS::IAM::Role")["FaultRole"]
    harmful = ("Terminate", "Stop", "Reboot", "Start", "Delete", "SendCommand", "Failover")
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = [
                a for a in listed(statement["Action"]) if a.split(":")[1].startswith(harmful)
            ]
            if not actions or statement["Sid"] == "UseFaultDocuments":
                continue
            tags = statement["Condition"]["StringEquals"]
            assert tags == {"aws:ResourceTag/steadystate:allow": "true"}, statement["Sid"]
    documents = next(s for _, s in statements() if s["Sid"] == "UseFaultDocuments")
    assert documents["Resource"]["Fn::Sub"].endswith("::document/AWSFIS-Run-*")


def test_the_role_of_faults_is_for_fis_alone() -> None:
    trust = resources("AWS::IAM::Role")["FaultRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert [s["Principal"] for s in trust] == [{"Service": "fis.amazonaws.com"}]
    passed = [s for _, s in statements() if "iam:PassRole" in listed(s["Action"])]
    assert passed
    for statement in passed:
        assert statement["Resource"] == {"Fn::GetAtt": ["FaultRole", "Arn"]}
        service = statement["Condition"]["StringEquals"]["iam:PassedToService"]
        assert service == "fis.amazonaws.com"


def test_only_what_undoes_may_stop_and_only_what_carries_the_tag_of_a_run() -> None:
    for name, statement in statements():
        actions = set(listed(statement["Action"]))
        if actions & {"fis:StopExperiment", "fis:DeleteExperimentTemplate"}:
            assert name == "UndoRunFunction"
            assert statement["Condition"] == {"Null": {"aws:ResourceTag/steadystate:run": "false"}}


def test_settings_that_a_handler_reads_are_given_and_no_other() -> None:
    shared = set(template()["Globals"]["Function"]["Environment"]["Variables"])
    for folder in FUNCTIONS:
        tree = ast.parse((ROOT / f"functions/{folder}/app.py").read_text(encoding="utf-8"))
        read = {
            str(node.args[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and getattr(node.func, "id", "") == "setting"
            and isinstance(node.args[0], ast.Constant)
        }
        own = functions()[logical_id(folder)].get("Environment", {}).get("Variables", {})
        assert read <= shared | set(own), folder
        assert set(own) <= read, folder


def test_every_function_shares_runtime_layer_log_and_tracing() -> None:
    shared = template()["Globals"]["Function"]
    assert shared["Runtime"] == "python3.13"
    assert shared["Architectures"] == ["arm64"]
    assert shared["Tracing"] == "Active"
    assert shared["Layers"] == [{"Ref": "SteadystateLayer"}]
    assert shared["LoggingConfig"]["LogGroup"] == {"Ref": "LogGroup"}
    for name, properties in resources("AWS::Serverless::StateMachine").items():
        assert properties["Tracing"] == {"Enabled": True}, name
        assert properties["Logging"]["IncludeExecutionData"] is False, name


def test_logs_and_runs_are_not_kept_for_ever_and_evidence_is_not_lost() -> None:
    for name, properties in resources("AWS::Logs::LogGroup").items():
        assert properties["RetentionInDays"], name
    (table,) = resources("AWS::DynamoDB::Table").values()
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    bucket = template()["Resources"]["EvidenceBucket"]
    assert bucket["DeletionPolicy"] == "Retain"
    rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert all("ExpirationInDays" not in r and "Expiration" not in r for r in rules)


def test_table_bucket_and_topic_are_encrypted_and_the_bucket_is_closed() -> None:
    (table,) = resources("AWS::DynamoDB::Table").values()
    assert table["SSESpecification"]["SSEEnabled"]
    for name, bucket in resources("AWS::S3::Bucket").items():
        closed = bucket["PublicAccessBlockConfiguration"]
        assert len(closed) == 4, name
        assert set(closed.values()) == {True}, name
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    policies = resources("AWS::S3::BucketPolicy").values()
    assert {p["Bucket"]["Ref"] for p in policies} == set(resources("AWS::S3::Bucket"))
    for topic in resources("AWS::SNS::Topic").values():
        assert topic["KmsMasterKeyId"]


def events_of(machine: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = template()["Resources"][machine]["Properties"]["Events"]
    return found


def test_the_schedule_is_off_by_default_and_all_of_it_is_a_parameter() -> None:
    schedule = events_of("ExperimentStateMachine")["Scheduled"]["Properties"]
    parameters = template()["Parameters"]
    assert schedule["State"] == {"Ref": "ScheduleState"}
    assert parameters["ScheduleState"]["Default"] == "DISABLED"
    assert schedule["ScheduleExpression"] == {"Ref": "ScheduleExpression"}
    assert schedule["ScheduleExpressionTimezone"] == {"Ref": "ScheduleTimeZone"}
    assert "${ScheduledScenario}" in schedule["Input"]["Fn::Sub"]


def test_every_bad_end_starts_recovery_and_a_sweep_finds_the_rest() -> None:
    recover = events_of("RecoverStateMachine")
    pattern = recover["RunEndedBadly"]["Properties"]["Pattern"]
    assert set(pattern["detail"]["status"]) == {"ABORTED", "TIMED_OUT", "FAILED"}
    machines = {"ExperimentStateMachine", "CanaryStateMachine"}
    assert {arn["Ref"] for arn in pattern["detail"]["stateMachineArn"]} == machines
    sweep = recover["Sweep"]["Properties"]
    assert sweep["ScheduleExpression"].startswith("rate(")
    assert sweep.get("State", "ENABLED") == "ENABLED"


def test_trends_are_off_by_default_and_all_of_their_schedule_is_a_parameter() -> None:
    schedule = events_of("ReportStateMachine")["Weekly"]["Properties"]
    assert schedule["State"] == {"Ref": "TrendScheduleState"}
    assert template()["Parameters"]["TrendScheduleState"]["Default"] == "DISABLED"
    assert schedule["ScheduleExpression"] == {"Ref": "TrendScheduleExpression"}


def test_a_model_and_a_webhook_are_within_reach_only_when_they_are_named() -> None:
    conditions = template()["Conditions"]
    found = {}
    for properties in functions().values():
        for policy in properties["Policies"]:
            for statement in policy["Statement"]:
                if "Fn::If" in statement:
                    condition, allowed, _ = statement["Fn::If"]
                    found[allowed["Sid"]] = condition
                else:
                    actions = set(listed(statement["Action"]))
                    assert not actions & {"bedrock:InvokeModel", "secretsmanager:GetSecretValue"}
    assert found == {
        "WriteProse": "HasNarrativeModel",
        "WriteProseThroughTheProfile": "HasNarrativeModel",
        "ReadTheWebhook": "HasSlack",
    }
    for condition, parameter in (
        ("HasNarrativeModel", "NarrativeModelId"),
        ("HasSlack", "SlackSecretArn"),
    ):
        assert conditions[condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}
        assert template()["Parameters"][parameter]["Default"] == ""


def test_any_model_may_be_used_through_the_named_profile_alone() -> None:
    (through,) = [s for _, s in statements() if s["Sid"] == "WriteProseThroughTheProfile"]
    (direct,) = [s for _, s in statements() if s["Sid"] == "WriteProse"]
    profile = through["Condition"]["StringEquals"]["bedrock:InferenceProfileArn"]
    assert profile in direct["Resource"]
    assert profile["Fn::Sub"].endswith(":inference-profile/${NarrativeModelId}")


def test_the_platform_raises_alarms_on_itself() -> None:
    alarms = resources("AWS::CloudWatch::Alarm")
    watched = {
        (d["Value"].get("Ref"), a["MetricName"])
        for a in alarms.values()
        for d in a.get("Dimensions", [])
    }
    assert ("AWS::StackName", "OpenUndoAgeSeconds") in watched
    assert ("AWS::StackName", "LeaseSilenceSeconds") in watched
    shown = template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    assert {name for name in alarms if f"${{{name}.Arn}}" in shown} == set(alarms)
    assert json.loads(shown)["widgets"]
    assert ("RecoverStateMachine", "ExecutionsFailed") in watched
    assert ("ExperimentStateMachine", "ExecutionsFailed") in watched
    assert ("CanaryStateMachine", "ExecutionsFailed") in watched
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"], name
        assert alarm["AlarmDescription"], name


def test_every_machine_and_every_function_is_watched_for_throttles() -> None:
    machines = ("AWS/States", "ExecutionThrottled", "StateMachineArn")
    functions_ = ("AWS/Lambda", "Throttles", "FunctionName")
    expected = {(*machines, name) for name in resources("AWS::Serverless::StateMachine")}
    expected |= {(*functions_, name) for name in functions()}
    watched = []
    for name, alarm in resources("AWS::CloudWatch::Alarm").items():
        *metrics, math = alarm.get("Metrics", [None])
        for query in metrics:
            metric, (dimension,) = (
                query["MetricStat"]["Metric"],
                query["MetricStat"]["Metric"]["Dimensions"],
            )
            watched.append(
                (
                    metric["Namespace"],
                    metric["MetricName"],
                    dimension["Name"],
                    dimension["Value"]["Ref"],
                )
            )
            assert (query["MetricStat"]["Stat"], query["ReturnData"]) == ("Sum", False)
        if math:
            assert math["Expression"].split(" + ") == [query["Id"] for query in metrics], name
            assert len(alarm["Metrics"]) <= 10, "CloudWatch takes no more in an alarm"
    assert sorted(watched) == sorted(expected)
    shown = template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    (widget,) = [w for w in json.loads(shown)["widgets"] if w["properties"]["title"] == "Throttled"]
    names = [part for line in widget["properties"]["metrics"] for part in line if "${" in str(part)]
    assert sorted(names) == sorted(f"${{{name}}}" for *_, name in expected)


def test_an_undo_waits_until_nothing_more_can_come_of_a_lost_start() -> None:
    once: Any = aws._ONCE  # the client of calls whose effect must not come late
    assert once.retries["total_max_attempts"] == 1
    longest_call = once.connect_timeout + once.read_timeout
    assert fault.ACT_WITHIN_SECONDS + longest_call < fault.SETTLED_AFTER_SECONDS
    assert shift.ACT_WITHIN_SECONDS + longest_call < shift.SETTLED_AFTER_SECONDS


def test_an_undo_has_time_to_wait_that_long() -> None:
    longest = max(fault.SETTLED_AFTER_SECONDS, shift.SETTLED_AFTER_SECONDS)
    assert functions()["UndoRunFunction"]["Timeout"] > longest + 30


def test_only_a_shift_and_an_undo_may_set_weights_and_only_those_of_listeners_and_rules() -> None:
    allowed = {}
    for name, statement in statements():
        for action in listed(statement["Action"]):
            if action.startswith("elasticloadbalancing:") and ":Describe" not in action:
                places = [
                    arn["Fn::Sub"].rpartition(":")[2] for arn in listed(statement["Resource"])
                ]
                allowed[name, action] = places
    functions = {"ShiftWeightsFunction", "UndoRunFunction"}
    assert allowed == {
        (name, f"elasticloadbalancing:{action}"): places
        for name in functions
        for action, places in {
            "ModifyListener": ["listener/app/*"],
            "ModifyRule": ["listener-rule/app/*"],
        }.items()
    }


def test_a_look_has_time_for_the_longest_window_and_what_it_reads() -> None:
    longest = template()["Parameters"]["WindowSeconds"]["MaxValue"]
    for name in ("WatchWindowFunction", "StartFaultFunction", "BakeCanaryFunction"):
        assert functions()[name]["Timeout"] >= longest + 20


@pytest.mark.parametrize("environment", ["lab", "dev", "prod"])
def test_samconfig_sets_parameters_that_exist_to_values_that_are_allowed(environment: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    text = config[environment]["deploy"]["parameters"]["parameter_overrides"]
    given = dict(pair.split("=", 1) for pair in text.split())
    assert given["Environment"] == environment
    parameters = template()["Parameters"]
    for name, value in given.items():
        declared = parameters[name]
        allowed = declared.get("AllowedValues")
        assert allowed is None or value in map(str, allowed), name
        if "MinValue" in declared:
            assert declared["MinValue"] <= float(value) <= declared["MaxValue"], name
    assert given.get("ScheduleState", "DISABLED") == "DISABLED"


def test_every_parameter_is_used() -> None:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8").split("\nConditions:")[1]
    for name in template()["Parameters"]:
        assert re.search(rf"!Ref {name}\b|\[{name}, |\$\{{{name}\}}", text), name


def test_the_workload_publishes_all_that_its_documents_name() -> None:
    stack = (ROOT / "workloads/bank/template.yaml").read_text(encoding="utf-8")
    published = set(re.findall(r"/steadystate/workloads/bank/([a-z-]+)", stack))
    documents = [ROOT / "scenarios/workloads/bank.yaml"]
    documents += (ROOT / "scenarios/experiments").glob("bank-*.yaml")
    for path in documents:
        named = set(re.findall(r"\$\{([a-z-]+)\}", path.read_text(encoding="utf-8")))
        assert named <= published, path.name
