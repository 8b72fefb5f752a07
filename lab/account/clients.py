"""boto3 clients of the account itself, made once: making one takes tens of milliseconds."""

import threading
from typing import Any

import boto3
from botocore.config import Config

_CONFIG = Config(retries={"total_max_attempts": 1}, max_pool_connections=50)


class Clients:
    """Clients by service and role. Safe to use from several threads."""

    def __init__(self, url: str, region: str) -> None:
        self._url = url
        self._region = region
        self._session: Any = boto3.Session(region_name=region)
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.RLock()

    def own(self, service: str) -> Any:
        """A client with the account's all-powerful credentials."""
        return self._get(service, "", {})

    def of_role(self, service: str, role_arn: str) -> Any:
        """A client with the credentials of a role."""
        with self._lock:
            known = self._clients.get((service, role_arn))
        if known is not None:
            return known
        got = self._assume(role_arn, "aws-service")
        return self._get(
            service,
            role_arn,
            {
                "aws_access_key_id": got["AccessKeyId"],
                "aws_secret_access_key": got["SecretAccessKey"],
                "aws_session_token": got["SessionToken"],
            },
        )

    def variables(self, role_arn: str, session: str) -> dict[str, str]:
        """Fresh credentials of a role as environment variables."""
        got = self._assume(role_arn, session[:64])
        return {
            "AWS_ACCESS_KEY_ID": got["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": got["SecretAccessKey"],
            "AWS_SESSION_TOKEN": got["SessionToken"],
        }

    def _assume(self, role_arn: str, session: str) -> dict[str, str]:
        answer = self.own("sts").assume_role(RoleArn=role_arn, RoleSessionName=session)
        credentials: dict[str, str] = answer["Credentials"]
        return credentials

    def _get(self, service: str, role: str, credentials: dict[str, str]) -> Any:
        with self._lock:
            if (service, role) not in self._clients:
                self._clients[service, role] = self._session.client(
                    service, endpoint_url=self._url, config=_CONFIG, **credentials
                )
            return self._clients[service, role]
