"""What policies allow, held against what was used: pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class Unused:
    """What is allowed and not used here, and why it stays.

    `sid` and `what`, which is a Grant's, may hold wildcards.
    """

    owners: tuple[str, ...]
    sid: str
    what: str
    reason: str


@dataclass(frozen=True, order=True)
class Grant:
    """One action on one resource, in one statement of `owner`, a function or a machine."""

    owner: str
    sid: str
    action: str
    resource: str

    @property
    def what(self) -> str:
        """The pair, as exceptions name it."""
        return f"{self.action} on {self.resource}"


def grants_and_used(
    owner: str, policies: Iterable[Mapping[str, Any]], uses: Iterable[Mapping[str, Any]]
) -> dict[Grant, bool]:
    """Every grant of the policies, and whether any of the owner's uses needed it.

    A use whose resources are not known needs the action on all of them, and on none in particular.
    """
    made = {(use["action"], resource) for use in uses if use["allowed"] for resource in _about(use)}
    grants = [
        Grant(owner, statement["Sid"], action, resource)
        for policy in policies
        for statement in policy["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]
    return {
        grant: any(
            action == grant.action and fnmatchcase(resource, grant.resource)
            for action, resource in made
        )
        for grant in grants
    }


def _about(use: Mapping[str, Any]) -> list[str]:
    return use["resources"] or ["*"]


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
