"""Tells people how a run ended, and where its report is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from steadystate.contracts import UNSTATED, Failure, Message, Notified, NotifyPeopleInput
from steadystate.documents.fields import Language
from steadystate.errors import SteadystateError
from steadystate.ports import Bus, EvidenceStore, Messenger, ReportStore, RunStore
from steadystate.report.recorded import said_in
from steadystate.run.evaluate import in_plain_words

LINK_SECONDS: Final = 3600
"""How long a link to a report is valid: long enough to read it, too short to be passed around."""

REASON_CHARACTERS: Final = 1500

_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "subject": "{verdict} {scenario} on {workload}",
        "unknown": "Run {run_id} has ended",
        "unstated": UNSTATED,
        "run": "Run {run_id}, started by {who}: {why}",
        "link": "Report (PDF), link valid until {until} UTC",
        "missing": "Report missing: {missing}",
    },
    "ko": {
        "subject": "{verdict} {scenario} on {workload}",
        "unknown": "Run {run_id} has ended",
        "unstated": "적지 않음",
        "run": "실행 {run_id}, 시작한 사람 {who}: {why}",
        "link": "보고서(PDF), 링크는 {until} UTC까지 유효합니다",
        "missing": "보고서가 없습니다: {missing}",
    },
}
"""Subjects are English in both: mail subjects by SNS take nothing but ASCII."""


@dataclass(frozen=True, slots=True)
class Notifying:
    """What telling people needs of the world; `channels` are asked in their order."""

    store: RunStore
    evidence: EvidenceStore
    reports: ReportStore
    channels: Mapping[str, Messenger]
    bus: Bus
    now: Callable[[], float]


class _PlanHead(BaseModel):
    language: Language = "en"


class _Head(BaseModel):
    """What people are told of a run: no more of its evidence is read, so any version will do."""

    model_config = ConfigDict(extra="ignore")

    verdict: str
    verdict_reason: str
    scenario: str
    workload: str
    requested_by: str
    reason: str
    plan: _PlanHead = _PlanHead()


def notify_people(request: NotifyPeopleInput, world: Notifying) -> Notified:
    """Tell all channels and the bus; a channel that refuses keeps no other from being told."""
    missing = what_is_missing(request)
    head = _head_of(request.run_id, world)
    language = request.language or (head.plan.language if head else "en")
    message = _message(request, head, language, missing, world)
    _announce(request, head, message, missing, world)
    channels = {
        name: "off" if request.quiet else channel.send(message)
        for name, channel in world.channels.items()
    }
    return Notified(run_id=request.run_id, channels=channels, missing=missing)


def what_is_missing(request: NotifyPeopleInput) -> str:
    """Return in words what could not be made or kept; empty when all is there."""
    report = in_plain_words(request.report_failure)
    history = in_plain_words(request.history_failure)
    if report and history and (report.error, report.cause) == (history.error, history.cause):
        return f"the report and the entry in the history ({_reason(report)})"
    parts = {"the report": report, "the entry in the history": history}
    return "; ".join(f"{what} ({_reason(f)})" for what, f in parts.items() if f)


def _reason(failure: Failure) -> str:
    where = f"{failure.state}: " if failure.state else ""
    return f"{where}{failure.error}: {failure.cause[:500] or 'no cause given'}"


def _head_of(run_id: str, world: Notifying) -> _Head | None:
    """Return what there is to tell, from the evidence, else from the table."""
    try:
        text = world.evidence.get(run_id)
        if text is not None:
            return _Head.model_validate_json(text)
    except (ValidationError, SteadystateError):
        pass  # half-written, or out of reach: the table knows the verdict too
    run = world.store.get(run_id)
    if run is None or run.verdict is None:
        return None
    return _Head(
        verdict=run.verdict,
        verdict_reason=run.verdict_reason,
        scenario=run.plan.scenario,
        workload=run.plan.workload,
        requested_by=run.plan.requested_by,
        reason=run.plan.reason,
        plan=_PlanHead(language=run.plan.language),
    )


def _message(
    request: NotifyPeopleInput,
    head: _Head | None,
    language: Language,
    missing: str,
    world: Notifying,
) -> Message:
    words = _WORDS[language]
    lines = []
    if head is None:
        subject = words["unknown"].format(run_id=request.run_id)
    else:
        subject = words["subject"].format(**head.model_dump())
        lines = [
            said_in(head.verdict_reason, language)[:REASON_CHARACTERS],
            words["run"].format(
                run_id=request.run_id,
                who=_stated(head.requested_by, words),
                why=_stated(head.reason, words),
            ),
        ]
    if missing:
        lines.append(words["missing"].format(missing=missing))
    if not request.report:
        return Message(subject=subject, lines=lines)
    until = datetime.fromtimestamp(world.now() + LINK_SECONDS, UTC)
    return Message(
        subject=subject,
        lines=lines,
        link=world.reports.link(request.report, LINK_SECONDS),
        link_until=until.isoformat(timespec="seconds"),
        link_words=words["link"].format(until=f"{until:%Y-%m-%d %H:%M}"),
    )


def _stated(text: str, words: dict[str, str]) -> str:
    return words["unstated"] if text == UNSTATED else text


def _announce(
    request: NotifyPeopleInput,
    head: _Head | None,
    message: Message,
    missing: str,
    world: Notifying,
) -> None:
    told = head.model_dump(include={"verdict", "scenario", "workload"}) if head else {}
    reason = {"reason": head.verdict_reason[:REASON_CHARACTERS]} if head else {}
    what = "Report Ready" if request.report else "Report Missing"
    detail = {"report": request.report, "link": message.link, "link_until": message.link_until}
    world.bus.announce(request.run_id, what, {**told, **reason, **detail, "missing": missing})
