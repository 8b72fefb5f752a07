"""The FIS actions that the lab carries out."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import boto3
from botocore.exceptions import ClientError

from lab.compute.cloud import CLIENT_CONFIG
from lab.compute.instances import Instance, InstanceError
from lab.compute.truth_log import TruthLog
from lab.faults.documents import (
    TASK_ACTIONS,
    Disturbance,
    Kill,
    read_document,
    read_task_action,
)
from lab.faults.duration import parse_seconds
from lab.faults.errors import ActionFailedError

_POLL_SECONDS = 0.1
_REBOOT_SECONDS = 120.0


class Compute(Protocol):
    """What actions need of the supervisor."""

    @property
    def instances(self) -> Mapping[str, Instance]:
        """Instances of EC2 and tasks of ECS, by id."""

    async def terminate(self, instance_id: str) -> None:
        """Kill an instance at once, then terminate it in EC2."""

    async def stop_task(self, task_id: str, reason: str) -> None:
        """Stop a task through ECS. KeyError: there is no such task."""


@dataclass(frozen=True)
class Context:
    """What an action works with. `keep` runs a fault beside the action, until the stop."""

    compute: Compute
    truth: TruthLog
    experiment: str
    action: str
    keep: Callable[[Awaitable[None]], None]

    def say(self, identifier: str, what: str, **details: Any) -> None:
        """Write a truth line about an instance, with experiment and action."""
        self.truth.write(
            "instance", identifier, what, experiment=self.experiment, action=self.action, **details
        )


Run = Callable[[Context, list[str], Mapping[str, str]], Awaitable[None]]


async def wait(_: Context, __: list[str], parameters: Mapping[str, str]) -> None:
    await asyncio.sleep(_duration(parameters, "duration"))


async def terminate_instances(context: Context, targets: list[str], _: Mapping[str, str]) -> None:
    for instance_id in targets:
        context.say(instance_id, "fault", fault="aws:ec2:terminate-instances")
    await asyncio.gather(*(context.compute.terminate(target) for target in targets))


async def stop_instances(
    context: Context, targets: list[str], parameters: Mapping[str, str]
) -> None:
    """Stopped in EC2, the supervisor follows; started again after the duration, if one is given.

    The instances are also started when the experiment is stopped before.
    """
    seconds = (
        _duration(parameters, "startInstancesAfterDuration")
        if "startInstancesAfterDuration" in parameters
        else None
    )
    ec2 = boto3.client("ec2", config=CLIENT_CONFIG)
    for instance_id in targets:
        context.say(instance_id, "fault", fault="aws:ec2:stop-instances")
    await _call(ec2.stop_instances, InstanceIds=targets)
    if seconds is None:
        return
    try:
        await asyncio.sleep(seconds)
    finally:
        terminated = []
        for instance_id in targets:
            try:
                await _call(ec2.start_instances, InstanceIds=[instance_id])
                context.say(instance_id, "fault-end", fault="aws:ec2:stop-instances")
            except ActionFailedError:
                terminated.append(instance_id)
    if terminated and parameters.get("completeIfInstancesTerminated", "false") != "true":
        raise ActionFailedError(
            f"Instances {', '.join(terminated)} were terminated and cannot be started"
        )


async def stop_tasks(context: Context, targets: list[str], _: Mapping[str, str]) -> None:
    """As StopTask: the tasks are drained, and then end by themselves or are killed."""
    for task_id in targets:
        context.say(task_id, "fault", fault="aws:ecs:stop-task")
        try:
            await context.compute.stop_task(
                task_id, f"Stopped by FIS experiment {context.experiment}"
            )
        except (KeyError, ClientError) as error:
            raise ActionFailedError(f"task {task_id} cannot be stopped: {error}") from None


async def send_command(context: Context, targets: list[str], parameters: Mapping[str, str]) -> None:
    """Runs an SSM document. As in AWS, the action lasts for `duration`, the document for its
    own DurationSeconds, which may be shorter or longer; a stop ends both."""
    document = read_document(
        parameters.get("documentArn", ""), parameters.get("documentParameters")
    )
    seconds = _duration(parameters, "duration")
    name = parameters["documentArn"].rsplit("/", 1)[-1]
    await _inside(context, targets, name, document, seconds)


def _task_fault(action: str) -> Run:
    async def run(context: Context, targets: list[str], parameters: Mapping[str, str]) -> None:
        fault = read_task_action(action, parameters)
        seconds = fault.duration_seconds if isinstance(fault, Disturbance) else 0.0
        await _inside(context, targets, action, fault, seconds)

    return run


async def _inside(
    context: Context, targets: list[str], name: str, fault: Disturbance | Kill, seconds: float
) -> None:
    """Let a fault act inside instances or tasks; the action lasts for `seconds`."""
    started = time.monotonic()
    instances = [_running(context, instance_id) for instance_id in targets]
    match fault:
        case Kill():
            for instance in instances:
                context.say(instance.id, "fault", fault=name, process=fault.process)
            await _all(instance.signal(fault.process, fault.signal) for instance in instances)
        case Disturbance():
            await _disturb(context, instances, name, fault)
    await asyncio.sleep(max(0.0, started + seconds - time.monotonic()))


async def reboot_databases(
    context: Context, targets: list[str], parameters: Mapping[str, str]
) -> None:
    """Done when the databases accept connections again."""
    rds = boto3.client("rds", config=CLIENT_CONFIG)
    force = parameters.get("forceFailover", "false").lower() == "true"
    for identifier in targets:
        context.truth.write("database", identifier, "fault", experiment=context.experiment)
        await _call(rds.reboot_db_instance, DBInstanceIdentifier=identifier, ForceFailover=force)
    deadline = time.monotonic() + _REBOOT_SECONDS
    for identifier in targets:
        while (status := await _database_status(rds, identifier)) != "available":
            if time.monotonic() > deadline:
                raise ActionFailedError(
                    f"{identifier} is {status} {_REBOOT_SECONDS:g} s after its reboot"
                )
            await asyncio.sleep(_POLL_SECONDS)


ACTIONS: dict[str, tuple[str | None, Run]] = {
    # action id -> (name of the target in the action, what it does)
    "aws:fis:wait": (None, wait),
    "aws:ec2:terminate-instances": ("Instances", terminate_instances),
    "aws:ec2:stop-instances": ("Instances", stop_instances),
    "aws:ecs:stop-task": ("Tasks", stop_tasks),
    "aws:ssm:send-command": ("Instances", send_command),
    "aws:rds:reboot-db-instances": ("DBInstances", reboot_databases),
    **{action: ("Tasks", _task_fault(action)) for action in TASK_ACTIONS},
}


async def _disturb(
    context: Context, instances: list[Instance], name: str, disturbance: Disturbance
) -> None:
    key = f"{context.experiment}/{context.action}"

    async def hold(instance: Instance, until: float) -> None:
        try:
            await asyncio.sleep(until - time.monotonic())
        finally:
            # Shielded: a stop that comes while it is taken away must not leave it half done.
            await asyncio.shield(instance.remove_fault(key))
            context.say(instance.id, "fault-end", fault=name)

    added = []
    try:
        for instance in instances:
            await instance.add_fault(key, network=disturbance.network, steal=disturbance.steal)
            context.say(instance.id, "fault", fault=name)
            added.append(instance)
    except BaseException as error:
        for instance in added:
            await asyncio.shield(instance.remove_fault(key))
            context.say(instance.id, "fault-end", fault=name)
        if isinstance(error, InstanceError):
            raise ActionFailedError(str(error)) from None
        raise
    until = time.monotonic() + disturbance.duration_seconds
    for instance in added:
        context.keep(hold(instance, until))


def _running(context: Context, instance_id: str) -> Instance:
    instance = context.compute.instances.get(instance_id)
    if instance is None or not instance.alive:
        raise ActionFailedError(f"SSM command could not be delivered: {instance_id} does not run")
    return instance


async def _all(work: Any) -> None:
    try:
        await asyncio.gather(*work)
    except InstanceError as error:
        raise ActionFailedError(f"SSM command failed: {error}") from None


async def _call(operation: Callable[..., Any], **arguments: Any) -> Any:
    try:
        return await asyncio.to_thread(lambda: operation(**arguments))
    except ClientError as error:
        raise ActionFailedError(str(error)) from None


async def _database_status(rds: Any, identifier: str) -> str:
    answer = await _call(rds.describe_db_instances, DBInstanceIdentifier=identifier)
    status: str = answer["DBInstances"][0]["DBInstanceStatus"]
    return status


def _duration(parameters: Mapping[str, str], name: str) -> float:
    if name not in parameters:
        raise ActionFailedError(f"parameter {name} is required")
    try:
        return parse_seconds(parameters[name])
    except ValueError as error:
        raise ActionFailedError(f"parameter {name}: {error}") from None
