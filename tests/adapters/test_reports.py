"""Reports in a bucket of the lab's account."""

import urllib.error
import urllib.parse
import urllib.request
from typing import Any
from uuid import uuid4

import pytest
from botocore.stub import Stubber

from steadystate.adapters import aws
from steadystate.adapters.reports import BucketReports
from steadystate.errors import ReportMissing, TransientError

REGION = "ap-northeast-2"


@pytest.fixture
def bucket(connected: Any) -> str:
    name = f"evidence-{uuid4()}"
    connected.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return name


def test_a_report_is_read_back_as_it_was_stored(bucket: str) -> None:
    reports = BucketReports(bucket)
    reports.put("reports/r/report.en.pdf", b"%PDF", "application/pdf")
    assert reports.get("reports/r/report.en.pdf") == b"%PDF"
    kept = aws.client("s3").head_object(Bucket=bucket, Key="reports/r/report.en.pdf")
    assert kept["ContentType"] == "application/pdf"


def test_a_report_that_is_not_there_is_named(bucket: str) -> None:
    with pytest.raises(ReportMissing, match=r"reports/r/x.pdf cannot be read: S3 said NoSuchKey"):
        BucketReports(bucket).get("reports/r/x.pdf")


def test_a_bucket_that_refuses_is_told_with_the_key_and_one_that_is_busy_is_asked_again(
    bucket: str,
) -> None:
    with Stubber(aws.client("s3")) as stub:
        stub.add_client_error("put_object", "AccessDenied")
        stub.add_client_error("put_object", "SlowDown")
        with pytest.raises(ReportMissing, match=r"r/x.pdf could not be stored: S3 said AccessDen"):
            BucketReports(bucket).put("r/x.pdf", b"", "application/pdf")
        with pytest.raises(TransientError):
            BucketReports(bucket).put("r/x.pdf", b"", "application/pdf")


def test_a_link_opens_the_report_without_credentials(bucket: str) -> None:
    reports = BucketReports(bucket)
    reports.put("reports/r/report.en.pdf", b"%PDF", "application/pdf")
    link = reports.link("reports/r/report.en.pdf", 60)
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == b"%PDF"


def test_a_link_leads_to_the_buckets_own_region_and_says_when_it_ends(
    connected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    link = urllib.parse.urlsplit(BucketReports("evidence").link("reports/r/report.en.pdf", 3600))
    assert link.netloc == f"evidence.s3.{REGION}.amazonaws.com"
    query = urllib.parse.parse_qs(link.query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["3600"]
