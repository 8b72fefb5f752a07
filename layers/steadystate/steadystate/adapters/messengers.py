"""Ways to tell people: an SNS topic, and a Slack incoming webhook.

Neither ever raises, and neither logs an address: whoever has a webhook's address may write to the
channel, and whoever has a report's link may read it.
"""

import json
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import urllib3
from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from steadystate.adapters.aws import client, code_of
from steadystate.adapters.readings import read_body
from steadystate.contracts import Message

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

SENT: Final = "sent"
OFF: Final = "off"
SLACK_SECONDS: Final = 5.0
"""How long Slack is waited for, in all."""

SUBJECT_CHARACTERS: Final = 99
"""SNS takes subjects of fewer than 100 ASCII characters (API reference, Publish)."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

logger = Logger(child=True)


class SnsTopic:
    """The port Messenger on SNS."""

    def __init__(self, topic_arn: str) -> None:
        self._topic = topic_arn

    def send(self, message: Message) -> str:
        """Publish to the topic; whether anybody subscribed is the topic's business."""
        sns: SNSClient = client("sns")
        subject = message.subject.encode("ascii", "replace").decode()[:SUBJECT_CHARACTERS]
        lines = [*message.lines]
        if message.link:
            lines += [f"{message.link_words}:", message.link]
        try:
            sns.publish(TopicArn=self._topic, Subject=subject, Message="\n".join(lines))
        except ClientError as error:
            return _not_sent("sns", f"SNS said {code_of(error)}")
        except BotoCoreError as error:
            return _not_sent("sns", type(error).__name__)
        return SENT


class SlackWebhook:
    """The port Messenger on Slack. The webhook's address is the value of a secret.

    Source: Slack API, "Sending messages using incoming webhooks" and "Formatting text".
    """

    def __init__(self, secret_id: str, timeout_seconds: float = SLACK_SECONDS) -> None:
        self._secret, self._timeout = secret_id, timeout_seconds
        self._pool = urllib3.PoolManager(retries=False)

    def send(self, message: Message) -> str:
        """Post to the channel; without a secret, this way is off."""
        if not self._secret:
            return OFF
        manager: Any = client("secretsmanager")
        try:
            url = manager.get_secret_value(SecretId=self._secret)["SecretString"].strip()
        except ClientError as error:
            return _not_sent("slack", f"its secret cannot be read: {code_of(error)}")
        except (BotoCoreError, KeyError) as error:
            return _not_sent("slack", f"its secret cannot be read: {type(error).__name__}")
        if not _may_be_posted_to(url):
            return _not_sent("slack", "its secret is no address that begins with https://")
        return self._post(url, message)

    def _post(self, url: str, message: Message) -> str:
        until = time.monotonic() + self._timeout
        body = json.dumps({"text": slack_text(message)}).encode()
        try:
            answer = self._pool.request(
                "POST",
                url,
                body=body,
                headers={"Content-Type": "application/json"},
                timeout=urllib3.Timeout(total=self._timeout),
                redirect=False,
                preload_content=False,
            )
            status, text = answer.status, read_body(answer, until, 1000)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return _not_sent("slack", f"no answer: {type(error).__name__}")
        if text is None:
            return _not_sent("slack", f"no answer within {self._timeout:g} s")
        if status != 200:
            return _not_sent("slack", f"Slack answered {status}")
        return SENT


def slack_text(message: Message) -> str:
    """Return a message in Slack's own markup; nothing of a run's own words is markup in it."""
    lines = [f"*{_escaped(message.subject)}*", *map(_escaped, message.lines)]
    if message.link:
        lines.append(f"<{message.link}|{_escaped(message.link_words)}>")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _may_be_posted_to(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    )


def _not_sent(channel: str, why: str) -> str:
    logger.warning("message not sent", extra={"channel": channel, "why": why})
    return f"not sent: {why}"
