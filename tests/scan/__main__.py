"""`python -m tests.scan`: scan the templates and lint their policies. 1 where something is found.

checkov and parliament stand in an environment of their own (requirements/scan.in). Both work
offline: without `--skip-download` checkov would ask its maker's platform.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.scan.found import Finding, unlisted_and_stale
from tests.scan.policies import policies_of
from tests.scan.templates import ROOT, templates

TOOLS = ROOT / ".venv-scan" / "bin"


def main() -> int:
    """Print what is found and not accepted, and what is accepted and not found."""
    with tempfile.TemporaryDirectory() as directory:
        found = scanned(Path(directory) / "templates") + linted(Path(directory) / "policies")
    problems = unlisted_and_stale(found)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def scanned(directory: Path) -> list[Finding]:
    """What checkov finds in the templates, as CloudFormation gets them."""
    directory.mkdir()
    for name, template in templates().items():
        (directory / f"{name}.json").write_text(json.dumps(template), encoding="utf-8")
    asked = ["checkov", "--skip-download", "--quiet", "--compact", "--framework", "cloudformation"]
    answer = _run([*asked, "--output", "json", "--directory", str(directory)], (0, 1))
    if answer["summary"]["parsing_errors"] or not answer["summary"]["passed"]:
        raise SystemExit(f"checkov did not read the templates: {answer['summary']}")
    return [
        Finding(
            check=one["check_id"],
            where=f"{Path(one['file_path']).stem}/{one['resource'].rpartition('.')[2]}",
            text=one["check_name"],
        )
        for one in answer["results"]["failed_checks"]
    ]


def linted(directory: Path) -> list[Finding]:
    """What parliament finds in the policies of all roles."""
    directory.mkdir()
    for template_name, template in templates().items():
        for name, document in policies_of(template).items():
            path = directory / f"{template_name}.{name}.json"
            path.write_text(json.dumps(document), encoding="utf-8")
    answer = _run(["parliament", "--json", "--directory", str(directory)], (0, 1))
    return [
        Finding(
            check=one["issue"],
            where=Path(one["location"]["filepath"]).stem.replace(".", "/", 1),
            text=f"{one['title']} {one['detail']}".strip(),
        )
        for one in answer
    ]


def _run(command: list[str], expected: tuple[int, ...]) -> Any:
    tool = [str(TOOLS / command[0]), *command[1:]]
    done = subprocess.run(tool, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode not in expected:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr}")
    if command[0] == "parliament":  # one JSON object a line
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
