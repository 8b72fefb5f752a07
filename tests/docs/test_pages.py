"""What the pages say is there: links, commands, fields, numbers; the same in both languages."""

import re
import tomllib
from pathlib import Path

import pytest
import typer.main
import yaml
from pydantic import BaseModel

from cli.app import app
from steadystate.documents import canary, experiment, workload
from steadystate.domain.cost import price, usage_of
from tests.docs.pages import (
    DOCS,
    ROOT,
    anchors_of,
    commands_of,
    headings_of,
    links_of,
    pages,
    pairs,
    prose_of,
    text_of,
    words_of_code,
)

GUIDES = [
    "canaries",
    "writing-scenarios",
    "verdicts",
    "recovery",
    "safety",
    "architecture",
    "lab",
    "cost",
    "reports",
]


def named(path: object) -> str:
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else ""


@pytest.mark.parametrize("page", pages(), ids=named)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in links_of(page):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors_of(target), link


@pytest.mark.parametrize(("english", "korean"), pairs(), ids=named)
def test_a_page_stands_in_both_languages(english: Path, korean: Path) -> None:
    assert korean.is_file()


@pytest.mark.parametrize("name", [*GUIDES, "../README"])
def test_each_language_leads_to_the_other(name: str) -> None:
    english, korean = DOCS / f"{name}.md", DOCS / f"{name}.ko.md"
    assert korean.name in links_of(english)
    assert english.name in links_of(korean)


@pytest.mark.parametrize("name", [*GUIDES, "../README"])
def test_both_languages_have_the_same_parts_and_the_same_commands(name: str) -> None:
    english, korean = DOCS / f"{name}.md", DOCS / f"{name}.ko.md"
    levels = [[level for level, _ in headings_of(page)] for page in (english, korean)]
    assert levels[0] == levels[1]
    assert commands_of(english) == commands_of(korean)
    rows = [len(re.findall(r"^\|", text_of(page), re.M)) for page in (english, korean)]
    assert rows[0] == rows[1]


def test_a_korean_page_is_written_in_korean() -> None:
    for _, korean in pairs():
        hangul = len(re.findall(r"[가-힣]", prose_of(korean)))
        assert hangul > 400, korean


def test_the_quick_start_has_exactly_two_commands() -> None:
    for name in ("README.md", "README.ko.md"):
        block = re.search(r"```sh\n(.*?)```", text_of(ROOT / name), re.S)
        assert block
        lines = [line.split("#")[0].strip() for line in block[1].splitlines()]
        assert lines == ["make demo", "make test"]


def test_every_target_of_make_that_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.M))
    for page in pages():
        if page.parent in (ROOT, DOCS):
            code = [*commands_of(page), *words_of_code(page)]
            wanted = {m[1] for line in code if (m := re.match(r"make ([a-z-]+)$", line))}
            assert wanted <= targets, page


def test_every_command_and_option_of_the_command_line_that_a_page_names_is_there() -> None:
    top = typer.main.get_command(app)
    seen = 0
    for page in pages():
        if page.parent not in (ROOT, DOCS):
            continue
        for line in [*commands_of(page), *words_of_code(page)]:
            words = line.split()
            if not words or words[0] not in ("steadystate", "bin/steadystate") or len(words) < 2:
                continue
            command, rest = top, words[1:]
            while rest and (inner := getattr(command, "commands", {}).get(rest[0])):
                command, rest = inner, rest[1:]
            assert command is not top, f"{page}: {line}"
            options = {o for p in command.params for o in p.opts}
            unknown = {w.split("=")[0] for w in rest if w.startswith("--")} - options
            assert not unknown, f"{page}: {line}"
            seen += 1
    assert seen > 5


def test_every_environment_and_parameter_of_a_deployment_that_a_page_names_is_there() -> None:
    config = tomllib.loads(text_of(ROOT / "samconfig.toml"))
    template = text_of(ROOT / "template.yaml")
    parameters = set(re.findall(r"^  (\w+):", template.split("\nConditions:")[0], re.M))
    for page in (ROOT / "README.md", ROOT / "README.ko.md"):
        lines = [line for line in commands_of(page) if line.startswith("sam deploy")]
        assert len(lines) == 2
        for line in lines:
            environment = re.search(r"--config-env (\w+)", line)
            assert environment
            stack = config[environment[1]]["deploy"]["parameters"]["stack_name"]
            assert stack in text_of(page)
            assert set(re.findall(r"\b([A-Z]\w+)=", line)) <= parameters
    for page in (DOCS / "architecture.md", DOCS / "architecture.ko.md"):
        assert {f"`{name}`" for name in parameters} <= set(re.findall(r"`\w+`", text_of(page)))


@pytest.mark.parametrize("page", ["writing-scenarios.md", "writing-scenarios.ko.md"])
def test_every_field_of_the_documents_is_explained(page: str) -> None:
    models = [
        model
        for module in (canary, experiment, workload)
        for model in vars(module).values()
        if isinstance(model, type)
        and issubclass(model, BaseModel)
        and model.__module__ == module.__name__
    ]
    fields = {field for model in models for field in model.model_fields}
    assert len(fields) > 30
    words = set(re.findall(r"[a-z_]+", " ".join(words_of_code(DOCS / page))))
    assert fields <= words
    assert set(experiment.ACTIONS) <= set(words_of_code(DOCS / page))


@pytest.mark.parametrize("page", ["architecture.md", "architecture.ko.md"])
def test_every_state_and_function_is_explained(page: str) -> None:
    text = text_of(DOCS / page)
    definition = yaml.safe_load(text_of(ROOT / "statemachines/experiment.asl.yaml"))
    assert not [state for state in definition["States"] if state not in text]
    functions = [p.parent.name for p in (ROOT / "functions").glob("*/app.py")]
    assert functions
    assert not [name for name in functions if f"`{name}`" not in text]


@pytest.mark.parametrize("page", ["cost.md", "cost.ko.md"])
def test_the_example_of_the_cost_is_what_the_code_reckons(page: str) -> None:
    items = price(
        usage_of(looks=31, window_seconds=10, slis=8, metric_looks=6, fault_action_minutes=1)
    )
    text = text_of(DOCS / page)
    for name, dollars in items.items():
        assert f"{dollars:.6f}" in text, name
