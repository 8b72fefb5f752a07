"""The stack's roles once everything has run: what each may do, and whether it did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.permissions.policies import Grant, grants_and_used
from tests.permissions.scenarios import HELD, run_all
from tests.permissions.shop import SECRET
from tests.sweep.place import REGION, STACK, Place, place

PARAMETERS: Final = {
    "NarrativeModelId": "a-model",
    "SlackSecretArn": f"arn:aws:secretsmanager:{REGION}:123456789012:secret:{SECRET}",
}
"""The stack with all that is optional."""


@dataclass(frozen=True)
class Comparison:
    """Every grant with whether it was used, and in words what was asked for and refused."""

    grants: dict[Grant, bool]
    refused: list[str]


def compared(state: Path) -> Comparison:
    """Run everything, and compare. `state` is an empty directory for the account."""
    with place(state, 0, HELD, **PARAMETERS) as made:
        owners = _owners(made)
        try:
            run_all(made)
        except AssertionError as error:
            error.add_note(f"refused: {_refused(owners, made.get('/lab/access'))}")
            raise
        uses = made.get("/lab/access")
        grants: dict[Grant, bool] = {}
        for role, owner in owners.items():
            own = [use for use in uses if use["role"] == role]
            grants |= grants_and_used(owner, _policies(made, role), own)
    return Comparison(grants, _refused(owners, uses))


def _refused(owners: Mapping[str, str], uses: Iterable[Mapping[str, Any]]) -> list[str]:
    return [
        f"{owners.get(use['role'], use['role'])}: {use['action']} on {', '.join(use['resources'])}"
        for use in uses
        if not use["allowed"]
    ]


def _owners(place: Place) -> dict[str, str]:
    """The logical id of each function and machine, by its role's ARN."""
    found = {}
    for function in place.client("lambda").list_functions()["Functions"]:
        name = function["FunctionName"].removeprefix(f"{STACK}-").rpartition("-")[0]
        found[function["Role"]] = name
    api = place.client("stepfunctions")
    for machine in api.list_state_machines()["stateMachines"]:
        role = api.describe_state_machine(stateMachineArn=machine["stateMachineArn"])["roleArn"]
        found[role] = machine["name"].removeprefix(f"{STACK}-").title() + "StateMachine"
    return found


def _policies(place: Place, role: str) -> list[dict[str, Any]]:
    """The role's own policies, as they are deployed."""
    iam, name = place.client("iam"), role.rpartition("/")[2]
    return [
        iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
