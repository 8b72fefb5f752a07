"""Coverage-guided fuzzing of all that people write: `make fuzz`.

Texts of documents, changed shipped documents, overrides and execution inputs. Each is accepted with
a meaning, or refused in printable lines that begin with the source; within a second of processor
time and 200 MB. Anything else ends the run, and its input is kept in a file named crash-….
"""

import atexit
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["steadystate.documents", "steadystate.domain.bounds"]):
    from steadystate.documents import fields, loading, yaml_text  # noqa: F401
    from steadystate.documents.experiment import Experiment
    from steadystate.documents.workload import Workload

from steadystate.contracts import ExecutionInput
from steadystate.errors import InvalidDocument
from steadystate.run.scenario import read_documents
from tests.documents.shipped import DOCUMENTS, PublishedParameters, ShippedLibrary

SHIPPED = {path.stem: path.read_text("utf-8") for path in DOCUMENTS}
SECONDS = 1.0
MEGABYTES = 200

counted: Counter[str] = Counter()


class FoundError(Exception):
    """An input took more time or memory than it may, or got an answer that nobody can read."""


def text_of(data: atheris.FuzzedDataProvider) -> object:
    return loading.load(data.ConsumeUnicode(4000), "fuzz")


def changed_text(data: atheris.FuzzedDataProvider) -> object:
    """A shipped document with a stretch of it replaced."""
    text = data.PickValueInList(list(SHIPPED.values()))
    at = data.ConsumeIntInRange(0, len(text))
    cut = data.ConsumeIntInRange(0, 30)
    read = loading.load(text[:at] + data.ConsumeUnicode(60) + text[at + cut :], "fuzz")
    if isinstance(read, Experiment):
        workload = loading.load(SHIPPED.get(read.workload, ""), "fuzz")
        if isinstance(workload, Workload):
            loading.check_together(read, workload, "fuzz")
    return read


def execution_input(data: atheris.FuzzedDataProvider) -> object:
    """An input as a person types it: JSON, or a mapping with anything in it."""
    name = data.PickValueInList([*SHIPPED, data.ConsumeUnicode(10)])
    try:
        value = json.loads(data.ConsumeUnicode(200))
    except (ValueError, RecursionError):
        value = data.ConsumeUnicode(30)
    path = data.PickValueInList(["recovery.target", "method", "bake", data.ConsumeUnicode(20)])
    given = {"scenario": name, "overrides": {path: value}, data.ConsumeUnicode(3): value}
    given.pop("", None)
    wanted = loading.validate(ExecutionInput, given, "fuzz")
    return read_documents(wanted, ShippedLibrary(), PublishedParameters())


KINDS: list[Callable[[atheris.FuzzedDataProvider], object]] = [
    text_of,
    changed_text,
    changed_text,
    execution_input,
]


def one_input(raw: bytes) -> None:
    """Try one input; raise on anything but a meaning or a refusal."""
    data = atheris.FuzzedDataProvider(raw)
    kind = data.PickValueInList(KINDS)
    began = time.process_time()
    try:
        kind(data)
        counted[f"{kind.__name__}: accepted"] += 1
    except InvalidDocument as error:
        counted[f"{kind.__name__}: refused"] += 1
        for line in str(error).split("\n"):
            if not line.isprintable() or len(line) > 1000:
                raise FoundError(repr(line)) from None
    seconds = time.process_time() - began
    if seconds > SECONDS:
        raise FoundError(f"{seconds:.1f} s")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - AT_START) / 1024
    if grown > MEGABYTES:
        raise FoundError(f"{grown:.0f} MB more than at the start")


def main() -> None:
    """Fuzz as long as the arguments say, and say what was tried."""
    atexit.register(
        lambda: print("\n".join(f"{n:8} {what}" for what, n in sorted(counted.items())))
    )
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


AT_START = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

if __name__ == "__main__":
    main()
