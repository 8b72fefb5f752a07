"""All that a brief says, as figures, times and names: what a text about the run may say.

The walk goes by the names of fields, which carry their units: `…_seconds`, `…_percent`,
`…_dollars`, `…_times`; a value beside a `unit` has that unit; whole numbers are counts of what the
field is named after. Texts that people wrote give names to quote, and no figures.
"""

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from steadystate.contracts import Contract
from steadystate.domain.verdict import Verdict
from steadystate.report.figures import Kind, read_figures
from steadystate.report.nouns import FIELD_NOUNS, noun_of
from steadystate.report.shown import number
from steadystate.report.tokens import blank_tokens, words_in

PEOPLE = frozenset({"description", "reason_given", "requested_by", "scenario", "workload"})
PEOPLE |= {"why_text", "approved_by"}
"""Fields whose words are a person's: they prove no figure."""

SUBJECTS = ("name", "sli", "metric")
"""Fields that name what an object is about."""

_SUFFIXES: dict[str, tuple[Kind, float]] = {
    "_seconds": ("length", 1.0),
    "_percent": ("percent", 1.0),
    "_dollars": ("dollars", 1.0),
    "_times": ("times", 1.0),
    "_milliseconds": ("length", 0.001),
}
_UNITS: dict[str, tuple[Kind, float]] = {
    "percent": ("percent", 1.0),
    "milliseconds": ("length", 0.001),
    "won": ("won", 1.0),
}


class Fact(NamedTuple):
    """A number that stands in the evidence, in its kind's own unit; `shown` is as it was shown.

    `subjects` are the names of what it is about; none means that it is about the run. `nouns` are
    what a count may count, and `field` is the brief's field that holds it.
    """

    value: float
    shown: float
    kind: Kind
    subjects: frozenset[str]
    nouns: frozenset[str]
    field: str


@dataclass(slots=True)
class Facts:
    """All figures, times and names of a brief. `verdicts` are those of named parts."""

    figures: list[Fact] = field(default_factory=list)
    instants: set[datetime] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    verdicts: dict[str, set[str]] = field(default_factory=dict)
    verdict: str = ""
    stored_verdict: str = ""

    def add(
        self,
        value: float,
        kind: Kind,
        subjects: frozenset[str],
        *,
        nouns: frozenset[str] = frozenset(),
        name: str = "",
        factor: float = 1.0,
    ) -> None:
        """Keep a number; `factor` takes it to its kind's own unit."""
        if math.isfinite(value):
            shown = float(number(value).replace(",", ""))
            fact = Fact(value * factor, shown * factor, kind, subjects, nouns, name)
            self.figures.append(fact)


def facts_of(brief: Contract) -> Facts:
    """Return all that a brief says."""
    facts = Facts()
    facts.add(1.0, "length", frozenset(), name="tick")  # the prober counts by the second
    _walk(brief.model_dump(), "", frozenset(), facts)
    dumped = brief.model_dump(include={"verdict", "stored_verdict"})
    facts.verdict = str(dumped.get("verdict", ""))
    facts.stored_verdict = str(dumped.get("stored_verdict", ""))
    return facts


def as_json(brief: Contract) -> str:
    """Return a brief as a model is given it: numbers as they are shown, times of day in UTC."""
    return json.dumps(_shown(brief.model_dump()), ensure_ascii=False, separators=(",", ":"))


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: s for k, v in value.items() if (s := _shown(v)) not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    if isinstance(value, float):
        shown = float(number(value).replace(",", ""))
        return int(shown) if shown == int(shown) else shown
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return value


def _walk(value: Any, name: str, subjects: frozenset[str], facts: Facts, unit: str = "") -> None:
    if isinstance(value, dict):
        _walk_object(value, subjects, facts)
    elif isinstance(value, list | tuple):
        if name in FIELD_NOUNS:
            facts.add(float(len(value)), "count", subjects, nouns=_nouns(name), name=name)
        for one in value:
            _walk(one, name, subjects, facts, unit)
    elif isinstance(value, Verdict):
        for subject in subjects:
            facts.verdicts.setdefault(subject, set()).add(value.value)
    elif isinstance(value, str):
        _read_text(value, name, subjects, facts)
    elif isinstance(value, datetime):
        facts.instants.add(value.astimezone(UTC))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        kind, factor = _kind(name, unit)
        facts.add(float(value), kind, subjects, nouns=_nouns(name), name=name, factor=factor)


def _walk_object(value: dict[str, Any], subjects: frozenset[str], facts: Facts) -> None:
    keys = () if "action" in value else SUBJECTS  # a fault is no subject: its name is its kind
    own = frozenset(str(value[key]) for key in keys if value.get(key))
    facts.subjects |= own
    if isinstance(value.get("started_at"), datetime) and "last_at" in value:
        own |= {f"{value['started_at']:%H:%M}"}  # a row of minutes is known by its time
    unit = str(value.get("unit", ""))
    for key, one in value.items():
        if key == "recovery" and isinstance(one, dict):
            facts.verdicts["recovery"] = {str(one["verdict"])}
        if key == "experiment_verdict" and one:
            facts.verdicts.setdefault("experiment", set()).add(str(one))
        if key in ("points", "observations", "look", "step", "percentile"):
            _walk(one, key, subjects | own, facts)
        else:
            _walk(one, key, subjects | own, facts, unit)


def _nouns(name: str) -> frozenset[str]:
    return frozenset({FIELD_NOUNS[name]} if name in FIELD_NOUNS else ())


def _kind(name: str, unit: str) -> tuple[Kind, float]:
    for suffix, kind in _SUFFIXES.items():
        if name.endswith(suffix):
            return kind
    if name == "multiple":
        return "times", 1.0
    return _UNITS.get(unit, ("count", 1.0))


def _read_text(text: str, name: str, subjects: frozenset[str], facts: Facts) -> None:
    if not text:
        return
    facts.strings.add(text)
    facts.words |= words_in(text)
    if " " not in text:
        facts.names.add(text)
    if name in PEOPLE or name in SUBJECTS:
        return
    bare = blank_tokens(text)
    for amount in read_figures(bare).amounts:
        nouns = noun_of(amount, bare)
        facts.add(amount.value, amount.kind, subjects, nouns=nouns, name=name, factor=amount.factor)
