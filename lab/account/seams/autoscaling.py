"""Auto Scaling: new instances are spread over the zones and registered with the target groups."""

from typing import Any

from lab.account.parts import Parts
from lab.account.seams.insides import replace


def connect(_: Parts) -> None:
    from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup

    launch = FakeAutoScalingGroup.replace_autoscaling_group_instances

    notify = AutoScalingBackend.notify_terminate_instances
    terminate = AutoScalingBackend.terminate_instance

    def launched(self: Any, count_needed: int, propagated_tags: dict[str, str]) -> None:
        """moto launches them all in the first subnet."""
        subnets = self.vpc_zone_identifier
        for _ in range(count_needed):
            self.vpc_zone_identifier = _emptiest(self, subnets)
            try:
                launch(self, 1, propagated_tags)
            finally:
                self.vpc_zone_identifier = subnets

    def notified(self: Any, instance_ids: list[str]) -> None:
        before = _members(self)
        notify(self, instance_ids)
        _register(self, before)

    def terminated(self: Any, instance_id: str, should_decrement: bool) -> Any:
        before = _members(self)
        activity = terminate(self, instance_id, should_decrement)
        self.elbv2_backend.notify_terminate_instances([instance_id])
        _register(self, before)
        return activity

    replace(FakeAutoScalingGroup, "replace_autoscaling_group_instances", launched)
    replace(AutoScalingBackend, "notify_terminate_instances", notified)
    replace(AutoScalingBackend, "terminate_instance", terminated)


def _emptiest(group: Any, subnets: str | None) -> str | None:
    """The subnet with the fewest of the group's instances."""
    if not subnets:
        return subnets
    used = [state.instance.subnet_id for state in group.instance_states]
    return min(subnets.split(","), key=used.count)


def _members(backend: Any) -> dict[str, set[str]]:
    return {
        name: {state.instance.id for state in group.instance_states}
        for name, group in backend.autoscaling_groups.items()
    }


def _register(backend: Any, before: dict[str, set[str]]) -> None:
    for name, members in _members(backend).items():
        if members - before.get(name, set()):
            backend.update_attached_target_groups(name)
