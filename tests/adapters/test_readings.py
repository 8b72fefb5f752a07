"""Numbers over HTTP: read, or a reason why not; never anything else."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadystate.adapters.readings import HttpReadings
from steadystate.documents.workload import HttpSli, PrometheusSli
from tests.adapters.servers import Server, closed_port, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def number(url: str) -> HttpSli:
    return HttpSli(source="http", url=url, field="lost", observations="seen", unit="count")


def query(url: str) -> PrometheusSli:
    return PrometheusSli(source="prometheus", url=url, query="sum(up) > 0", unit="count")


def test_a_field_is_read_with_what_it_rests_on(server: Server) -> None:
    server.bodies["/good"] = (200, b'{"lost": 2, "seen": 120.5, "more": []}')
    assert HttpReadings().json(number(f"{server.url}/good"), 60) == (2.0, 120.5)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"", "did not answer JSON"),
        (b"<html>", "did not answer JSON"),
        (b"\xff\xfe", "did not answer JSON"),
        (b"[" * 200_000, "did not answer JSON"),
        (b"9" * 5_000, "did not answer JSON"),
        (b" " * 2_000_001 + b'{"lost": 1, "seen": 1}', "did not answer within 60 s and 1 MB"),
        (b"[]", "the field lost is None"),
        (b"{}", "the field lost is None"),
        (b'{"lost": null, "seen": 1}', "the field lost is None"),
        (b'{"lost": true, "seen": 1}', "the field lost is True"),
        (b'{"lost": "1", "seen": 1}', "the field lost is 1"),
        (b'{"lost": NaN, "seen": 1}', "the field lost is nan"),
        (b'{"lost": Infinity, "seen": 1}', "the field lost is inf"),
        (b'{"lost": 1' + b"0" * 400 + b', "seen": 1}', "the field lost is 1000"),
        (b'{"lost": 1}', "the field seen is"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_what_is_no_number_is_a_reason(server: Server, body: bytes, part: str) -> None:
    server.bodies["/bad"] = (200, body)
    with pytest.raises(LookupError) as caught:
        HttpReadings().json(number(f"{server.url}/bad"), 60)
    assert part in str(caught.value).replace("'", "")


@pytest.mark.parametrize("status", [302, 404, 500, 503])
def test_another_status_is_a_reason(server: Server, status: int) -> None:
    server.bodies["/status"] = (status, b'{"lost": 0, "seen": 1}')
    with pytest.raises(LookupError, match=f"answered {status}"):
        HttpReadings().json(number(f"{server.url}/status"), 60)


@pytest.mark.parametrize("path", ["/hangup", "/silent"])
def test_no_answer_in_time_is_a_reason(server: Server, path: str) -> None:
    began = time.monotonic()
    with pytest.raises(LookupError, match="did not answer"):
        HttpReadings().json(number(server.url + path), 0.3)
    assert time.monotonic() - began < 60


def test_an_answer_that_drips_is_a_reason_in_time(server: Server) -> None:
    began = time.monotonic()
    with pytest.raises(LookupError, match="did not answer"):
        HttpReadings().json(number(f"{server.url}/drip"), 0.5)
    assert time.monotonic() - began < 60


def test_nobody_there_is_a_reason() -> None:
    with pytest.raises(LookupError, match="did not answer: "):
        HttpReadings().json(number(f"http://127.0.0.1:{closed_port()}/"), 60)


def answer(value: Any) -> bytes:
    result = [{"metric": {}, "value": [1_800_000_000.1, value]}]
    return json.dumps({"status": "success", "data": {"result": result}}).encode()


def test_a_query_gives_its_one_number(server: Server) -> None:
    server.bodies["/api/v1/query"] = (200, answer("12.5"))
    assert HttpReadings().prometheus(query(server.url + "/"), 60) == 12.5
    assert server.queries[-1] == "query=sum%28up%29+%3E+0"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"data": null}',
        b'{"data": {"result": null}}',
        b'{"data": {"result": []}}',
        b'{"data": {"result": {"value": [1, "2"]}}}',
        b'{"data": {"result": [{"value": [1]}]}}',
        b'{"data": {"result": [{"value": [1, "1"]}, {"value": [1, "2"]}]}}',
        answer("NaN"),
        answer("+Inf"),
        answer("many"),
        answer(None),
    ],
)
def test_a_query_without_one_number_is_a_reason(server: Server, body: bytes) -> None:
    server.bodies["/api/v1/query"] = (200, body)
    with pytest.raises(LookupError):
        HttpReadings().prometheus(query(server.url), 60)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["data", "result", "value", "lost", "seen"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(value=JSON)
def test_any_answer_is_a_number_or_a_reason(server: Server, value: Any) -> None:
    server.bodies["/api/v1/query"] = server.bodies["/any"] = (200, json.dumps(value).encode())
    readings = HttpReadings()
    for read in (
        lambda: readings.json(number(f"{server.url}/any"), 60),
        lambda: readings.prometheus(query(server.url), 60),
    ):
        try:
            read()
        except LookupError as error:
            assert type(error) is LookupError
