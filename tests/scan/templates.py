"""The templates that ship, as CloudFormation gets them."""

from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from lab.account.deploy import translate

ROOT = Path(__file__).resolve().parents[2]
REGION = "ap-northeast-2"
EVERYTHING = {
    "NarrativeModelId": "a-model",
    "SlackSecretArn": f"arn:aws:secretsmanager:{REGION}:123456789012:secret:slack",
}


@cache
def templates() -> dict[str, dict[str, Any]]:
    """By name: the stack with all that is optional, and each workload's."""
    own = translate(ROOT / "template.yaml", EVERYTHING, region=REGION)
    found = {"steadystate": own}
    for path in sorted((ROOT / "workloads").glob("*/template.yaml")):
        # Plain CloudFormation; its short forms (!Ref) as their long ones.
        text = path.read_text(encoding="utf-8")
        found[path.parent.name] = yaml_parse(text)  # type: ignore[no-untyped-call]
    return found
