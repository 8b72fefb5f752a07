"""The lab manifest of a workload: `lab/workloads/<name>.yaml`."""

from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

ROOT = Path(__file__).resolve().parents[2]


class ManifestError(Exception):
    """The manifest cannot be used; the message names the file and the field."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Command(_Model):
    """A program: `directory` is relative to the checkout, and on the Python path.

    In `command` and `env`, {python}, {instance_id}, {database_url} and {secret} are filled in;
    {port}, {port:<service>} too, for a service.
    """

    command: Annotated[list[str], Field(min_length=1)]
    directory: str = "."
    env: dict[str, str] = {}


class Service(Command):
    """A process of every instance. `port`: where the load balancer finds it in AWS, if it does."""

    name: str
    port: Annotated[int, Field(ge=0, le=65535)] = 0


class Database(_Model):
    """The RDS database of the workload. `table_setup` runs once, when the server is up first."""

    name: str
    user: str
    port: int = 5432
    table_setup: Command | None = Field(default=None, alias="schema")


class Cache(_Model):
    """The ElastiCache replication group of the workload: where its clients find it in AWS."""

    port: int = 6379


class Boot(_Model):
    """When an instance has come up: its first 200 at `health_path`, through its interface."""

    health_path: str = "/"


class Manifest(_Model):
    """What the instances of a workload consist of, or its tasks.

    `services` run on every EC2 instance. `containers` say how a container of a task is run here,
    by the name that it has in the task definition, whose environment and secrets it gets; `env`
    goes over these.
    """

    workload: str
    database: Database | None = None
    cache: Cache | None = None
    services: list[Service] = []
    containers: list[Service] = []
    boot: Boot = Boot()

    @model_validator(mode="after")
    def _runs_something(self) -> Self:
        if not self.services and not self.containers:
            raise ValueError("services or containers are needed")
        return self


def read(path: Path) -> Manifest:
    """Raises ManifestError."""
    try:
        return Manifest.model_validate(yaml.safe_load(path.read_text()))
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        raise ManifestError(f"{path}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "document"
        raise ManifestError(f"{path}: {field}: {first['msg']}") from None
