"""RDS: instances whose status and address the data plane reports."""

from typing import Any

from lab.account.fis import InvalidError
from lab.account.parts import ACCOUNT_ID, Parts
from lab.account.seams.insides import replace


def connect(_: Parts) -> None:
    from moto.rds import models

    own_address = vars(models.DBInstance)["address"].fget

    def address(self: Any) -> str:
        return getattr(self, "lab_address", None) or str(own_address(self))

    def reboot(self: Any, db_instance_identifier: str) -> Any:
        database = self.describe_db_instances(db_instance_identifier)[0]
        database.status = "rebooting"
        return database

    replace(models.DBInstance, "address", property(address))
    replace(models.RDSBackend, "reboot_db_instance", reboot)


def report(parts: Parts, identifier: str, body: Any) -> None:
    """Set status, address and port of a database. Raises InvalidError; KeyError: there is none."""
    from moto.rds.models import rds_backends

    database: Any = rds_backends[ACCOUNT_ID][parts.region].databases[identifier]
    if not isinstance(body, dict) or not isinstance(body.get("status"), str):
        raise InvalidError('"status" is needed')
    if not isinstance(body.get("address", ""), str) or not isinstance(body.get("port", 0), int):
        raise InvalidError('"address" must be a text and "port" a number')
    database.status = body["status"]
    if "address" in body:
        database.lab_address = body["address"]
    if "port" in body:
        database.port = body["port"]
