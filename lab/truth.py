"""The truth of a run: what really happened, from the lines that its processes wrote meanwhile.

`build` gives `steadystate/truth/v1`:

    {
      "schema": "steadystate/truth/v1",
      "started_at": epoch seconds, "ended_at": epoch seconds,
      "instances": {"i-…": {"launched", "started", "healthy", "killed", "stopped", "gone":
                                epoch seconds of the first time it happened, or null,
                            "events": [the instance's lines in order, without kind and id]}},
      "databases": {"<id>": {"events": [the same]}},
      "seconds":   [{"at": whole epoch second, "requests", "errors": of requests sent in it,
                     "latency_ms": {"p50", "p95", "max"} of those, or null without requests}],
      "clients":   {"requests", "errors", "first_error_sent_at", "last_error_sent_at",
                    "last_error_done_at": epoch seconds, or null without errors},
      "front_door": {"requests", "errors": answered with 5XX by target or balancer, whoever asked
                     (customers and probers alike), "first_error_at", "last_error_at": when those
                     requests came, epoch seconds, or null without errors},
      "integrity": {"acknowledged": n, "missing": [keys], "duplicated": [keys], …: what else the
                    journey counted} summed over the traffic processes, or null when none has
                    ended with its checks: nothing is known then. The chat's has also "dropped": n
                    connections that ended without their user's will, "drops": [{"user", "at",
                    "code"}] of each, and "disordered": [keys]; see `lab.journeys.chat`
    }

Requests count when they were sent in [started_at, ended_at); `seconds` has one entry for each
whole second that this range touches. A task of ECS counts as an instance, by its id. An instance
belongs when its life touches the range; what happened after `ended_at` is left out. Integrity is
checked after the traffic ended, so its lines count whenever they were written. Percentiles are
nearest-rank; latency is the client's.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SCHEMA = "steadystate/truth/v1"
MOMENTS = ("launched", "started", "healthy", "killed", "stopped", "gone")

Line = Mapping[str, Any]


class TruthError(Exception):
    """A truth log has a line that cannot be read; the message names file and line."""


def read_lines(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The lines of several logs. A last line without its line end is still being written."""
    for path in paths:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                if not text.endswith("\n"):
                    continue
                try:
                    line = json.loads(text)
                except ValueError as error:
                    raise TruthError(f"{path}, line {number}: {error}") from error
                if not isinstance(line, dict) or "kind" not in line:
                    raise TruthError(f"{path}, line {number}: no object with a kind")
                yield line


def build_from_files(paths: Iterable[Path], started_at: float, ended_at: float) -> dict[str, Any]:
    """`build` of the lines in these files."""
    return build(read_lines(paths), started_at, ended_at)


def build(lines: Iterable[Line], started_at: float, ended_at: float) -> dict[str, Any]:
    """The truth document of [started_at, ended_at), in epoch seconds. Lines in any order."""
    kinds: dict[str, list[Line]] = {}
    for line in lines:
        kinds.setdefault(line["kind"], []).append(line)
    requests = [
        line for line in kinds.get("request", []) if started_at <= line["sent_at"] < ended_at
    ]
    return {
        "schema": SCHEMA,
        "started_at": started_at,
        "ended_at": ended_at,
        "instances": {
            name: {**_moments(events), "events": events}
            for name, events in _lives(kinds.get("instance", []), started_at, ended_at).items()
        },
        "databases": {
            name: {"events": events}
            for name, events in _lives(kinds.get("database", []), started_at, ended_at).items()
        },
        "seconds": _seconds(requests, started_at, ended_at),
        "clients": _clients(requests),
        "integrity": _integrity(kinds.get("integrity", [])),
    }


def front_door(access_log: Path, started_at: float, ended_at: float) -> dict[str, Any]:
    """What the load balancer answered in [started_at, ended_at), from its access log."""
    requests, errors = 0, []
    with access_log.open(encoding="utf-8") as file:
        for text in file:
            line = json.loads(text) if text.endswith("\n") else None
            if line and started_at <= line["at"] < ended_at:
                requests += 1
                if line["elb_status"] >= 500:
                    errors.append(line["at"])
    return {
        "requests": requests,
        "errors": len(errors),
        "first_error_at": min(errors, default=None),
        "last_error_at": max(errors, default=None),
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest-rank percentile of sorted values, `share` 0 to 1."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _lives(
    lines: Iterable[Line], started_at: float, ended_at: float
) -> dict[str, list[dict[str, Any]]]:
    """Events by id, in order of time, up to `ended_at`; without lives that ended before."""
    lives: dict[str, list[dict[str, Any]]] = {}
    for line in sorted(lines, key=lambda one: float(one["at"])):
        if line["at"] <= ended_at:
            event = {key: value for key, value in line.items() if key not in {"kind", "id"}}
            lives.setdefault(line["id"], []).append(event)
    return {
        name: events
        for name, events in lives.items()
        if events[-1]["what"] != "gone" or events[-1]["at"] >= started_at
    }


def _moments(events: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    moments: dict[str, float | None] = dict.fromkeys(MOMENTS)
    for event in events:
        if moments.get(event["what"], 0.0) is None:
            moments[event["what"]] = event["at"]
    return moments


def _seconds(requests: Iterable[Line], started_at: float, ended_at: float) -> list[dict[str, Any]]:
    by_second: dict[int, list[Line]] = {
        second: [] for second in range(math.floor(started_at), math.ceil(ended_at))
    }
    for request in requests:
        by_second[math.floor(request["sent_at"])].append(request)
    return [
        {
            "at": second,
            "requests": len(sent),
            "errors": sum(not one["ok"] for one in sent),
            "latency_ms": _latency(sent),
        }
        for second, sent in by_second.items()
    ]


def _latency(sent: Iterable[Line]) -> dict[str, float] | None:
    ordered = sorted(1000 * (one["done_at"] - one["sent_at"]) for one in sent)
    if not ordered:
        return None
    return {
        "p50": round(percentile(ordered, 0.50), 3),
        "p95": round(percentile(ordered, 0.95), 3),
        "max": round(ordered[-1], 3),
    }


def _clients(requests: Sequence[Line]) -> dict[str, Any]:
    errors = [one for one in requests if not one["ok"]]
    return {
        "requests": len(requests),
        "errors": len(errors),
        "first_error_sent_at": min((one["sent_at"] for one in errors), default=None),
        "last_error_sent_at": max((one["sent_at"] for one in errors), default=None),
        "last_error_done_at": max((one["done_at"] for one in errors), default=None),
    }


def _integrity(lines: Iterable[Line]) -> dict[str, Any] | None:
    """Numbers and lists of keys are added up."""
    total: dict[str, Any] | None = None
    for line in lines:
        fields = {key: value for key, value in line.items() if key not in {"kind", "at"}}
        if total is None:
            total = fields
        else:
            for key, value in fields.items():
                total[key] = total[key] + value if key in total else value
    return total
