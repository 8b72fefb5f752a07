"""Files that a person can hold in the head, and handlers that are thin."""

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def sources() -> list[Path]:
    """The Python files of the repository, by git's own list where there is one."""
    asked = ["git", "-C", str(ROOT), "ls-files", "-z", "*.py"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    names = [ROOT / name for name in listed.split("\0") if name]
    found = [p for p in names if p.is_file()] or [
        p for p in ROOT.rglob("*.py") if not any(part.startswith(".") for part in p.parts)
    ]
    assert len(found) > 50
    return found


def test_files_stay_under_400_lines() -> None:
    long = {str(p.relative_to(ROOT)): n for p in sources() if (n := lines(p)) >= 400}
    assert not long


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_handlers_stay_under_60_lines_and_call_one_function_of_the_library() -> None:
    handlers = list((ROOT / "functions").glob("*/app.py"))
    assert handlers
    for path in handlers:
        assert lines(path) < 60, path
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
        assert [f.name for f in functions] == ["handler"], path
        verb = path.parent.name
        imported = {
            alias.name
            for n in tree.body
            if isinstance(n, ast.ImportFrom)
            and str(n.module).startswith(("steadystate.run.", "steadystate.canary."))
            for alias in n.names
        }
        assert verb in imported, f"{path} does not call {verb}"


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "data"}
    assert not [p for p in sources() if p.stem in empty or p.parent.name in empty]
