"""What reports are made from and kept in, in memory: evidence, documents, history, channels."""

from dataclasses import dataclass, field

from steadystate.contracts import Message
from steadystate.domain.trend import RunRecord
from steadystate.errors import ReportMissing


@dataclass
class Shelf:
    """The port ReportStore; `refuses` is a part of the keys that S3 wants nothing of."""

    kept: dict[str, bytes] = field(default_factory=dict)
    refuses: str = "nothing"

    def get(self, key: str) -> bytes:
        if key not in self.kept or self.refuses in key:
            raise ReportMissing(f"{key} cannot be read: S3 said NoSuchKey")
        return self.kept[key]

    def put(self, key: str, content: bytes, content_type: str) -> None:
        if self.refuses in key:
            raise ReportMissing(f"{key} could not be stored: S3 said AccessDenied")
        self.kept[key] = content

    def link(self, key: str, seconds: int) -> str:
        return f"https://bucket.example/{key}?expires={seconds}"


@dataclass
class Evidences:
    """The port EvidenceStore."""

    runs: dict[str, str] = field(default_factory=dict)
    refuses: bool = False

    def get(self, run_id: str) -> str | None:
        if self.refuses:
            raise ReportMissing(f"runs/{run_id}/run.json cannot be read: S3 said AccessDenied")
        return self.runs.get(run_id)

    def put(self, run_id: str, text: str) -> str:
        self.runs[run_id] = text
        return f"runs/{run_id}/run.json"


@dataclass
class Chronicle:
    """The port History."""

    records: dict[str, RunRecord] = field(default_factory=dict)

    def record(self, record: RunRecord) -> None:
        self.records[record.run_id] = record

    def of(self, workload: str, limit: int) -> list[RunRecord]:
        return [r for r in self.latest(10**6) if r.workload == workload][:limit]

    def latest(self, limit: int) -> list[RunRecord]:
        return sorted(self.records.values(), key=lambda r: -r.started_at)[:limit]


@dataclass
class Channel:
    """The port Messenger."""

    answers: str = "sent"
    told: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> str:
        self.told.append(message)
        return self.answers
