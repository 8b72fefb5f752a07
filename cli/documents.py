"""The commands on documents: `scenarios`, `validate`, `schema`."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import BaseModel
from rich.table import Table

from cli.library import ROOT, Files, read_text, read_workload
from cli.output import Output
from cli.problems import Problem
from steadystate.documents.blackouts import Blackouts
from steadystate.documents.canary import Canary
from steadystate.documents.experiment import Experiment
from steadystate.documents.loading import (
    Written,
    check_canary,
    check_gates,
    check_together,
    load,
    validate,
)
from steadystate.documents.workload import Workload
from steadystate.documents.yaml_text import read_mapping
from steadystate.errors import InvalidDocument
from steadystate.evidence import Evidence
from steadystate.report.contracts import Narrative
from steadystate.run.trends import TrendDocument

SCHEMAS: Final = ROOT / "docs" / "schemas"

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("scenarios")(scenarios)
    app.command("validate")(validate_files)
    app.command("schema")(schema)


def scenarios() -> None:
    """List the scenarios that ship: experiments, then canaries."""
    files, output = Files(), Output.stdout()
    experiments = [
        validate(Experiment, read_mapping(files.experiment(name) or "", source), source)
        for name in files.names()
        if (source := f"{name}.yaml")
    ]
    canaries = [
        validate(Canary, read_mapping(files.canary(name) or "", source), source)
        for name in files.canaries()
        if (source := f"{name}.yaml")
    ]
    rows = [(one, _faults(one)) for one in experiments] + [(one, _steps(one)) for one in canaries]
    if not output.terminal:
        for one, does in rows:
            line = f"{one.name}\t{one.workload}\t{does}\t{_first_sentence(one.description)}"
            output.line(line)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for title in ("scenario", "workload", "what it does"):
        table.add_column(title, no_wrap=title != "what it does")
    for one, does in rows:
        table.add_row(one.name, one.workload, f"{_first_sentence(one.description)}\n[dim]{does}[/]")
    output.console.print(table)


def _first_sentence(text: str) -> str:
    head, dot, _ = text.partition(". ")
    return head + dot.strip()


def _faults(experiment: Experiment) -> str:
    shown = []
    for action in experiment.method.values():
        what = action.document or action.action
        target = f" on {action.select} of {action.target}" if action.target else ""
        lasting = f" for {action.duration:g} s" if action.duration else ""
        shown.append(f"{what}{target}{lasting}")
    return "; ".join(shown)


def _steps(canary: Canary) -> str:
    shown = []
    for step in canary.steps:
        gate = f" ({step.experiment})" if step.experiment else ""
        asked = " (approval)" if step.approve else ""
        shown.append(f"{step.weight}{gate}{asked}")
    return f"canary {' -> '.join(shown)} %"


def validate_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Documents in YAML.")],
) -> None:
    """Check documents, and scenarios together with their workload."""
    output = Output.stdout()
    problems: list[str] = []
    documents: dict[Path, Written] = {}
    for path in dict.fromkeys(files):
        try:
            documents[path] = load(read_text(path), str(path))
        except InvalidDocument as error:
            problems += str(error).splitlines()
    given = {d.name: d for d in documents.values() if isinstance(d, Workload)}
    for path, document in documents.items():
        try:
            output.line(f"{path}: {_checked(path, document, given)}")
        except InvalidDocument as error:
            problems += str(error).splitlines()
    if problems:
        raise Problem(*problems)


def _checked(path: Path, document: Written, given: dict[str, Workload]) -> str:
    """Say what a valid document is. Raises InvalidDocument."""
    if isinstance(document, Blackouts):
        return f"ok, {len(document.blackouts)} blackouts"
    if isinstance(document, Workload):
        return f"ok, workload {document.name}"
    kind = "canary" if isinstance(document, Canary) else "experiment"
    folders = [Files(path.resolve().parent.parent), Files()]
    workload = given.get(document.workload)
    for files in folders if workload is None else ():
        workload = workload or read_workload(document.workload, files)
    if workload is None:
        return (
            f"ok by itself, {kind} {document.name}; workload {document.workload} is not known "
            "here: give its file too"
        )
    if isinstance(document, Canary):
        check_canary(document, workload, str(path))
        check_gates(
            document,
            lambda name: next(filter(None, (f.experiment(name) for f in folders)), None),
            str(path),
        )
    else:
        check_together(document, workload, str(path))
    return f"ok, {kind} {document.name} on workload {workload.name}"


def schema(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one file a schema into DIR.")
    ] = None,
) -> None:
    """Print the JSON Schemas of all documents, or write them."""
    output = Output.stdout()
    if out is None:
        output.raw(json.dumps(schemas(), indent=2, ensure_ascii=False))
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in schemas().items():
            (out / f"{name}.json").write_text(text_of(content), encoding="utf-8")
            output.line(str(out / f"{name}.json"))
    except OSError as error:
        raise Problem(f"--out: {out}: cannot be written: {error.strerror}") from None


def schemas() -> dict[str, dict[str, Any]]:
    """Return the published schemas by the names of their files."""
    return {
        "workload.v1": _schema_of(Workload, "validation"),
        "blackouts.v1": _schema_of(Blackouts, "validation"),
        "experiment.v1": _schema_of(Experiment, "validation"),
        "canary.v1": _schema_of(Canary, "validation"),
        "run.v1": _schema_of(Evidence, "serialization"),
        "narrative.v1": _schema_of(Narrative, "serialization"),
        "trend.v1": _schema_of(TrendDocument, "serialization"),
    }


def text_of(content: dict[str, Any]) -> str:
    """Return a schema as it is written to its file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _schema_of(model: type[BaseModel], mode: Any) -> dict[str, Any]:
    return {"$schema": _DIALECT, **model.model_json_schema(by_alias=True, mode=mode)}
