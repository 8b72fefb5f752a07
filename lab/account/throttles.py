"""Services that refuse calls for a while, as AWS does when they come too fast.

Only calls with a role's credentials are refused: those of functions, and not those of whoever looks
at the account meanwhile. Without being told, no service refuses any.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any


class Throttles:
    """How many of the calls to come each service refuses, by the name they are signed with."""

    def __init__(self) -> None:
        self._left: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._lock = threading.Lock()

    def set(self, body: Mapping[str, Any]) -> None:
        """Take `{"dynamodb": 6, …}`, in place of what was told before; the count of refused calls
        begins anew. Raises TypeError."""
        if not all(type(count) is int for count in body.values()):
            raise TypeError('calls to refuse are told as {"dynamodb": 6}')
        with self._lock:
            self._left, self._refused = Counter(body), Counter()

    def refuses(self, service: str) -> bool:
        """Whether this call is refused."""
        with self._lock:
            if self._left[service] < 1:
                return False
            self._left[service] -= 1
            self._refused[service] += 1
            return True

    def told(self) -> dict[str, int]:
        """How many calls of each service were refused."""
        with self._lock:
            return dict(self._refused)
