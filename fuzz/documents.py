"""Coverage-guided fuzzing of all that people write: `make fuzz`.

Texts of documents (workloads, experiments, canaries, blackouts), changed ones that are right, and
execution inputs with their overrides, which the first task of each machine plans. Each is accepted
with a meaning, or refused in printable lines that begin with their source; within a second of
processor time at the best of three attempts, and 200 MB more than at the start. Anything else ends
the run, and its input is kept in a file named crash-…. The input that took longest is kept too.
"""

import atexit
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import atheris
import yaml

with atheris.instrument_imports(
    include=[
        "steadystate.documents",
        "steadystate.domain.blackout",
        "steadystate.domain.bounds",
        "steadystate.canary.plan",
        "steadystate.canary.scenario",
        "steadystate.run.calendar",
        "steadystate.run.method",
        "steadystate.run.plan",
        "steadystate.run.scenario",
    ]
):
    from steadystate.documents import fields, loading, yaml_text  # noqa: F401
    from steadystate.documents.blackouts import Blackouts
    from steadystate.documents.canary import Canary
    from steadystate.documents.experiment import Experiment
    from steadystate.documents.workload import Workload
    from steadystate.domain.blackout import in_force
    from tests.documents import inputs

from steadystate.errors import InvalidDocument, Refused
from tests.documents.calendars import CALENDAR
from tests.documents.shipped import DOCUMENTS, ShippedLibrary

SHIPPED = {path.stem: path.read_text("utf-8") for path in DOCUMENTS}
TEXTS = [*SHIPPED.values(), CALENDAR]
SCENARIOS = [*SHIPPED, "shop-canary"]
PATHS = [
    *("recovery.target", "recovery.good", "method", "objectives", "guardrails", "bake", "weight"),
    *("steps", "steps.0", "steps.0.bake", "steps.1.experiment", "metrics.errors.threshold"),
    *("promotion.acceptable_rate", "judge.alpha", "history", "hold_limit", "final_bake"),
]
VALUES = ["5 %", "< 5 %", "10m", "24h", "1e9h", "${url}", "all", 0, -1, 100, 1e308, True, None, []]
SECONDS = 1.0
ATTEMPTS = 3
LONGEST = Path("out/longest")
MEGABYTES = 200
NOW = datetime(2027, 1, 1, tzinfo=UTC)

counted: Counter[str] = Counter()
longest: list[tuple[float, str, bytes]] = [(0.0, "nothing", b"")]
"""What took most processor time: seconds, the kind of input, and what it was made of."""


class FoundError(Exception):
    """An input took more time or memory than it may, or got an answer that nobody can read."""


def text_of(data: atheris.FuzzedDataProvider) -> object:
    return loading.load(data.ConsumeUnicode(4000), "fuzz")


def changed_text(data: atheris.FuzzedDataProvider) -> object:
    """A document that is right, with a stretch of it replaced."""
    text = data.PickValueInList(TEXTS)
    at = data.ConsumeIntInRange(0, len(text))
    cut = data.ConsumeIntInRange(0, 30)
    return _fits(loading.load(text[:at] + data.ConsumeUnicode(60) + text[at + cut :], "fuzz"))


def changed_value(data: atheris.FuzzedDataProvider) -> object:
    """A document that is right, with anything in one of its places."""
    content = yaml.safe_load(data.PickValueInList(TEXTS))
    model, place = loading.MODELS[content["document"]], content
    while True:
        key = data.PickValueInList(list(place if isinstance(place, dict) else range(len(place))))
        if (
            not isinstance(place[key], (dict, list))
            or not place[key]
            or data.ConsumeIntInRange(0, 3) == 3
        ):
            break
        place = place[key]
    place[key] = _value(data)
    return _fits(loading.validate(model, content, "fuzz"))


def _fits(read: loading.Written) -> object:
    """What only two documents show, or a moment."""
    if isinstance(read, Blackouts):
        return in_force(read.of("bank"), NOW)
    if isinstance(read, Workload):
        return read
    workload = loading.load(SHIPPED.get(read.workload, ""), "fuzz")
    if isinstance(workload, Workload) and isinstance(read, Experiment):
        loading.check_together(read, workload, "fuzz")
    if isinstance(workload, Workload) and isinstance(read, Canary):
        loading.check_canary(read, workload, "fuzz")
        loading.check_gates(read, ShippedLibrary().experiment, "fuzz")
    return read


def experiment_input(data: atheris.FuzzedDataProvider) -> object:
    given = _input(data, inputs.EXPERIMENT, "within")
    calendar = CALENDAR if data.ConsumeBool() else None
    return inputs.plan_experiment(given, calendar)


def canary_input(data: atheris.FuzzedDataProvider) -> object:
    return inputs.plan_a_canary(_input(data, inputs.CANARY, "rollback"))


def rollback_input(data: atheris.FuzzedDataProvider) -> object:
    return inputs.plan_a_canary(_input(data, inputs.ROLLBACK, "overrides"))


def _input(data: atheris.FuzzedDataProvider, right: dict[str, object], other: str) -> object:
    """An input as a person types it: JSON, or a right one with anything in it."""
    if data.ConsumeIntInRange(0, 9) == 9:
        return _value(data)
    given = dict(right)
    if "scenario" in given:
        given["scenario"] = data.PickValueInList(
            [given["scenario"], *SCENARIOS, data.ConsumeUnicode(10)]
        )
        count = data.ConsumeIntInRange(0, 3)
        places = [*PATHS, data.ConsumeUnicode(20)]
        given["overrides"] = {data.PickValueInList(places): _value(data) for _ in range(count)}
    if data.ConsumeIntInRange(0, 3) == 3:
        names = [*given, other, "language", data.ConsumeUnicode(5)]
        given[data.PickValueInList(names)] = _value(data)
    return given


def _value(data: atheris.FuzzedDataProvider) -> object:
    if data.ConsumeBool():
        return data.PickValueInList(VALUES)
    text = data.ConsumeUnicode(200)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


KINDS: list[Callable[[atheris.FuzzedDataProvider], object]] = [
    text_of,
    changed_text,
    changed_text,
    changed_value,
    changed_value,
    experiment_input,
    canary_input,
    canary_input,
    rollback_input,
]


def one_input(raw: bytes) -> None:
    """Try one input; raise on anything but a meaning or a refusal."""
    for attempt in range(ATTEMPTS):
        kind, outcome, seconds = _tried(raw)
        if _grown() > MEGABYTES:
            raise FoundError(f"{_grown():.0f} MB more than at the start")
        if seconds <= SECONDS:
            break
        if attempt == ATTEMPTS - 1:
            raise FoundError(f"{seconds:.1f} s of processor time")
    counted[f"{kind}: {outcome}"] += 1
    longest[0] = max(longest[0], (seconds, kind, raw))


def _tried(raw: bytes) -> tuple[str, str, float]:
    """The kind of an input, what became of it, and the processor time that it took in seconds."""
    data = atheris.FuzzedDataProvider(raw)
    kind = data.PickValueInList(KINDS)
    began, outcome = time.process_time(), "accepted"
    try:
        kind(data)
    except Refused as error:
        outcome = "refused"
        _check(error, kind in (text_of, changed_text, changed_value))
    return kind.__name__, outcome, time.process_time() - began


def _check(error: Refused, of_fuzz: bool) -> None:
    """Of a document each line begins with its source; a plan may also be refused for its world."""
    for line in str(error).split("\n"):
        named = line.startswith("fuzz: ") if of_fuzz else ": " in line
        unnamed = isinstance(error, InvalidDocument) and not named
        if not line.isprintable() or len(line) > 1000 or unnamed:
            raise FoundError(repr(line)) from None


def _grown() -> float:
    """Return by how many MB the peak of this process is higher than it was at the start."""
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - AT_START) / 1024


def _say() -> None:
    print("\n".join(f"{n:8} {what}" for what, n in sorted(counted.items())))
    ((seconds, kind, raw),) = longest
    print(f"{sum(counted.values()):8} inputs; memory grew by {_grown():.0f} MB")
    LONGEST.parent.mkdir(exist_ok=True)
    LONGEST.write_bytes(raw)
    print(f"{seconds:8.3f} s of processor time took the longest, a {kind}, kept in {LONGEST}")


def main() -> None:
    """Fuzz as long as the arguments say, and say what was tried."""
    atexit.register(_say)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


AT_START = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

if __name__ == "__main__":
    main()
