"""How a seam is put in place."""

from typing import Any


class SeamError(Exception):
    """moto is not as the seams know it; the message names what is missing."""


def replace(owner: Any, name: str, value: Any) -> None:
    """Put a part of the account in place of a part of moto, which must be there."""
    if not hasattr(owner, name):
        place = getattr(owner, "__qualname__", None) or owner.__name__
        raise SeamError(f"moto has no {place}.{name}: the seam does not fit this version")
    setattr(owner, name, value)
