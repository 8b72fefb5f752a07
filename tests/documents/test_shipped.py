"""The documents that ship: they load, fit their workload, and survive being stored."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadystate.contracts import ExecutionInput
from steadystate.documents.canary import Canary
from steadystate.documents.experiment import BaselineDocument, Experiment
from steadystate.documents.fields import parse_duration
from steadystate.documents.loading import (
    MODELS,
    check_canary,
    check_gates,
    check_together,
    load,
    validate,
)
from steadystate.documents.workload import Workload
from steadystate.documents.yaml_text import read_mapping
from steadystate.run.scenario import read_documents
from tests.documents.shipped import (
    CANARIES,
    DOCUMENTS,
    EXPERIMENTS,
    WORKLOADS,
    PublishedParameters,
    ShippedLibrary,
)


def name_of(path: Path) -> str:
    return path.stem


def test_the_library_holds_what_is_promised() -> None:
    assert {p.stem for p in EXPERIMENTS} >= {
        "bank-instance-loss",
        "bank-all-instances",
        "bank-latency",
        "bank-cpu-stress",
        "bank-process-kill",
        "bank-database-restart",
    }
    assert {p.stem for p in CANARIES} >= {
        "chat-canary",
        "chat-canary-errors",
        "chat-canary-slow",
        "chat-canary-quiet",
        "chat-blue-green",
        "chat-canary-chaos",
        "bank-canary",
    }
    assert {p.stem for p in WORKLOADS} >= {"bank", "chat"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_a_shipped_document_loads_under_its_own_name(path: Path) -> None:
    document = load(path.read_text(encoding="utf-8"), path.name)
    assert document.name == path.stem
    assert len(document.description) > 40


@pytest.mark.parametrize("path", EXPERIMENTS, ids=name_of)
def test_a_shipped_experiment_fits_its_workload_and_its_references_are_filled_in(
    path: Path,
) -> None:
    experiment, workload = read_documents(
        ExecutionInput(scenario=path.stem), ShippedLibrary(), PublishedParameters()
    )
    check_together(experiment, workload, path.name)
    assert "${" not in experiment.model_dump_json() + workload.model_dump_json()


@pytest.mark.parametrize("path", CANARIES, ids=name_of)
def test_a_shipped_canary_fits_its_workload_and_its_gates_exist(path: Path) -> None:
    library = ShippedLibrary()
    canary = load(path.read_text(encoding="utf-8"), path.name)
    assert isinstance(canary, Canary)
    text = library.workload(canary.workload)
    assert text
    workload = load(text, f"{canary.workload}.yaml")
    assert isinstance(workload, Workload)
    check_canary(canary, workload, path.name)
    check_gates(canary, library.experiment, path.name)
    assert canary.guardrails
    assert {metric.measure for metric in canary.metrics.values()} == {"errors", "slow"}


@pytest.mark.parametrize("path", EXPERIMENTS, ids=name_of)
def test_a_shipped_experiment_judges_errors_and_the_banks_ask_for_the_ledger(path: Path) -> None:
    experiment = load(path.read_text(encoding="utf-8"), path.name)
    assert isinstance(experiment, Experiment)
    judged = {o.sli for o in experiment.objectives.values()}
    if experiment.workload == "bank":
        assert judged >= {"ledger_imbalance", "lost_transfers", "duplicate_transfers"}
    assert judged & {"error_rate"}
    assert experiment.guardrails


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_a_document_stored_and_read_back_is_the_same(path: Path) -> None:
    content = read_mapping(path.read_text(encoding="utf-8"), path.name)
    model = MODELS[content["document"]]
    document = validate(model, content, path.name)
    assert model.model_validate(document.model_dump()) == document
    assert model.model_validate_json(document.model_dump_json()) == document


@given(
    number=st.decimals(0, 86_400, places=6, allow_nan=False).filter(lambda d: d > 0),
    unit=st.sampled_from(["ms", "s", "m", "h"]),
)
def test_a_duration_stored_and_read_back_is_the_same(number: object, unit: str) -> None:
    try:
        seconds = parse_duration(f"{number}{unit}")
    except ValueError as error:
        assert "out of range" in str(error)
        return
    stored = BaselineDocument.model_validate({"duration": f"{number}{unit}"})
    assert stored.duration == seconds
    assert BaselineDocument.model_validate(stored.model_dump()) == stored
    assert BaselineDocument.model_validate_json(stored.model_dump_json()) == stored
