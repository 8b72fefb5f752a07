"""Rules and weighted choice, without any network."""

from collections import Counter
from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.balancer.model import DEFAULT_PRIORITY, Condition, FixedResponse, Redirect, Rule
from lab.balancer.routing import (
    Request,
    SmoothWeighted,
    find_rule,
    is_met,
    redirect_location,
)

ANSWER = FixedResponse(200, "text/plain", "")

weight_lists = st.lists(st.integers(0, 999), min_size=1, max_size=5)


def request(
    path: str = "/",
    *,
    method: str = "GET",
    host: str = "bank.example.com",
    query: str = "",
    headers: tuple[tuple[str, str], ...] = (),
    source_ip: str = "127.0.0.1",
) -> Request:
    return Request(method, host, path, query, headers, source_ip)


@given(weight_lists, st.integers(0, 3000))
def test_any_window_as_long_as_the_sum_of_weights_is_split_exactly(
    weights: list[int], skipped: int
) -> None:
    choice: SmoothWeighted[int] = SmoothWeighted()
    shares = list(enumerate(weights))
    divisor = gcd(*weights)
    if divisor == 0:
        assert choice.choose(shares) is None
        return
    window = sum(weights) // divisor
    for _ in range(skipped % window):
        choice.choose(shares)
    counts = Counter(choice.choose(shares) for _ in range(window))
    assert counts == Counter({key: weight // divisor for key, weight in shares if weight})


@given(st.integers(1, 999), st.integers(1, 999), st.integers(1, 2000))
def test_two_groups_are_never_a_whole_request_off_their_share(
    one: int, other: int, requests: int
) -> None:
    choice: SmoothWeighted[str] = SmoothWeighted()
    ones = 0
    for number in range(1, requests + 1):
        ones += choice.choose([("one", one), ("other", other)]) == "one"
        assert abs(ones - number * one / (one + other)) < 1


@given(st.sets(st.integers(), min_size=1, max_size=10), st.integers(1, 5))
def test_equal_weights_are_a_round_robin(keys: set[int], rounds: int) -> None:
    choice: SmoothWeighted[int] = SmoothWeighted()
    order = [(key, 1) for key in keys]
    assert [choice.choose(order) for _ in range(rounds * len(keys))] == list(keys) * rounds


@given(st.lists(st.dictionaries(st.integers(0, 5), st.integers(0, 9)), max_size=40))
def test_only_keys_with_a_weight_are_chosen_while_keys_come_and_go(
    turns: list[dict[int, int]],
) -> None:
    choice: SmoothWeighted[int] = SmoothWeighted()
    for weights in turns:
        chosen = choice.choose(list(weights.items()))
        if chosen is None:
            assert not any(weights.values())
        else:
            assert weights[chosen] > 0


@pytest.mark.parametrize(
    ("condition", "met", "not_met"),
    [
        (
            Condition("path-pattern", ("/api/*", "/x?")),
            [request("/api/"), request("/api/a/b"), request("/xy")],
            [request("/api"), request("/x"), request("/xyz"), request("/API/"), request("/a/api/")],
        ),
        (
            Condition("path-pattern", ("/a.b[c]$",)),
            [request("/a.b[c]$")],
            [request("/aXb[c]$"), request("/a.bc$")],
        ),
        (
            Condition("host-header", ("*.Example.com",)),
            [request(host="a.example.com"), request(host="A.EXAMPLE.com:8080")],
            [request(host="example.com"), request(host="a.example.org")],
        ),
        (
            Condition("http-request-method", ("POST", "PUT")),
            [request(method="POST")],
            [request(method="GET"), request(method="post")],
        ),
        (
            Condition("http-header", ("*chrome*",), http_header="User-Agent"),
            [request(headers=(("user-agent", "A Chrome B"),))],
            [request(headers=(("X", "chrome"),)), request()],
        ),
        (
            Condition("query-string", ("version=v?", "old*")),
            [request(query="a=1&version=v2"), request(query="x=OLDER")],
            [request(query="version=v22"), request(query="v=v2"), request()],
        ),
        (
            Condition("source-ip", ("10.0.0.0/8", "192.0.2.1/32")),
            [request(source_ip="10.9.8.7"), request(source_ip="192.0.2.1")],
            [request(source_ip="192.0.2.2")],
        ),
    ],
)
def test_conditions_are_met_as_an_alb_does(
    condition: Condition, met: list[Request], not_met: list[Request]
) -> None:
    assert [is_met(condition, one) for one in met] == [True] * len(met)
    assert [is_met(condition, one) for one in not_met] == [False] * len(not_met)


def test_the_first_rule_wins_whose_conditions_are_all_met() -> None:
    path, method = Condition("path-pattern", ("/a",)), Condition("http-request-method", ("POST",))
    rules = [
        Rule("both", 1, (path, method), ANSWER),
        Rule("path", 2, (path,), ANSWER),
        Rule("default", DEFAULT_PRIORITY, (), ANSWER),
    ]
    assert find_rule(rules, request("/a", method="POST")).arn == "both"
    assert find_rule(rules, request("/a")).arn == "path"
    assert find_rule(rules, request("/b", method="POST")).arn == "default"


@pytest.mark.parametrize(
    ("redirect", "location"),
    [
        (Redirect(301), "http://shop.test:8080/a/b?x=1"),
        (Redirect(301, protocol="HTTPS", port="443"), "https://shop.test/a/b?x=1"),
        (Redirect(302, path="/new/#{path}", query=""), "http://shop.test:8080/new/a/b"),
        (Redirect(302, host="www.#{host}", port="80", path="/"), "http://www.shop.test/?x=1"),
    ],
)
def test_redirects_are_filled_in(redirect: Redirect, location: str) -> None:
    asked = request("/a/b", host="shop.test:8080", query="x=1")
    assert redirect_location(redirect, asked, protocol="http", port=8080) == location
