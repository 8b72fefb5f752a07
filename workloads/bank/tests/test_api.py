"""The API as its clients see it: through the web."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bank import demo
from bank.inputs import AMOUNT_AT_MOST
from bank_testing.processes import Service, wait_until

NewCustomer = Callable[[], demo.DemoCustomer]


def order(customer: demo.DemoCustomer, **changes: Any) -> dict[str, Any]:
    return {
        "from_account": customer.checking,
        "to_account": customer.savings,
        "amount": 1000,
        "memo": "점심 & lunch",
        **changes,
    }


def send(api: httpx.Client, content: object, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key or uuid4().hex}
    return api.post("/api/transfers", json=content, headers=headers)


def test_a_transfer_moves_money_and_shows_in_both_histories(
    api: httpx.Client, customer: demo.DemoCustomer
) -> None:
    key = uuid4().hex
    reply = send(api, order(customer), key)
    assert reply.status_code == 201
    transfer = reply.json()
    assert transfer["balance_after"] == 999_000
    assert api.get(f"/api/transfers/by-key/{key}").json() == transfer

    accounts = api.get("/api/accounts").json()
    assert accounts["customer"]["name"] == {"ko": "홍길동", "en": "Gildong Hong"}
    assert [(a["account_id"], a["balance"], a["currency"]) for a in accounts["accounts"]] == [
        (customer.checking, 999_000, "KRW"),
        (customer.savings, 1_001_000, "KRW"),
    ]
    assert api.get(f"/api/accounts/{customer.savings}").json()["balance"] == 1_001_000
    for account, amount, balance in (
        (customer.checking, -1000, 999_000),
        (customer.savings, 1000, 1_001_000),
    ):
        newest = api.get(f"/api/accounts/{account}/history").json()["entries"][0]
        assert (newest["amount"], newest["balance_after"]) == (amount, balance)
        assert (newest["memo"], newest["transfer_id"]) == ("점심 & lunch", transfer["transfer_id"])


def test_a_repeated_key_gets_the_same_answer_and_another_body_is_refused(
    api: httpx.Client, customer: demo.DemoCustomer
) -> None:
    key = uuid4().hex
    first = send(api, order(customer), key)
    again = send(api, order(customer), key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = send(api, order(customer, amount=1001), key)
    assert (other.status_code, other.json()["error"]) == (422, "key_reused")
    assert api.get(f"/api/accounts/{customer.checking}").json()["balance"] == 999_000


def test_history_pages_join_without_gap_or_overlap(
    api: httpx.Client, customer: demo.DemoCustomer
) -> None:
    for amount in range(1, 6):
        assert send(api, order(customer, amount=amount)).status_code == 201
    amounts, before = [], ""
    while True:
        page = api.get(f"/api/accounts/{customer.checking}/history?limit=2&before={before}").json()
        amounts += [entry["amount"] for entry in page["entries"]]
        if not page["next_before"]:
            break
        before = page["next_before"]
    assert amounts == [-5, -4, -3, -2, -1, demo.OPENING_DEPOSIT]


def test_nobody_sees_or_moves_what_is_anothers(
    api: httpx.Client, customer: demo.DemoCustomer, new_customer: NewCustomer
) -> None:
    other = new_customer()
    for path in (other.checking, f"{other.checking}/history", demo.INTERNAL_ACCOUNT):
        assert api.get(f"/api/accounts/{path}").status_code == 404
    taken = send(api, order(customer, from_account=other.checking, to_account=customer.checking))
    assert (taken.status_code, taken.json()["field"]) == (404, "from_account")
    assert api.get(f"/api/payees/{other.checking}").json()["name"] == {
        "ko": "홍*동",
        "en": "G****** Hong",
    }


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"amount": 0}, 400, "bad_amount"),
        ({"amount": -5}, 400, "bad_amount"),
        ({"amount": 1.5}, 400, "bad_amount"),
        ({"amount": 1000.0}, 400, "bad_amount"),
        ({"amount": "1000"}, 400, "bad_amount"),
        ({"amount": True}, 400, "bad_amount"),
        ({"amount": None}, 400, "bad_amount"),
        ({"amount": AMOUNT_AT_MOST + 1}, 400, "bad_amount"),
        ({"amount": 10**30}, 400, "bad_amount"),
        ({"amount": 2_000_000}, 409, "insufficient_funds"),
        ({"to_account": "999-999-999999"}, 404, "account_not_found"),
        ({"to_account": demo.INTERNAL_ACCOUNT}, 404, "account_not_found"),
        ({"to_account": "'; DROP TABLE"}, 404, "account_not_found"),
        ({"to_account": 5}, 400, "bad_to_account"),
        ({"from_account": "999-999-999999"}, 404, "account_not_found"),
        ({"from_account": None}, 400, "bad_from_account"),
        ({"memo": "x" * 101}, 400, "bad_memo"),
        ({"memo": "a\x00b"}, 400, "bad_memo"),
        ({"memo": "\ud800"}, 400, "bad_memo"),
        ({"memo": ["x"]}, 400, "bad_memo"),
    ],
)
def test_a_wrong_order_is_refused_with_the_reason_and_moves_nothing(
    api: httpx.Client,
    customer: demo.DemoCustomer,
    changes: dict[str, Any],
    status: int,
    error: str,
) -> None:
    # By hand, because httpx refuses to send what some of these send.
    reply = api.post(
        "/api/transfers",
        content=json.dumps(order(customer, **changes)),
        headers={"Idempotency-Key": uuid4().hex},
    )
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert reply.json()["message"]
    assert api.get(f"/api/accounts/{customer.checking}").json()["balance"] == 1_000_000


def test_a_transfer_to_the_same_account_is_refused(
    api: httpx.Client, customer: demo.DemoCustomer
) -> None:
    reply = send(api, order(customer, to_account=customer.checking))
    assert (reply.status_code, reply.json()["error"]) == (400, "same_account")


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "error"),
    [
        ("POST", "/api/transfers", b"{}", 400, "key_missing"),
        ("POST", "/api/login", b"not json", 400, "bad_json"),
        ("POST", "/api/login", b"\xff\xfe", 400, "bad_json"),
        ("POST", "/api/login", b"[1]", 400, "bad_json"),
        ("POST", "/api/login", b"[" * 100_000, 400, "bad_json"),
        ("POST", "/api/login", b'{"customer": "x"}', 400, "bad_password"),
        ("POST", "/api/login", b"x" * 300_000, 413, "too_large"),
        ("POST", "/api/receipts", b'{"keys": "x"}', 400, "bad_keys"),
        ("POST", "/api/receipts", b'{"keys": [""]}', 400, "bad_key"),
        ("GET", "/api/accounts/x%00y", b"", 404, "account_not_found"),
        ("GET", "/api/transfers/by-key/none", b"", 404, "transfer_not_found"),
        ("GET", "/api/no-such-thing", b"", 404, "not_found"),
        ("DELETE", "/api/accounts", b"", 405, "method_not_allowed"),
    ],
)
def test_a_bad_request_is_named(
    api: httpx.Client, method: str, path: str, content: bytes, status: int, error: str
) -> None:
    reply = api.request(method, path, content=content)
    assert (reply.status_code, reply.json()["error"]) == (status, error)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=1_0", "limit=x", "before=-1"])
def test_a_bad_page_of_history_is_refused(
    api: httpx.Client, customer: demo.DemoCustomer, query: str
) -> None:
    reply = api.get(f"/api/accounts/{customer.checking}/history?{query}")
    assert (reply.status_code, reply.json()["error"]) == (400, "bad_number")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(["from_account", "to_account", "amount", "memo", "keys", "customer"]), JSON
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    path=st.sampled_from(["/api/transfers", "/api/login", "/api/receipts"]),
    content=FIELDS | JSON,
    key=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8),
)
def test_no_body_whatsoever_makes_the_bank_fail(
    api: httpx.Client, path: str, content: object, key: str
) -> None:
    reply = api.post(path, content=json.dumps(content), headers={"Idempotency-Key": key})
    assert reply.status_code < 500, reply.text
    assert reply.status_code >= 400 or path == "/api/receipts"
    assert reply.status_code < 400 or reply.json()["error"]


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Bearer",
        b"Bearer x.y",
        b"Basic eDp5",
        "Bearer 한글".encode(),
        b"Bearer " + b"a" * 5000,
    ],
)
def test_without_a_good_token_nothing_is_shown(
    anonymous: httpx.Client, authorization: bytes
) -> None:
    headers = {b"Authorization": authorization} if authorization else {}
    for method, path in (
        ("GET", "/api/accounts"),
        ("POST", "/api/transfers"),
        ("GET", "/api/transfers/by-key/x"),
        ("POST", "/api/receipts"),
        ("GET", "/api/payees/x"),
    ):
        reply = anonymous.request(method, path, headers=headers)
        assert (reply.status_code, reply.json()["error"]) == (401, "not_signed_in")
        assert reply.headers["www-authenticate"] == "Bearer"


def test_a_wrong_password_and_an_unknown_customer_get_the_same_answer(
    anonymous: httpx.Client, customer: demo.DemoCustomer
) -> None:
    replies = [
        anonymous.post("/api/login", json={"customer": name, "password": "wrong"})
        for name in (customer.customer_id, "nobody-at-all")
    ]
    assert [reply.status_code for reply in replies] == [401, 401]
    assert replies[0].json() == replies[1].json()


def test_ten_wrong_passwords_lock_the_customer_for_a_while(
    anonymous: httpx.Client, customer: demo.DemoCustomer
) -> None:
    def login(password: str) -> httpx.Response:
        content = {"customer": customer.customer_id, "password": password}
        return anonymous.post("/api/login", json=content)

    assert {login("wrong").status_code for _ in range(10)} == {401}
    locked = login(demo.PASSWORD)
    assert (locked.status_code, locked.json()["error"]) == (429, "too_many_failures")
    assert 1 <= int(locked.headers["retry-after"]) <= 61


def test_receipts_are_counted_once_and_the_books_are_whole(
    api: httpx.Client, customer: demo.DemoCustomer
) -> None:
    key = uuid4().hex
    assert send(api, order(customer), key).status_code == 201
    before = api.get("/api/integrity").json()
    for _ in range(2):
        reply = api.post("/api/receipts", json={"keys": [key, key]})
        assert (reply.status_code, reply.json()) == (200, {"received": 2})
    after = api.get("/api/integrity").json()
    assert after["acknowledged"] == before["acknowledged"] + 1
    assert set(after) == {
        *("entries", "imbalance", "acknowledged", "lost_transfers", "duplicate_transfers")
    }
    assert after["imbalance"] == 0


def test_business_metrics_count_what_happened(
    api: httpx.Client, customer: demo.DemoCustomer
) -> None:
    before = api.get("/api/metrics").json()
    key = uuid4().hex
    for content in (order(customer), order(customer), order(customer, amount=5_000_000)):
        send(api, content, key if content["amount"] == 1000 else None)
    after = api.get("/api/metrics").json()

    def more(name: str) -> int:
        count: int = after["transfers"].get(name, 0) - before["transfers"].get(name, 0)
        return count

    assert (more("made"), more("repeated"), more("insufficient_funds")) == (1, 1, 1)
    assert after["transfer_amount_krw"] - before["transfer_amount_krw"] == 1000
    assert after["logins"]["ok"] >= 1


def test_products_need_no_sign_in(anonymous: httpx.Client) -> None:
    products = anonymous.get("/api/products").json()["products"]
    assert len(products) >= 4
    assert all(set(product["name"]) == {"ko", "en"} for product in products)


def test_health_is_that_of_web_was_and_database(anonymous: httpx.Client) -> None:
    def is_well(path: str, part: str) -> bool:
        reply = anonymous.get(path)
        return (reply.status_code, reply.json().get(part)) == (200, "ok")

    # Each waits a second for what is behind it, which a slow machine may miss once.
    wait_until(lambda: is_well("/health", "was"), "the web sees its WAS")
    wait_until(lambda: is_well("/health/deep", "database"), "the WAS sees its database")


def test_the_web_says_clearly_that_its_was_is_gone(log_path: Any) -> None:
    web = Service("bank.web", log_path, BANK_WAS_URL="http://127.0.0.1:1")
    try:
        with httpx.Client(base_url=web.url, timeout=60) as client:
            for path in ("/health", "/health/deep", "/api/accounts"):
                reply = client.get(path)
                assert (reply.status_code, reply.headers["content-type"]) == (
                    503,
                    "application/json",
                )
            assert reply.json()["error"] == "was_unavailable"
            page = client.get("/products")
            assert page.status_code == 503
            assert "text/html" in page.headers["content-type"]
    finally:
        web.stop()
