"""The account's connections: kept alive, whatever was made of the request before."""

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.lab.account.conftest import Account


@pytest.fixture
def connection(account: Account) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection(urlsplit(account.url).netloc, timeout=30)
    yield made
    made.close()


def asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: object = None
) -> tuple[int, bytes]:
    chunked = body is not None and not isinstance(body, bytes)
    connection.request(method, path, body, encode_chunked=chunked)  # type: ignore[arg-type]
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_one_connection_carries_many_requests(connection: http.client.HTTPConnection) -> None:
    assert asked(connection, "GET", "/lab/ready") == (200, b"ok\n")
    used = connection.sock
    assert asked(connection, "GET", "/lab/ready") == (200, b"ok\n")
    assert connection.sock is used


@pytest.mark.parametrize("body", [b"GET /lab/ready HTTP/1.1", [b"GET /lab", b"/ready HTTP/1.1"]])
def test_a_body_that_nobody_read_is_not_taken_for_the_next_request(
    connection: http.client.HTTPConnection, body: object
) -> None:
    assert asked(connection, "GET", "/lab/none", body)[0] in (400, 404)
    assert asked(connection, "GET", "/lab/ready") == (200, b"ok\n")


def test_an_answer_to_head_has_no_body(connection: http.client.HTTPConnection) -> None:
    assert asked(connection, "HEAD", "/lab/ready")[1] == b""
    assert asked(connection, "GET", "/lab/ready") == (200, b"ok\n")
