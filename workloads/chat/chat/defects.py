"""Defects that tests switch on, to see whether a canary is stopped. None is the default."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

NO_DEFECT: Final = "none"
_FORMS: Final = "give none, errors:SHARE, slow:SECONDS or drop:SHARE"


@dataclass(frozen=True)
class Defect:
    """`errors`: share of HTTP requests and sends that fail. `slow_seconds`: added to each of them.
    `drop`: share of the frames of clients at which their connection breaks."""

    errors: float = 0.0
    slow_seconds: float = 0.0
    drop: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Defect:
        """Read `none`, `errors:0.05`, `slow:0.5` or `drop:0.02`. Raises ValueError."""
        if text == NO_DEFECT:
            return cls()
        kind, _, amount_text = text.partition(":")
        try:
            amount = float(amount_text)
        except ValueError:
            raise ValueError(f"{text!r} is not known: {_FORMS}") from None
        if kind == "slow" and 0 <= amount <= 60:
            return cls(slow_seconds=amount)
        if kind in {"errors", "drop"} and 0 <= amount <= 1:
            return cls(errors=amount) if kind == "errors" else cls(drop=amount)
        raise ValueError(f"{text!r} is not known: {_FORMS}; shares go from 0 to 1")

    def fails(self) -> bool:
        return random.random() < self.errors

    def drops(self) -> bool:
        return random.random() < self.drop
