"""A run as JUnit XML, so that a pipeline shows it.

One test case for the verdict, and one each for objectives, recovery, guardrails and undone things.
FAIL is a failure and ERROR an error. INCONCLUSIVE is a failure too, of a type of its own: what a
pipeline skips, it takes as no reason to stop, and no data is never a pass.

The shape is that of the Ant task `junitreport` (JUnit.xsd), which all readers take.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from xml.etree import ElementTree as Xml

import typer

from cli.outcome import lines, recovery_text, undo_text
from cli.problems import Problem
from steadystate.domain.guardrails import GuardrailState
from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence

JUnitFile = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write the run as JUnit XML, too.")
]

_NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One test case; `verdict` PASS has neither failure nor error."""

    group: str
    name: str
    verdict: Verdict
    message: str
    seconds: float = 0.0


def check_junit(path: Path | None) -> None:
    """Refuse a file that could not be written, before a run is started. Raises Problem."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise Problem(f"--junit: {path}: must be a file in a folder that exists")


def write_junit(evidence: Evidence, path: Path | None) -> None:
    """Write the run as JUnit XML, if a file is given. Raises Problem."""
    if path is None:
        return
    try:
        path.write_bytes(junit_of(evidence))
    except OSError as error:
        raise Problem(f"--junit: {path}: cannot be written: {error.strerror}") from None


def junit_of(evidence: Evidence) -> bytes:
    """Return the run as a JUnit XML document in UTF-8."""
    cases = cases_of(evidence)
    failed = [c for c in cases if c.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)]
    broken = [c for c in cases if c.verdict is Verdict.ERROR]
    suites = Xml.Element("testsuites")
    suite = Xml.SubElement(
        suites,
        "testsuite",
        name=_clean(evidence.scenario),
        package=_clean(evidence.workload),
        id="0",
        timestamp=f"{evidence.started_at:%Y-%m-%dT%H:%M:%S}",
        hostname="localhost",
        tests=str(len(cases)),
        failures=str(len(failed)),
        errors=str(len(broken)),
        skipped="0",
        time=_seconds((evidence.ended_at - evidence.started_at).total_seconds()),
    )
    properties = Xml.SubElement(suite, "properties")
    for name in ("run_id", "kind", "verdict", "requested_by", "reason"):
        value = _clean(str(getattr(evidence, name)))
        Xml.SubElement(properties, "property", name=name, value=value)
    for case in cases:
        _add(suite, evidence, case)
    Xml.SubElement(suite, "system-out").text = _clean("\n".join(lines(evidence)))
    Xml.SubElement(suite, "system-err").text = ""
    return bytes(Xml.tostring(suites, encoding="utf-8", xml_declaration=True))


def cases_of(evidence: Evidence) -> list[Case]:
    """Return the test cases of a run."""
    lasted = (evidence.ended_at - evidence.started_at).total_seconds()
    cases = [Case("run", "verdict", evidence.verdict, evidence.verdict_reason, lasted)]
    cases += [Case("objective", o.name, o.verdict, o.reason) for o in evidence.objectives]
    if evidence.recovery is not None:
        interval = evidence.recovery.from_fault
        took = (interval.high or interval.low) if interval else 0.0
        words = recovery_text(evidence.recovery)
        cases.append(Case("recovery", "recovery", evidence.recovery.verdict, words, took))
    states = {
        GuardrailState.HELD: Verdict.PASS,
        GuardrailState.BROKEN: Verdict.FAIL,
        GuardrailState.BLIND: Verdict.INCONCLUSIVE,
    }
    cases += [Case("guardrail", g.name, states[g.state], g.reason) for g in evidence.guardrails]
    for undo in evidence.undo:
        verdict = Verdict.PASS if undo.state == "undone" else Verdict.ERROR
        cases.append(Case("undo", undo.what, verdict, undo_text(undo)))
    return cases


def _add(suite: Xml.Element, evidence: Evidence, case: Case) -> None:
    element = Xml.SubElement(
        suite,
        "testcase",
        classname=_clean(f"{evidence.scenario}.{case.group}"),
        name=_clean(case.name),
        time=_seconds(case.seconds),
    )
    if case.verdict is Verdict.PASS:
        return
    kind = "error" if case.verdict is Verdict.ERROR else "failure"
    message = _clean(case.message)
    Xml.SubElement(element, kind, type=case.verdict.value, message=message).text = message


def _clean(text: str) -> str:
    """Return a text without the characters that XML 1.0 has no place for."""
    return _NOT_IN_XML.sub("�", text)


def _seconds(value: float) -> str:
    return f"{max(0.0, value):.3f}"
