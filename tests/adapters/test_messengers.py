"""Telling people: real requests to a server that stands for Slack, and to the account's SNS."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.stub import Stubber

from steadystate.adapters import aws
from steadystate.adapters.messengers import SlackWebhook, SnsTopic
from steadystate.contracts import Message
from tests.adapters.servers import Server, serving

LINK = "https://bucket.example/reports/r/report.en.pdf?X-Amz-Signature=abcdef"
MESSAGE = Message(
    subject="FAIL bank-latency on bank",
    lines=["errors: 6 % misses < 5 %", "Run r, started by <!channel> & co: because"],
    link=LINK,
    link_until="2026-11-21T10:00:00+00:00",
    link_words="Report (PDF), link valid until 2026-11-21 10:00 UTC",
)


@pytest.fixture
def slack() -> Iterator[Server]:
    with serving() as server:
        server.bodies["/hook/T0SECRET"] = (200, b"ok")
        yield server


def secret_of(connected: Any, value: str) -> str:
    manager = connected.client("secretsmanager")
    arn: str = manager.create_secret(Name=f"slack-{uuid4()}", SecretString=value)["ARN"]
    return arn


def test_slack_gets_the_message_with_its_link_and_nothing_in_it_is_markup(
    connected: Any, slack: Server
) -> None:
    webhook = SlackWebhook(secret_of(connected, f"{slack.url}/hook/T0SECRET\n"))
    assert webhook.send(MESSAGE) == "sent"
    (body,) = slack.posted
    assert json.loads(body)["text"].splitlines() == [
        "*FAIL bank-latency on bank*",
        "errors: 6 % misses &lt; 5 %",
        "Run r, started by &lt;!channel&gt; &amp; co: because",
        f"<{LINK}|Report (PDF), link valid until 2026-11-21 10:00 UTC>",
    ]


def test_slack_without_a_secret_is_off_and_nobody_is_asked() -> None:
    assert SlackWebhook("").send(MESSAGE) == "off"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/gone", "not sent: Slack answered 404"),
        ("/elsewhere", "not sent: Slack answered 307"),
        ("/hangup", "not sent: no answer: ProtocolError"),
        ("/silent", "not sent: no answer: ReadTimeoutError"),
        ("/drip", "not sent: no answer within 0.5 s"),
    ],
)
def test_a_slack_that_refuses_or_is_slow_is_told_and_its_address_is_not(
    connected: Any,
    slack: Server,
    path: str,
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    slack.bodies["/elsewhere"] = (307, b"/hook/T0SECRET")
    webhook = SlackWebhook(secret_of(connected, slack.url + path), timeout_seconds=0.5)
    assert webhook.send(MESSAGE) == said
    (logged,) = [vars(r) for r in caplog.records if r.getMessage() == "message not sent"]
    assert f"not sent: {logged['why']}" == said
    for secret in (path, "127.0.0.1", "Signature"):
        assert not [r for r in caplog.records if secret in str(vars(r))]


@pytest.mark.parametrize(
    "value", ["", "T0SECRET", "ftp://T0SECRET/", "http://example.com/T0SECRET", "http://[T0SECRET"]
)
def test_a_secret_that_is_no_address_is_told_without_its_value(
    connected: Any, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = SlackWebhook(secret_of(connected, value or " ")).send(MESSAGE)
    assert said == "not sent: its secret is no address that begins with https://"
    assert not [r for r in caplog.records if "T0SECRET" in str(vars(r))]


def test_a_secret_that_is_not_there_is_told(connected: Any) -> None:
    said = SlackWebhook("arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:none").send(
        MESSAGE
    )
    assert said == "not sent: its secret cannot be read: ResourceNotFoundException"


def test_nobody_at_slacks_address_is_told(connected: Any) -> None:
    with serving() as server:
        url = f"{server.url}/hook"
    assert SlackWebhook(secret_of(connected, url)).send(MESSAGE).startswith("not sent: no answer: ")


def test_sns_gets_subject_lines_and_link(connected: Any) -> None:
    sent: list[Any] = []
    topic = connected.client("sns").create_topic(Name=f"reports-{uuid4()}")["TopicArn"]
    aws.client("sns").meta.events.register(
        "provide-client-params.sns.Publish", lambda params, **_: sent.append(params)
    )
    long = MESSAGE.model_copy(update={"subject": "FAIL 은행 " + "x" * 200})
    assert SnsTopic(topic).send(long) == "sent"
    (given,) = sent
    assert given["Subject"] == ("FAIL ?? " + "x" * 200)[:99]
    assert given["Message"].splitlines()[-2:] == [f"{MESSAGE.link_words}:", LINK]
    assert given["Message"].startswith("errors: 6 % misses < 5 %\n")


def test_a_topic_that_refuses_is_told(connected: Any) -> None:
    with Stubber(aws.client("sns")) as stub:
        stub.add_client_error("publish", "AuthorizationErrorException", "no")
        assert SnsTopic("arn:aws:sns:ap-northeast-2:123456789012:t").send(MESSAGE) == (
            "not sent: SNS said AuthorizationErrorException"
        )
