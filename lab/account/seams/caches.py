"""ElastiCache: replication groups whose status and address the data plane reports.

moto forgets the AUTH token; the server that stands for the group needs it.
"""

from typing import Any

from lab.account.fis import InvalidError
from lab.account.parts import ACCOUNT_ID, Parts
from lab.account.seams.insides import replace


def connect(_: Parts) -> None:
    from moto.elasticache import models

    create = models.ReplicationGroup.__init__

    def initialise(self: Any, *args: Any, **keywords: Any) -> None:
        create(self, *args, **keywords)
        self.lab_auth_token = keywords.get("auth_token")
        self.status = "creating"

    replace(models.ReplicationGroup, "__init__", initialise)


def auth_token(parts: Parts, identifier: str) -> str | None:
    """What a client of the group has to say first. KeyError: there is no such group."""
    token: str | None = _group(parts, identifier).lab_auth_token
    return token


def report(parts: Parts, identifier: str, body: Any) -> None:
    """Set the status of a replication group. Raises InvalidError; KeyError: there is none."""
    group = _group(parts, identifier)
    if not isinstance(body, dict) or not isinstance(body.get("status"), str):
        raise InvalidError('"status" is needed')
    group.status = body["status"]


def _group(parts: Parts, identifier: str) -> Any:
    from moto.elasticache.models import elasticache_backends

    return elasticache_backends[ACCOUNT_ID][parts.region].replication_groups[identifier]
