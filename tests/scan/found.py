"""Findings, held against those that are accepted."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

ACCEPTED = Path(__file__).with_name("accepted.yaml")


@dataclass(frozen=True)
class Finding:
    """One finding of a tool; `where` is `<template>/<logical id>`."""

    check: str
    where: str
    text: str


def unlisted_and_stale(found: Sequence[Finding], accepted: Any = None) -> list[str]:
    """A line for each finding that nobody accepted, and each acceptance that finds nothing."""
    if accepted is None:
        accepted = yaml.safe_load(ACCEPTED.read_text(encoding="utf-8"))
    rules = [(check, place) for check, entry in accepted.items() for place in entry["where"]]
    problems = [
        f"{one.where}: {one.check}: {one.text}"
        for one in found
        if not any(one.check == c and fnmatchcase(one.where, p) for c, p in rules)
    ]
    problems += [
        f"accepted.yaml: {check}: {place} finds nothing any more: take it out"
        for check, place in rules
        if not any(one.check == check and fnmatchcase(one.where, place) for one in found)
    ]
    problems += [
        f"accepted.yaml: {c}: give a reason" for c, e in accepted.items() if not e["reason"]
    ]
    return problems
