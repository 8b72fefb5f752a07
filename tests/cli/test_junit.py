"""JUnit XML: what readers of the Ant task's schema (JUnit.xsd) ask for, verdict by verdict."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from cli.junit import junit_of
from steadystate.contracts import Failure
from steadystate.domain.guardrails import GuardrailState
from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence
from tests.cli.conftest import Invoke
from tests.cli.made import made_run

INT, DECIMAL, TOKEN, TEXT = r"\d+", r"\d+(\.\d+)?", r"\S+( \S+)*", r"(?s).*"
TIMESTAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
PROBLEM = {"attributes": {"type": TEXT}, "optional": {"message": TEXT}, "children": ""}
RULES: dict[str, dict[str, Any]] = {
    "testsuites": {"attributes": {}, "children": "(testsuite )*"},
    "testsuite": {
        "attributes": {
            **{"name": TOKEN, "package": TOKEN, "id": INT, "timestamp": TIMESTAMP},
            **{"hostname": TOKEN, "tests": INT, "failures": INT, "errors": INT, "time": DECIMAL},
        },
        "optional": {"skipped": INT},
        "children": "properties (testcase )*system-out system-err ",
    },
    "properties": {"attributes": {}, "children": "(property )*"},
    "property": {"attributes": {"name": TOKEN, "value": TEXT}, "children": ""},
    "testcase": {
        "attributes": {"name": TOKEN, "classname": TOKEN, "time": DECIMAL},
        "children": "((skipped|error|failure) )?",
    },
    "failure": PROBLEM,
    "error": PROBLEM,
    "system-out": {"attributes": {}, "children": ""},
    "system-err": {"attributes": {}, "children": ""},
}
"""JUnit.xsd as rules: attributes with the pattern of their values, and the order of children."""


def valid(element: Xml.Element) -> None:
    rule = RULES[element.tag]
    allowed = rule["attributes"] | rule.get("optional", {})
    assert set(rule["attributes"]) <= set(element.attrib) <= set(allowed), element.attrib
    for name, value in element.attrib.items():
        assert re.fullmatch(allowed[name], value), (element.tag, name, value)
    assert re.fullmatch(rule["children"], "".join(f"{c.tag} " for c in element)), element.tag
    for child in element:
        valid(child)


def suite_of(evidence: Evidence) -> Xml.Element:
    root = Xml.fromstring(junit_of(evidence))  # noqa: S314 - our own
    assert root.tag == "testsuites"
    valid(root)
    (suite,) = root
    cases = suite.findall("testcase")
    assert suite.get("tests") == str(len(cases))
    assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
    assert suite.get("errors") == str(len(suite.findall("testcase/error")))
    return suite


def outcomes(evidence: Evidence) -> dict[str, str]:
    """What each case of a run is, by group and name: the tag and type of its child."""
    return {
        f"{case.get('classname')}.{case.get('name')}".split(".", 1)[1]: " ".join(
            f"{child.tag} {child.get('type')}" for child in case
        )
        for case in suite_of(evidence).findall("testcase")
    }


def test_a_run_that_passed_has_a_case_for_everything_that_was_asked() -> None:
    evidence = made_run().evidence()
    found = outcomes(evidence)
    assert set(found.values()) == {""}
    assert {"run.verdict", "recovery.recovery", "undo.fis-experiment"} <= set(found)
    assert {f"objective.{o.name}" for o in evidence.objectives} <= set(found)
    assert {f"guardrail.{g.name}" for g in evidence.guardrails} <= set(found)


def test_a_missed_bound_is_a_failure_with_its_numbers() -> None:
    evidence = made_run(error_rate=40.0).evidence()
    found = outcomes(evidence)
    assert (found["run.verdict"], found["objective.errors"]) == ("failure FAIL", "failure FAIL")
    assert found["objective.latency"] == ""
    failure = suite_of(evidence).find("testcase[@name='errors']/failure")
    assert failure is not None
    assert str(failure.get("message")).startswith("40 % misses < 5 %")


def test_what_was_not_measured_is_a_failure_of_its_own_type_and_not_skipped() -> None:
    evidence = made_run().evidence()
    objective = evidence.objectives[0].model_copy(update={"verdict": Verdict.INCONCLUSIVE})
    rail = evidence.guardrails[0].model_copy(update={"state": GuardrailState.BLIND})
    update = {"verdict": Verdict.INCONCLUSIVE, "objectives": [objective], "guardrails": [rail]}
    found = outcomes(evidence.model_copy(update=update))
    assert [v for v in found.values() if v] == ["failure INCONCLUSIVE"] * 3


def test_broken_machinery_and_an_undo_left_open_are_errors() -> None:
    evidence = made_run().evidence()
    undo = evidence.undo[0].model_copy(update={"state": "open", "verified_at": None})
    failure = Failure(error="FaultFailed", cause="no")
    update = {"verdict": Verdict.ERROR, "undo": [undo], "failure": failure}
    found = outcomes(evidence.model_copy(update=update))
    assert (found["run.verdict"], found["undo.fis-experiment"]) == ("error ERROR", "error ERROR")


def test_texts_that_xml_has_no_place_for_do_not_break_it() -> None:
    evil = 'a \x00 \x1b[0m \ufffe <!-- ]]> & " 한글 😀'
    evidence = made_run().evidence()
    update = {"verdict": Verdict.FAIL, "verdict_reason": evil, "reason": evil}
    suite = suite_of(evidence.model_copy(update=update))
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.text == 'a � �[0m � <!-- ]]> & " 한글 😀'


def test_judge_writes_the_file_and_refuses_one_that_cannot_be(
    invoke: Invoke, tmp_path: Path
) -> None:
    run = tmp_path / "run.json"
    run.write_text(made_run().evidence().to_json(), encoding="utf-8")
    assert invoke("judge", run, "--junit", tmp_path / "junit.xml").exit_code == 0
    valid(Xml.fromstring((tmp_path / "junit.xml").read_bytes()))  # noqa: S314
    refused = invoke("judge", run, "--junit", tmp_path / "none" / "junit.xml")
    assert refused.exit_code == 64
    assert "--junit" in refused.stderr


@pytest.mark.parametrize("command", [["run"], ["lab", "run"], ["watch"]])
def test_a_file_that_cannot_be_written_is_refused_before_anything_starts(
    invoke: Invoke, tmp_path: Path, command: list[str]
) -> None:
    refused = invoke(*command, "bank-latency", "--junit", tmp_path / "none" / "junit.xml")
    assert refused.exit_code == 64
    assert "must be a file in a folder that exists" in refused.stderr
