"""What policies allow, held against what was used: pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class Unused:
    """What is allowed and not used here, and why it stays; `sid` and `what` may hold wildcards."""

    owners: tuple[str, ...]
    sid: str
    what: str
    reason: str


@dataclass(frozen=True, order=True)
class Grant:
    """One action, or one resource, of one statement of `owner`, a function or a machine.

    Actions and resources are held against the uses one by one, and not in pairs: a statement of
    FIS names templates and experiments, and not every action is about both.
    """

    owner: str
    sid: str
    what: str


def grants_and_used(
    owner: str, policies: Iterable[Mapping[str, Any]], uses: Iterable[Mapping[str, Any]]
) -> dict[Grant, bool]:
    """Every grant of the policies, and whether any of the owner's uses needed it."""
    made = [use for use in uses if use["allowed"]]
    found: dict[Grant, bool] = {}
    for statement in (s for policy in policies for s in policy["Statement"]):
        actions, resources = _listed(statement["Action"]), _listed(statement["Resource"])
        fitting = [
            use
            for use in made
            if use["action"] in actions and _reaches(resources, use["resources"])
        ]
        for action in actions:
            grant = Grant(owner, statement["Sid"], action)
            found[grant] = any(use["action"] == action for use in fitting)
        for resource in resources:
            found[Grant(owner, statement["Sid"], resource)] = any(
                resource == "*" or any(fnmatchcase(name, resource) for name in use["resources"])
                for use in fitting
            )
    return found


def _reaches(patterns: list[str], resources: list[str]) -> bool:
    """Whether the statement is about any of the resources; where they are not known, it may be."""
    return not resources or any(fnmatchcase(r, p) for r in resources for p in patterns)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def unlisted_and_stale(grants: Mapping[Grant, bool], exceptions: Sequence[Unused]) -> list[str]:
    """A line for each unused grant without an exception, and each exception about none."""
    listed = [(owner, one) for one in exceptions for owner in one.owners]
    unused = [grant for grant, used in grants.items() if not used]

    def about(grant: Grant, owner: str, one: Unused) -> bool:
        same = grant.owner == owner and fnmatchcase(grant.sid, one.sid)
        return same and fnmatchcase(grant.what, one.what)

    return [
        f"{g.owner}: {g.sid}: {g.what} is allowed and never used: take it out of the policy, or "
        "list it in tests/permissions/exceptions.py with the reason"
        for g in unused
        if not any(about(g, owner, one) for owner, one in listed)
    ] + [
        f"exceptions.py: {owner}: {one.sid}: {one.what} is used, or not allowed any more"
        for owner, one in listed
        if not any(about(g, owner, one) for g in unused)
    ]
