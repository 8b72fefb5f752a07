"""Documents on this machine: the scenarios and workloads that ship, and files that people write."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from steadystate.canary_contracts import RollbackInput
from steadystate.contracts import ExecutionInput
from steadystate.documents.canary import Canary
from steadystate.documents.experiment import Experiment
from steadystate.documents.loading import (
    check_canary,
    check_gates,
    check_together,
    override,
    validate,
)
from steadystate.documents.workload import Workload
from steadystate.documents.yaml_text import MAXIMUM_BYTES, read_mapping
from steadystate.errors import InvalidDocument

ROOT: Final = Path(__file__).resolve().parents[1]
SHIPPED: Final = ROOT / "scenarios"


class Files:
    """A folder of documents, as the ports Library and Parameters see it."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        self.folder = folder

    def experiment(self, name: str) -> str | None:
        """Return the text of an experiment; None where there is none of that name."""
        return self._read("experiments", name)

    def workload(self, name: str) -> str | None:
        """Return the text of a workload; None where there is none of that name."""
        return self._read("workloads", name)

    def canary(self, name: str) -> str | None:
        """Return the text of a canary; None where there is none of that name."""
        return self._read("canaries", name)

    def blackouts(self) -> str | None:
        """Return the text of the calendar; None where there is none."""
        path = self.folder / "blackouts.yaml"
        return read_text(path) if path.is_file() else None

    def names(self) -> list[str]:
        """Return the names of all experiments."""
        return sorted(path.stem for path in (self.folder / "experiments").glob("*.yaml"))

    def canaries(self) -> list[str]:
        """Return the names of all canaries."""
        return sorted(path.stem for path in (self.folder / "canaries").glob("*.yaml"))

    def _read(self, kind: str, name: str) -> str | None:
        path = self.folder / kind / f"{name}.yaml"
        return read_text(path) if path.is_file() else None


def read_bytes(path: Path, maximum: int) -> bytes:
    """Return a file's content, which may come from a pipe.

    Raises
    ------
    InvalidDocument
        The file is missing, unreadable, or larger than `maximum` bytes.
    """
    try:
        with path.open("rb") as file:
            content = file.read(maximum + 1)
            size = max(os.fstat(file.fileno()).st_size, len(content))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidDocument(f"{path}: cannot be read: {reason}") from None
    if len(content) > maximum:
        raise InvalidDocument(
            f"{path}: the document has {size:,} bytes; at most {maximum:,} are allowed"
        )
    return content


def read_text(path: Path) -> str:
    """Return a document's text.

    Raises
    ------
    InvalidDocument
        The file is missing, unreadable, too large, or not UTF-8.
    """
    content = read_bytes(path, MAXIMUM_BYTES)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidDocument(
            f"{path}: byte {error.start} is not UTF-8; save it as UTF-8"
        ) from None


def parse_overrides(words: Iterable[str]) -> dict[str, Any]:
    """Read `path=value` words. A value that is JSON is taken as such, all else as text.

    Raises
    ------
    InvalidDocument
    """
    overrides: dict[str, Any] = {}
    for word in words:
        path, equals, value = word.partition("=")
        path = path.strip()
        if not path or not equals:
            raise InvalidDocument(
                f"--override: {word!r} must be path=value, as in recovery.target=5m"
            )
        if path in overrides:
            raise InvalidDocument(f"--override: {path!r} is there twice")
        overrides[path] = _value(value.strip())
    return overrides


def _value(text: str) -> Any:
    def refuse(_: str) -> None:
        raise ValueError("no JSON")  # NaN and Infinity are words, no numbers

    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError:
        return text


def execution_input(
    scenario: str,
    overrides: Mapping[str, Any],
    reason: str,
    requested_by: str,
    language: str | None = None,
) -> ExecutionInput:
    """Return what starts a run. Raises InvalidDocument."""
    content = {
        "scenario": scenario,
        "overrides": dict(overrides),
        "reason": reason,
        "requested_by": requested_by,
        "language": language,
    }
    return validate(ExecutionInput, content, "command line")


def rollback_input(run_id: str, reason: str, requested_by: str) -> RollbackInput:
    """Return what starts the way back of a canary. Raises InvalidDocument."""
    content = {"rollback": run_id, "reason": reason, "requested_by": requested_by}
    return validate(RollbackInput, content, "command line")


def read_any(wanted: ExecutionInput, files: Files) -> tuple[Experiment | Canary, Workload]:
    """Return a scenario of either kind; see `read_scenario`. Raises InvalidDocument."""
    text = files.canary(wanted.scenario)
    if text is None:
        return read_scenario(wanted, files)
    source = f"{wanted.scenario}.yaml"
    canary = override(Canary, read_mapping(text, source), wanted.overrides, source)
    workload = _workload_of(canary, files, source)
    check_canary(canary, workload, source)
    check_gates(canary, files.experiment, source)
    return canary, workload


def read_scenario(wanted: ExecutionInput, files: Files) -> tuple[Experiment, Workload]:
    """Return a scenario with its overrides and its workload, checked against each other.

    References such as `${listener-arn}` stay open: only a deployed workload fills them in.

    Raises
    ------
    InvalidDocument
    """
    text = files.experiment(wanted.scenario)
    if text is None:
        raise InvalidDocument(
            f"scenario {wanted.scenario!r} is unknown; "
            f"known are {', '.join([*files.names(), *files.canaries()])}"
        )
    source = f"{wanted.scenario}.yaml"
    experiment = override(Experiment, read_mapping(text, source), wanted.overrides, source)
    workload = _workload_of(experiment, files, source)
    check_together(experiment, workload, source)
    return experiment, workload


def _workload_of(scenario: Experiment | Canary, files: Files, source: str) -> Workload:
    workload = read_workload(scenario.workload, files)
    if workload is None:
        raise InvalidDocument(f"{source}: workload: {scenario.workload!r} is unknown")
    return workload


def read_workload(name: str, files: Files) -> Workload | None:
    """Return a workload of the folder; None where there is none. Raises InvalidDocument."""
    text = files.workload(name)
    source = f"{name}.yaml"
    return None if text is None else validate(Workload, read_mapping(text, source), source)
