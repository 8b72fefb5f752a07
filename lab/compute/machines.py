"""All that runs in the lab, EC2 instances and ECS tasks, for faults and the load balancer."""

from dataclasses import dataclass
from typing import Any

from lab.compute.instances import Instance
from lab.compute.supervisor import Supervisor
from lab.compute.tasks import Tasks


@dataclass(frozen=True)
class Machines:
    """`instances` has both kinds by id."""

    instances: dict[str, Instance]
    supervisor: Supervisor
    tasks: Tasks

    async def terminate(self, instance_id: str) -> None:
        """Kill an EC2 instance at once, then terminate it in EC2."""
        await self.supervisor.terminate(instance_id)

    async def stop_task(self, task_id: str, reason: str) -> None:
        """Stop a task through ECS. KeyError: there is no such task."""
        await self.tasks.stop(task_id, reason)

    def directory(self) -> dict[str, dict[str, Any]]:
        """Where each one is on this machine; a task also has its address in the account."""
        addresses = self.tasks.addresses
        return {
            instance.id: {"address": "127.0.0.1", "port": instance.port, "state": instance.state}
            | ({"ip": addresses[instance.id]} if instance.id in addresses else {})
            for instance in self.instances.values()
        }
