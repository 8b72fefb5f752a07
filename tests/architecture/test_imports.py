"""The direction of imports, read from the sources."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "layers/steadystate/steadystate"
SHIPPED = [*LIBRARY.rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
RENDERER = ROOT / "layers/reporting/reporting"
SHIPPED += RENDERER.rglob("*.py")
WORKLOADS = list((ROOT / "workloads").rglob("*.py"))
OWN = {"steadystate", "reporting", "lab", "cli", "tests", "bench", "bank", "chat", "functions"}

DOMAIN = {"steadystate.domain"}
DOCUMENTS = DOMAIN | {"steadystate.documents", "steadystate.errors"}
CONTRACTS = DOCUMENTS | {"steadystate.contracts", "steadystate.evidence"}
CONTRACTS |= {"steadystate.canary_contracts", "steadystate.keys"}
PORTS = CONTRACTS | {"steadystate.report.contracts"}
RUN = CONTRACTS | {"steadystate.ports", "steadystate.run", "steadystate.canary"}
RUN |= {"steadystate.report"}
MAY_IMPORT = {
    "domain": DOMAIN,
    "documents": DOCUMENTS,
    "errors.py": set[str](),
    "keys.py": set[str](),
    "contracts.py": DOCUMENTS,
    "canary_contracts.py": DOCUMENTS | {"steadystate.contracts"},
    "evidence.py": CONTRACTS,
    "ports.py": PORTS,
    "run": RUN,
    "canary": RUN,
    "report": RUN,
    "adapters": PORTS | {"steadystate.ports", "steadystate.adapters"},
    "runtime.py": {"steadystate.errors"},
}
"""What each part of the library may import of the library; functions may import all of it."""

OF_THE_WORLD = {"os", "time", "socket", "subprocess", "random", "boto3", "botocore", "urllib3"}
OF_THE_WORLD |= {"requests", "urllib", "http", "asyncio", "logging", "aws_lambda_powertools"}


def imports(path: Path) -> Iterator[str]:
    """The full names of all modules that a file imports, at its top or inside.

    A relative import stays within its own package.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_of_the_library_imports_only_what_lies_below_it(part: str) -> None:
    place = LIBRARY / part
    files = [place] if place.is_file() else list(place.rglob("*.py"))
    assert files
    for path in files:
        for name in imports(path):
            if name.split(".")[0] == "steadystate":
                allowed = MAY_IMPORT[part]
                inside = any(name == a or name.startswith(f"{a}.") for a in allowed)
                assert inside, f"{named(path)} imports {name}"


def test_every_module_of_the_library_has_its_place() -> None:
    parts = {p.name for p in LIBRARY.iterdir() if p.suffix == ".py" or any(p.glob("*.py"))}
    assert parts - {"__init__.py"} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", sorted((LIBRARY / "domain").glob("*.py")), ids=named)
def test_the_domain_knows_neither_the_clock_nor_the_world(path: Path) -> None:
    for name in imports(path):
        top = name.split(".")[0]
        assert top in sys.stdlib_module_names or top == "steadystate", name
        assert top not in OF_THE_WORLD, name
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"now", "utcnow", "today", "monotonic"}, ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input", "eval", "exec"}


def test_decisions_are_taken_without_the_network_or_the_clock() -> None:
    """What runs in `run`, `documents` and `contracts` is given the world through ports."""
    places = [LIBRARY / "run", LIBRARY / "canary", LIBRARY / "documents", LIBRARY / "report"]
    files = [p for place in places for p in place.glob("*.py")]
    for path in [*files, LIBRARY / "contracts.py", LIBRARY / "ports.py", LIBRARY / "evidence.py"]:
        found = {name.split(".")[0] for name in imports(path)} & OF_THE_WORLD
        assert not found, f"{named(path)} imports {found}"


def test_only_adapters_and_the_runtime_talk_to_the_world() -> None:
    for path in SHIPPED:
        if "adapters" in path.parts or "reporting" in path.parts:
            continue
        tops = {name.split(".")[0] for name in imports(path)}
        assert not tops & {"boto3", "botocore", "urllib3", "socket", "requests"}, named(path)


def test_nothing_that_ships_imports_what_does_not() -> None:
    for path in SHIPPED:
        tops = {name.split(".")[0] for name in imports(path)}
        assert not tops & {"lab", "cli", "tests", "bench", "moto", "bank", "chat"}, named(path)


def test_no_handler_imports_the_tracer_or_a_heavy_library() -> None:
    for path in SHIPPED:
        tops = {name.split(".")[0] for name in imports(path)}
        assert not tops & {"aws_xray_sdk", "scipy", "numpy", "pandas"}, named(path)
        text = path.read_text(encoding="utf-8")
        assert "Tracer" not in text, named(path)


def test_only_what_draws_imports_the_renderer_and_only_the_renderer_imports_reportlab() -> None:
    """So no other function carries the layer, nor pays for its import."""
    draws = {"render_report", "publish_trends"}
    for path in SHIPPED:
        tops = {name.split(".")[0] for name in imports(path)}
        renderer = path.is_relative_to(RENDERER)
        assert "reportlab" not in tops or renderer, named(path)
        assert "reporting" not in tops or renderer or path.parent.name in draws, named(path)


def test_the_renderer_knows_neither_the_network_nor_the_clock() -> None:
    """The same evidence must give the same document."""
    files = list(RENDERER.rglob("*.py"))
    assert files
    for path in files:
        assert not {name.split(".")[0] for name in imports(path)} & OF_THE_WORLD, named(path)
        calls = {
            n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)
        }
        assert not calls & {"now", "utcnow", "today", "monotonic"}, named(path)


def test_workloads_import_nothing_of_the_rest() -> None:
    assert WORKLOADS
    for path in WORKLOADS:
        own = path.relative_to(ROOT).parts[1]
        allowed = {own, f"{own}_testing", "tests"}
        found = {name.split(".")[0] for name in imports(path)} & (OWN - allowed)
        assert not found, f"{named(path)} imports {found}"


def test_a_handler_reaches_the_library_and_nothing_beside_it() -> None:
    for path in (ROOT / "functions").glob("*/app.py"):
        for name in imports(path):
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names or top in {"steadystate", "reporting"}, name
