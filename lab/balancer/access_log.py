"""The access log: one JSON line for each request that the balancer answered."""

import json
from pathlib import Path
from typing import TextIO


class AccessLog:
    """Lines `{at, load_balancer, target_group, target, method, path, status, elb_status,
    duration_ms, error}`.

    `at` is when the request came, in epoch seconds. `target_group` and `target` (`id:port`) are
    null when the balancer answered by itself, `status` is the target's and null when it gave
    none, `elb_status` is what the client got (460: it left before the answer). `error` is null
    or says what went wrong. Lines are kept until `flush`.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("a", encoding="utf-8")
        self._lines: list[str] = []

    def write(
        self,
        *,
        at: float,
        load_balancer: str,
        target_group: str | None,
        target: str | None,
        method: str,
        path: str,
        status: int | None,
        elb_status: int,
        duration_seconds: float,
        error: str | None,
    ) -> None:
        line = {
            "at": round(at, 6),
            "load_balancer": load_balancer,
            "target_group": target_group,
            "target": target,
            "method": method,
            "path": path,
            "status": status,
            "elb_status": elb_status,
            "duration_ms": round(duration_seconds * 1000, 3),
            "error": error,
        }
        self._lines.append(json.dumps(line, separators=(",", ":")) + "\n")

    def flush(self) -> None:
        if self._lines:
            self._file.write("".join(self._lines))
            self._file.flush()
            self._lines.clear()

    def close(self) -> None:
        self.flush()
        self._file.close()
