"""Narratives, reports and trends in the evidence bucket."""

from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from steadystate.adapters.aws import client, code_of, passing_faults
from steadystate.errors import ReportMissing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SIGNING: Final = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
"""Links lead to the bucket's own region: elsewhere S3 redirects, and the signature is void."""


class BucketReports:
    """The port ReportStore on S3."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def get(self, key: str) -> bytes:
        """Return a document."""
        s3: S3Client = client("s3")
        try:
            with passing_faults():
                return s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            raise ReportMissing(f"{key} cannot be read: S3 said {code_of(error)}") from error

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store a document."""
        s3: S3Client = client("s3")
        try:
            with passing_faults():
                s3.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)
        except ClientError as error:
            raise ReportMissing(f"{key} could not be stored: S3 said {code_of(error)}") from error

    def link(self, key: str, seconds: int) -> str:
        """Return a pre-signed address. It dies with the credentials that signed it, if those die
        earlier."""
        s3: S3Client = boto3.client("s3", config=_SIGNING)
        return s3.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=seconds
        )
