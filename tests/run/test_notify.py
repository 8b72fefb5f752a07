"""What people are told at the end of a run, and that nothing keeps the others from being told."""

from typing import Any

import pytest

from steadystate.contracts import Failure, Message, Notified, NotifyPeopleInput
from steadystate.domain.verdict import Verdict
from steadystate.run.notify import LINK_SECONDS, Notifying, notify_people
from tests.run.shelves import Channel, Evidences, Shelf
from tests.run.worlds import RUN, World

REPORT = f"reports/{RUN}/report.en.pdf"
DENIED = Failure(
    error="ReportMissing",
    cause='{"errorMessage": "report.en.pdf could not be stored: S3 said AccessDenied"}',
    state="Render Report",
)


class Desk:
    """A run that is over, and those who are told."""

    def __init__(self, language: str = "en") -> None:
        self.world = World()
        self.world.input |= {"language": language, "requested_by": "kim", "reason": "game day"}
        self.world.service.effect = (0.3, 1.5)
        self.verdict = self.world.run()
        self.evidence = Evidences({RUN: self.world.account.evidence[RUN]})
        self.mail, self.slack = Channel(), Channel()
        self.world.account.announced.clear()

    def notify(self, **request: Any) -> Notified:
        world = Notifying(
            store=self.world.table,
            evidence=self.evidence,
            reports=Shelf(),
            channels={"sns": self.mail, "slack": self.slack},
            bus=self.world.account,
            now=self.world.clock.now,
        )
        wanted = {"run_id": RUN, "report": REPORT} | request
        return notify_people(NotifyPeopleInput.model_validate(wanted), world)

    @property
    def message(self) -> Message:
        (message,) = self.mail.told
        return message

    @property
    def event(self) -> tuple[str, dict[str, object]]:
        (event,) = self.world.account.announced
        return event


def test_the_message_has_verdict_reason_in_numbers_and_a_link_that_says_when_it_ends() -> None:
    desk = Desk()
    told = desk.notify()
    assert (told.channels, told.missing) == ({"sns": "sent", "slack": "sent"}, "")
    message = desk.message
    assert message.subject == "PASS bank-instance-loss on bank"
    assert message.lines == [
        desk.verdict.reason,
        f"Run {RUN}, started by kim: game day",
    ]
    assert message.link == f"https://bucket.example/{REPORT}?expires={LINK_SECONDS}"
    assert message.link_until.startswith("2027-01-15T09:0")
    assert message.link_words.startswith("Report (PDF), link valid until 2027-01-15 09:0")
    assert desk.slack.told == [message]


def test_the_bus_is_told_the_same() -> None:
    desk = Desk()
    desk.notify()
    what, detail = desk.event
    assert what == "Report Ready"
    assert detail == {
        "verdict": "PASS",
        "reason": desk.verdict.reason,
        "scenario": "bank-instance-loss",
        "workload": "bank",
        "report": REPORT,
        "link": desk.message.link,
        "link_until": desk.message.link_until,
        "missing": "",
    }


def test_a_run_in_korean_is_told_in_korean_under_a_subject_that_mail_can_carry() -> None:
    desk = Desk("ko")
    desk.notify()
    assert desk.message.subject.isascii()
    assert "시작한 사람 kim" in desk.message.lines[1]
    assert "까지 유효합니다" in desk.message.link_words


def test_a_channel_that_refuses_keeps_no_other_from_being_told() -> None:
    desk = Desk()
    desk.mail.answers = "not sent: SNS said AuthorizationError"
    told = desk.notify()
    assert told.channels == {"sns": "not sent: SNS said AuthorizationError", "slack": "sent"}
    assert told.missing == ""
    assert len(desk.slack.told) == 1


def test_a_missing_report_is_told_with_the_verdict_and_without_a_link() -> None:
    desk = Desk()
    told = desk.notify(report="", report_failure=DENIED)
    assert told.missing == (
        "the report (Render Report: ReportMissing: "
        "report.en.pdf could not be stored: S3 said AccessDenied)"
    )
    assert desk.message.subject.startswith("PASS")
    assert desk.message.lines[-1] == f"Report missing: {told.missing}"
    assert (desk.message.link, desk.message.link_until) == ("", "")
    assert desk.event[0] == "Report Missing"


def test_a_missing_entry_in_the_history_is_told_beside_the_report() -> None:
    desk = Desk()
    told = desk.notify(history_failure=Failure(error="States.Timeout", state="Record History"))
    assert told.missing == (
        "the entry in the history (Record History: States.Timeout: no cause given)"
    )
    assert desk.message.link
    assert desk.event[0] == "Report Ready"


def test_one_cause_that_two_parts_are_missing_for_is_said_once() -> None:
    unread = Failure(error="ReportMissing", cause="run.json: half-written", state="Compose Report")
    again = unread.model_copy(update={"state": "Record History"})
    told = Desk().notify(report="", report_failure=unread, history_failure=again)
    assert told.missing == (
        "the report and the entry in the history "
        "(Compose Report: ReportMissing: run.json: half-written)"
    )


@pytest.mark.parametrize("text", [None, "", '{"verdict": "PA', "refused"])
def test_where_the_evidence_is_out_of_reach_the_table_knows_the_verdict(text: str | None) -> None:
    desk = Desk("ko")
    desk.evidence.refuses = text == "refused"
    desk.evidence.runs = {RUN: text} if text is not None else {}
    desk.notify(report="", report_failure=DENIED)
    assert desk.message.subject == "PASS bank-instance-loss on bank"
    assert desk.message.lines[0].startswith("목표 7개를 모두 지킴; 장애 뒤 ")
    assert "보고서가 없습니다" in desk.message.lines[-1]


def test_an_old_run_that_the_table_forgot_is_told_from_its_evidence_of_any_version() -> None:
    desk = Desk()
    desk.world.table.runs.clear()
    text = desk.evidence.runs[RUN]
    desk.evidence.runs[RUN] = text.replace("steadystate/run/v1", "steadystate/run/v9")
    desk.notify()
    assert desk.message.subject == "PASS bank-instance-loss on bank"


def test_a_run_that_nobody_knows_is_told_by_its_name() -> None:
    desk = Desk()
    desk.world.table.runs.clear()
    desk.evidence.runs.clear()
    told = desk.notify(report="", report_failure=DENIED)
    assert desk.message.subject == f"Run {RUN} has ended"
    assert desk.message.lines == [f"Report missing: {told.missing}"]


def test_who_asks_for_an_old_report_wakes_nobody_but_the_bus() -> None:
    desk = Desk()
    told = desk.notify(quiet=True)
    assert told.channels == {"sns": "off", "slack": "off"}
    assert not desk.mail.told
    assert desk.event[0] == "Report Ready"


def test_a_verdict_of_error_is_told_too() -> None:
    desk = Desk()
    text = desk.evidence.runs[RUN]
    desk.evidence.runs[RUN] = text.replace('"verdict":"PASS"', '"verdict":"ERROR"')
    desk.notify()
    assert desk.message.subject.startswith(Verdict.ERROR)
