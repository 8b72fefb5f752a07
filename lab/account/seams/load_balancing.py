"""Load balancers that listen on this machine, and targets whose health the balancer reports."""

import contextlib
import random
import socket
from typing import Any

from lab.account.fis import InvalidError
from lab.account.parts import ACCOUNT_ID, Parts
from lab.account.seams.insides import replace

_STATES = ("initial", "healthy", "unhealthy", "draining", "unused")


def connect(_: Parts) -> None:
    from moto.elbv2 import models

    create = models.FakeLoadBalancer.__init__
    health_for = models.FakeTargetGroup.health_for
    describe = models.ELBv2Backend.describe_target_health

    def initialise(self: Any, *args: Any, **keywords: Any) -> None:
        create(self, *args, **keywords)
        self.dns_name = f"127.0.0.1:{_free_port()}"

    def reported(self: Any, target: Any, ec2_backend: Any) -> Any:
        """As reported; a target that nobody has looked at yet is `initial`."""
        known = getattr(self, "lab_health", None)
        own = self.targets.get(target["Id"])
        item = (known or {}).get(target["Id"])
        if item is not None:
            return _status(models, item, self)
        status = health_for(self, target, ec2_backend)
        if own is not None and status.status == "healthy":
            return _status(models, {"id": own["Id"], "port": own["Port"], **_INITIAL}, self)
        return status

    def described(self: Any, target_group_arn: str, targets: Any) -> Any:
        """Draining targets are reported too, though they are registered no more."""
        found = describe(self, target_group_arn, targets)
        group = self.target_groups[target_group_arn]
        if not targets:
            known = getattr(group, "lab_health", None) or {}
            extra = [item for name, item in known.items() if name not in group.targets]
            found += [_status(models, i, group) for i in extra if i["state"] == "draining"]
        return found

    _connect_actions(models)
    replace(models.FakeLoadBalancer, "__init__", initialise)
    replace(models.FakeTargetGroup, "health_for", reported)
    replace(models.ELBv2Backend, "describe_target_health", described)


def _connect_actions(models: Any) -> None:
    """Actions are checked, and answered, as an ALB's; listeners of templates may have any."""
    create = models.FakeAction.__init__
    modify = models.ELBv2Backend.modify_listener

    def initialise(self: Any, data: dict[str, Any]) -> None:
        create(self, _as_answered(data))

    def modified(self: Any, arn: str, *args: Any, **keywords: Any) -> Any:
        actions = keywords.get("actions") or (args[4] if len(args) > 4 else None) or []
        self._validate_actions([models.FakeAction(action) for action in actions])
        return modify(self, arn, *args, **keywords)

    def converted(_: Any, properties: Any) -> Any:
        return properties["DefaultActions"]

    replace(models.FakeAction, "__init__", initialise)
    replace(models.ELBv2Backend, "modify_listener", modified)
    replace(models.ELBv2Backend, "convert_and_validate_properties", converted)


_MOST_GROUPS, _MOST_WEIGHT = 5, 999


def _as_answered(action: dict[str, Any]) -> dict[str, Any]:
    """An action as DescribeListeners and DescribeRules tell it: a forward to a single group has
    both TargetGroupArn and ForwardConfig, and a secret is never told."""
    from moto.elbv2.exceptions import ValidationError

    kind = action["Type"]
    if kind == "authenticate-oidc":
        config = dict(action["AuthenticateOidcConfig"])
        if not (config.pop("ClientSecret", None) or config.pop("UseExistingClientSecret", False)):
            raise ValidationError("A client secret must be specified")
        return action | {"AuthenticateOidcConfig": config}
    if kind != "forward":
        return dict(action)
    config = action.get("ForwardConfig") or {}
    single = action.get("TargetGroupArn")
    tuples = config.get("TargetGroups") or [{"TargetGroupArn": single}]
    groups = [{**one, "Weight": int(one.get("Weight", 1))} for one in tuples]
    arns = [one["TargetGroupArn"] for one in groups]
    if None in arns:
        raise ValidationError("A target group ARN must be specified")
    if single is not None and arns != [single]:
        raise ValidationError("TargetGroupArn and ForwardConfig must name the same target group")
    if len(groups) > _MOST_GROUPS or len(set(arns)) < len(arns):
        raise ValidationError("A forward action takes at most five different target groups")
    if not all(0 <= one["Weight"] <= _MOST_WEIGHT for one in groups):
        raise ValidationError(f"Weights must be between 0 and {_MOST_WEIGHT}")
    sticky = config.get("TargetGroupStickinessConfig") or {"Enabled": False}
    answered = {key: value for key, value in action.items() if key != "TargetGroupArn"}
    if len(arns) == 1:
        answered["TargetGroupArn"] = arns[0]
    answered["ForwardConfig"] = {"TargetGroups": groups, "TargetGroupStickinessConfig": sticky}
    return answered


_INITIAL = {
    "state": "initial",
    "reason": "Elb.RegistrationInProgress",
    "description": "Target registration is in progress",
}
_ports: set[int] = set()


def _free_port() -> int:
    """A port that is free now and stays so until the balancer listens on it.

    It lies below the range out of which systems take the ports of outgoing connections.
    """
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _ports:
                _ports.add(port)
                return port


def _status(models: Any, item: Any, group: Any) -> Any:
    return models.FakeHealthStatus(
        item["id"],
        item.get("port", group.port),
        group.health_check_port,
        item["state"],
        item.get("reason"),
        item.get("description"),
    )


def report_health(parts: Parts, body: Any) -> None:
    """Replace what DescribeTargetHealth answers for these target groups. Raises InvalidError."""
    from moto.elbv2.models import elbv2_backends

    if not isinstance(body, dict):
        raise InvalidError("a JSON object by target group ARN is needed")
    groups: Any = elbv2_backends[ACCOUNT_ID][parts.region].target_groups
    for arn, items in body.items():
        if arn not in groups:
            raise InvalidError(f"there is no target group {arn}")
        if not isinstance(items, list):
            raise InvalidError(f"{arn}: a list of targets is needed")
        for item in items:
            if not isinstance(item, dict) or not isinstance(item.get("id"), str):
                raise InvalidError(f"{arn}: each target needs an id")
            if item.get("state") not in _STATES:
                raise InvalidError(f"{arn}: {item['id']}: state must be one of {_STATES}")
    for arn, items in body.items():
        groups[arn].lab_health = {item["id"]: item for item in items}
