"""How long each function takes to import, beside `import boto3` and the same clients."""

import os
import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 9
ADAPTERS = ROOT / "layers/steadystate/steadystate/adapters"
LAYERS = os.pathsep.join(str(ROOT / f"layers/{name}") for name in ("steadystate", "reporting"))

ENVIRONMENT = {
    "AWS_REGION": "ap-northeast-2",
    "AWS_DEFAULT_REGION": "ap-northeast-2",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "Bench",
    "PYTHONDONTWRITEBYTECODE": "",
}


def measure() -> list[str]:
    """Return the rows of a table: processor time, medians of interleaved rounds."""
    rows = [
        "| function | boto3 and clients (ms) | function and clients (ms) | ratio |",
        "|---|---|---|---|",
    ]
    for app in sorted((ROOT / "functions").glob("*/app.py")):
        services = clients_of(app)
        clients = "; ".join(f"boto3.client({s!r})" for s in services)
        bare = f"import boto3; {clients}"
        whole = f"import app; import boto3; {clients}"
        both = [(_seconds(bare, app.parent), _seconds(whole, app.parent)) for _ in range(ROUNDS)]
        low, high = (statistics.median(side) * 1000 for side in zip(*both, strict=True))
        rows.append(f"| {app.parent.name} | {low:.0f} | {high:.0f} | {high / low:.2f} |")
    return rows


def clients_of(source: Path, within: str | None = None) -> list[str]:
    """Return the services that a function's adapters make clients of, their own adapters included.

    `within` is the part of the source that counts; all of it without.
    """
    text = source.read_text()
    part = text if within is None else within
    found = set(re.findall(r'client\("([\w-]+)"', part))
    for module, names in re.findall(
        r"^from steadystate\.adapters\.(\w+) import (\([^)]+\)|.+)$", text, re.M
    ):
        adapter = ADAPTERS / f"{module}.py"
        for name in re.findall(r"\w+", names):
            body = re.search(
                rf"^(?:class|def) {name}\b.*?(?=^\S|\Z)", adapter.read_text(), re.S | re.M
            )
            if body and re.search(rf"\b{name}\b", part.replace(f"import {name}", "")):
                found |= set(clients_of(adapter, body.group()))
    return sorted(found)


def _seconds(code: str, directory: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory,
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": LAYERS},
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
