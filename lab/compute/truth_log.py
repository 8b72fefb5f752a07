"""What really happened to instances and databases, written down the moment it did."""

import json
import threading
import time
from pathlib import Path
from typing import Any


class TruthLog:
    """Appends JSON lines to a file that several processes write to."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()

    def write(
        self, kind: str, identifier: str, what: str, *, at: float | None = None, **details: Any
    ) -> None:
        """`at` is epoch seconds, now by default."""
        line = {"kind": kind, "id": identifier, "what": what}
        content = {**line, "at": time.time() if at is None else at, **details}
        with self._lock:
            self._file.write(json.dumps(content).encode() + b"\n")
