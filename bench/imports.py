"""How long each function takes to import, beside `import boto3` and the same clients."""

import json
import os
import re
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 9
# Where a client is not named like the actions of its service.
CLIENTS = {"bedrock": "bedrock-runtime", "elasticloadbalancing": "elbv2", "states": "stepfunctions"}
# PassRole is allowed, never called; `aws:` begins keys of conditions.
WITHOUT_CLIENT = {"aws", "iam"}
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
    for directory, services in sorted(_functions()):
        clients = "; ".join(f"boto3.client({service!r})" for service in services)
        bare = f"import boto3; {clients}"
        whole = f"import app; import boto3; {clients}"
        both = [(_seconds(bare, directory), _seconds(whole, directory)) for _ in range(ROUNDS)]
        low, high = (statistics.median(side) * 1000 for side in zip(*both, strict=True))
        rows.append(f"| {directory.name} | {low:.0f} | {high:.0f} | {high / low:.2f} |")
    return rows


def _functions() -> Iterator[tuple[Path, list[str]]]:
    """Yield each function's folder, and the services that its policies let it call."""
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    for part in template["Resources"].values():
        if part["Type"] == "AWS::Serverless::Function":
            policies = json.dumps(part["Properties"]["Policies"])
            prefixes = set(re.findall(r'"([a-z0-9-]+):[A-Z]\w+"', policies)) - WITHOUT_CLIENT
            services = sorted(CLIENTS.get(prefix, prefix) for prefix in prefixes)
            yield ROOT / part["Properties"]["CodeUri"], services


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
