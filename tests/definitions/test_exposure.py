"""All templates that ship: nothing public or in plain, no log for ever, no secret in sight."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scan.templates import templates

NAMES = sorted(templates())
SECRET = re.compile(r"password|secret|token|api_?key|webhook", re.I)
NAMES_A_PLACE = re.compile(r"(_ARN|_NAME|_PARAMETER|_PATH|_ID)$")


def of_type(name: str, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for logical_id, resource in templates()[name]["Resources"].items():
        if resource["Type"] in kinds:
            yield logical_id, resource.get("Properties", {})


def statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    written = policy["PolicyDocument"]["Statement"]
    return [s["Fn::If"][1] if "Fn::If" in s else s for s in written]


@pytest.mark.parametrize("name", NAMES)
def test_no_bucket_is_public_and_all_are_reached_by_tls_only(name: str) -> None:
    closed_to_plain = set()
    for _, policy in of_type(name, "AWS::S3::BucketPolicy"):
        for statement in statements(policy):
            if statement["Effect"] == "Allow":
                assert set(statement["Principal"]) == {"Service"}
                assert statement["Condition"]
            elif statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}:
                assert (statement["Principal"], statement["Action"]) == ("*", "s3:*")
                closed_to_plain.add(policy["Bucket"]["Ref"])
    for bucket, properties in of_type(name, "AWS::S3::Bucket"):
        closed = properties["PublicAccessBlockConfiguration"]
        assert len(closed) == 4, bucket
        assert set(closed.values()) == {True}, bucket
        assert bucket in closed_to_plain


@pytest.mark.parametrize("name", NAMES)
def test_what_keeps_data_encrypts_it(name: str) -> None:
    for _, p in of_type(name, "AWS::S3::Bucket"):
        assert p["BucketEncryption"]
    for _, p in of_type(name, "AWS::DynamoDB::Table"):
        assert p["SSESpecification"]["SSEEnabled"] is True
        assert p["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    for _, p in of_type(name, "AWS::RDS::DBInstance"):
        assert p["StorageEncrypted"] is True
        assert p["PubliclyAccessible"] is False
    for _, p in of_type(name, "AWS::ElastiCache::ReplicationGroup"):
        assert p["AtRestEncryptionEnabled"] is True
        assert p["TransitEncryptionEnabled"] is True
    for _, p in of_type(name, "AWS::SNS::Topic"):
        assert p["KmsMasterKeyId"]
    for _, p in of_type(name, "AWS::SQS::Queue"):
        assert p.get("SqsManagedSseEnabled") is True or p["KmsMasterKeyId"]


@pytest.mark.parametrize("name", NAMES)
def test_no_log_is_kept_for_ever(name: str) -> None:
    for group, properties in of_type(name, "AWS::Logs::LogGroup"):
        assert properties["RetentionInDays"], group


@pytest.mark.parametrize("name", NAMES)
def test_listeners_with_a_certificate_speak_modern_tls_and_plain_ones_then_lead_there(
    name: str,
) -> None:
    for listener, properties in of_type(name, "AWS::ElasticLoadBalancingV2::Listener"):
        if properties["Protocol"] == "HTTPS":
            assert "TLS13" in properties["SslPolicy"], listener
        else:
            condition, redirect, _ = properties["DefaultActions"][0]["Fn::If"]
            assert condition == "HasCertificate"
            assert redirect["RedirectConfig"]["Protocol"] == "HTTPS"


def environments(name: str) -> Iterator[tuple[str, str, Any]]:
    for owner, p in of_type(name, "AWS::Lambda::Function"):
        for key, value in p.get("Environment", {}).get("Variables", {}).items():
            yield owner, key, value
    for owner, p in of_type(name, "AWS::ECS::TaskDefinition"):
        for container in p["ContainerDefinitions"]:
            for variable in container.get("Environment", []):
                yield owner, variable["Name"], variable["Value"]


@pytest.mark.parametrize("name", NAMES)
def test_no_environment_variable_holds_a_secret(name: str) -> None:
    for owner, key, value in environments(name):
        assert "resolve:" not in str(value), f"{owner}: {key}"
        if SECRET.search(key):
            assert NAMES_A_PLACE.search(key), f"{owner}: {key} must name a place, not be a secret"
