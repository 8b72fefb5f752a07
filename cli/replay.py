"""The command `judge`: the verdict on a run again, from its evidence alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.junit import JUnitFile, write_junit
from cli.library import read_bytes, read_text
from cli.outcome import show_outcome
from cli.output import Output
from cli.problems import Problem
from steadystate.documents.experiment import ObjectiveDocument
from steadystate.documents.fields import Document, Name
from steadystate.documents.loading import validate
from steadystate.documents.workload import Sli, unit_of
from steadystate.documents.yaml_text import read_mapping
from steadystate.domain.e_value import without_exponents
from steadystate.domain.verdict import EXIT_CODES
from steadystate.errors import InvalidDocument
from steadystate.evidence import Evidence, ObjectiveEvidence
from steadystate.report.replay import judge_again, read_evidence

MAXIMUM_BYTES: Final = 100_000_000
"""A run of 3.5 h keeps some megabytes of samples; what is over this is something else."""


class _Objectives(Document):
    objectives: dict[Name, ObjectiveDocument]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("judge")(judge)


def judge(
    run: Annotated[Path, typer.Argument(metavar="RUN.json", help="The evidence of a run.")],
    objectives: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Other objectives, in YAML, as a scenario writes them."),
    ] = None,
    junit: JUnitFile = None,
) -> None:
    """Judge a run again from its evidence, offline."""
    output = Output.stdout()
    stored = read_evidence(read_bytes(run, MAXIMUM_BYTES), str(run))
    used = stored
    if objectives is not None and stored.canary is not None:
        raise Problem(f"--objectives: {run} is a canary, which is judged by its metrics")
    if objectives is not None:
        others = load_objectives(objectives, stored.plan.slis)
        plan = stored.plan.model_copy(update={"objectives": others})
        used = stored.model_copy(update={"plan": plan})
    try:
        again = judge_again(used)
    except InvalidDocument as error:
        raise Problem(f"{run}: {error}") from None
    new = again.evidence
    write_junit(new, junit)
    show_outcome(new, output)
    with_others = f" with the objectives of {objectives}" if objectives else ""
    changes = differences(stored, new)
    if changes:
        output.line(f"judged again{with_others}: not the same as stored")
    else:
        output.line(f"judged again{with_others}: the same as stored")
    for change in changes:
        output.line(f"  {change}")
    if again.missing_looks:
        output.line(f"looks of which nothing is kept in the evidence: {again.missing_looks}")
    raise typer.Exit(EXIT_CODES[new.verdict])


def load_objectives(path: Path, slis: Mapping[str, Sli]) -> dict[str, ObjectiveDocument]:
    """Read other objectives for a run that measured these indicators.

    Raises
    ------
    InvalidDocument
    """
    content = read_mapping(read_text(path), str(path))
    if not content:
        raise InvalidDocument(f"{path}: there is no objective in it")
    others = validate(_Objectives, {"objectives": content}, str(path)).objectives
    problems = []
    for name, one in others.items():
        sli = slis.get(one.sli)
        if sli is None:
            known = ", ".join(slis)
            problems.append(f"{name}.sli: the run did not measure {one.sli!r}; it has {known}")
            continue
        for field in filter(None, (one.bound, one.floor)):
            if field.unit is not None and field.unit != unit_of(sli):
                problems.append(
                    f"{name}: {field} is in {field.unit}, but {one.sli} is in {unit_of(sli)}"
                )
    if problems:
        raise InvalidDocument("\n".join(f"{path}: objectives.{problem}" for problem in problems))
    return others


def differences(stored: Evidence, new: Evidence) -> list[str]:
    """Say what is judged otherwise than it is stored."""
    changes = []
    if new.verdict != stored.verdict:
        changes.append(f"verdict: {new.verdict}, stored {stored.verdict}")
    before = {o.name: o for o in stored.objectives}
    after = {o.name: o for o in new.objectives}
    for name in [*after, *(n for n in before if n not in after)]:
        was, now = before.get(name), after.get(name)
        if was != now:
            changes.append(f"objective {name}: {_judged(now, was)}")
    if new.recovery and stored.recovery and new.recovery != stored.recovery:
        changes.append(f"recovery: {new.recovery.reason}, stored {stored.recovery.reason}")
    if not changes and len({without_exponents(e.verdict_reason) for e in (stored, new)}) > 1:
        changes.append(f"reason: {new.verdict_reason}, stored {stored.verdict_reason}")
    return changes


def _judged(now: ObjectiveEvidence | None, was: ObjectiveEvidence | None) -> str:
    """Return how an objective is judged now and how it is stored, by what tells them apart."""
    told = [f"{o.verdict} ({o.reason})" if o else "not asked for" for o in (now, was)]
    if told[0] == told[1]:
        apart = [n for n in ObjectiveEvidence.model_fields if getattr(now, n) != getattr(was, n)]
        told = [", ".join(f"{n} {getattr(o, n)}" for n in apart) for o in (now, was)]
    return f"{told[0]}, stored {told[1]}"
