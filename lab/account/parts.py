"""What the account is made of: the running parts that the seams connect to the API server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.account.cloudwatch import Metrics
from lab.account.events import Bus
from lab.account.fis import Experiments
from lab.account.functions import Functions
from lab.account.sabotage import Sabotage
from lab.account.throttles import Throttles

ACCOUNT_ID = "123456789012"


@dataclass(frozen=True)
class Parts:
    """`client(service)` is a boto3 client of this very account with its all-powerful credentials,
    `role_client(service, role_arn)` one with a role's."""

    region: str
    state: Path
    functions: Functions
    metrics: Metrics
    bus: Bus
    experiments: Experiments
    client: Callable[[str], Any]
    role_client: Callable[[str, str], Any]
    sabotage: Sabotage = field(default_factory=Sabotage)
    throttles: Throttles = field(default_factory=Throttles)

    def publish(self, entry: Mapping[str, Any]) -> None:
        """Put an entry of PutEvents on the account's event bus."""
        self.bus.publish(entry)
