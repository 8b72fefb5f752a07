"""What was asked of the account with the credentials of a role: each different request once."""

import json
import threading
from collections.abc import Sequence
from typing import NamedTuple


class Use(NamedTuple):
    """One check. `resources` are ARNs or `*`, and none where the lab does not know them."""

    role: str
    action: str
    resources: tuple[str, ...]
    allowed: bool


_seen: set[Use] = set()
_lock = threading.Lock()


def note(role: str, action: str, resources: Sequence[str] | None, *, allowed: bool) -> bool:
    """Keep what was checked, and give its outcome back."""
    with _lock:
        _seen.add(Use(role, action, tuple(resources or ()), allowed))
    return allowed


def as_json() -> str:
    """All that was checked since the account began, sorted: the answer of `GET /lab/access`."""
    with _lock:
        found = sorted(_seen)
    return json.dumps([use._asdict() for use in found])
