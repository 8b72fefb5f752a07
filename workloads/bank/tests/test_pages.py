"""The pages as a browser uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from bank import demo
from bank.language import texts
from bank_testing.processes import Service


class Browser:
    """Follows redirects, keeps cookies, fills in forms with the hidden fields of the last page."""

    def __init__(self, url: str, language: str = "en") -> None:
        self.client = httpx.Client(
            base_url=url,
            follow_redirects=True,
            timeout=60,
            headers={"Accept-Language": language},
        )
        self.page = self.client.get("/")

    def open(self, url: str) -> httpx.Response:
        self.page = self.client.get(url)
        return self.page

    def hidden(self) -> dict[str, str]:
        fields = re.findall(
            r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.page.text.split("<main")[1]
        )
        return {name: unescape(value) for name, value in fields}

    def submit(self, url: str, **fields: str) -> httpx.Response:
        self.page = self.client.post(url, data={**self.hidden(), **fields})
        return self.page

    def sign_in(self, customer: demo.DemoCustomer) -> httpx.Response:
        self.open("/login")
        return self.submit("/login", customer=customer.customer_id, password=demo.PASSWORD)


@pytest.fixture
def browser(web: Service, customer: demo.DemoCustomer) -> Iterator[Browser]:
    browser = Browser(web.url)
    browser.sign_in(customer)
    yield browser
    browser.client.close()


def fill_in(customer: demo.DemoCustomer, **changes: str) -> dict[str, str]:
    return {
        "from_account": customer.checking,
        "to_account": customer.savings,
        "amount": "12,500",
        "memo": "<b>rent</b>",
        **changes,
    }


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_customer_signs_in_sends_money_reads_history_and_leaves(
    web: Service, customer: demo.DemoCustomer, language: str
) -> None:
    t = texts(language)
    browser = Browser(web.url, language)
    assert f'<html lang="{language}">' in browser.page.text
    assert t["login_lead"] in browser.page.text

    page = browser.sign_in(customer)
    assert page.url.path == "/accounts"
    assert customer.checking in page.text
    assert ("2,000,000원" if language == "ko" else "₩2,000,000") in page.text

    browser.open("/transfer")
    page = browser.submit("/transfer/confirm", **fill_in(customer))
    assert t["confirm_title"] in page.text
    assert "987,500" in page.text
    page = browser.submit("/transfer")
    assert page.url.path.startswith("/transfers/")
    assert t["receipt_title"] in page.text

    page = browser.open(f"/accounts/{customer.checking}")
    assert "−12,500" in page.text or "−₩12,500" in page.text
    assert "&lt;b&gt;rent&lt;/b&gt;" in page.text
    assert "<b>rent" not in page.text
    assert t["account_opening"] in page.text
    assert t["products_lead"] in browser.open("/products").text

    browser.open("/accounts")
    token = re.search(r'name="form_token" value="([^"]+)"', browser.page.text)
    assert token
    page = browser.client.post("/logout", data={"form_token": token[1]})
    assert t["login_bye"] in page.text
    assert browser.open("/accounts").url.path == "/login"


def test_a_form_that_is_sent_twice_moves_the_money_once(
    browser: Browser, customer: demo.DemoCustomer
) -> None:
    browser.open("/transfer")
    browser.submit("/transfer/confirm", **fill_in(customer))
    fields = browser.hidden()
    pages = [browser.client.post("/transfer", data=fields) for _ in range(2)]
    assert pages[0].url == pages[1].url
    assert pages[0].text == pages[1].text
    assert "₩987,500" in browser.open(f"/accounts/{customer.checking}").text


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"amount": "0"}, 400, "problem_bad_amount"),
        ({"amount": "1.5"}, 400, "problem_bad_amount"),
        ({"amount": "٣"}, 400, "problem_bad_amount"),
        ({"amount": ""}, 400, "problem_bad_amount"),
        ({"amount": "9000000"}, 409, "problem_insufficient_funds"),
        ({"to_account": "no such"}, 404, "problem_to_account"),
        ({"to_account": "../accounts"}, 404, "problem_to_account"),
        ({"to_account": ""}, 400, "problem_to_account"),
        ({"from_account": "110-001-007919"}, 400, "problem_from_account"),
        ({"memo": "x" * 101}, 400, "problem_bad_memo"),
    ],
)
def test_a_mistake_in_the_form_is_explained_and_what_was_typed_stays(
    browser: Browser,
    customer: demo.DemoCustomer,
    changes: dict[str, str],
    status: int,
    text: str,
) -> None:
    browser.open("/transfer")
    page = browser.submit("/transfer/confirm", **fill_in(customer, **changes))
    assert page.status_code == status
    assert texts("en")[text].format(most="₩1,000,000,000") in page.text
    assert 'aria-invalid="true"' in page.text
    assert 'value="&lt;b&gt;rent&lt;/b&gt;"' in page.text or "memo" in changes


def test_money_that_went_meanwhile_is_noticed_at_the_last_step(
    browser: Browser, customer: demo.DemoCustomer
) -> None:
    for amount in ("600000", "700000"):
        browser.open("/transfer")
        browser.submit("/transfer/confirm", **fill_in(customer, amount=amount))
        if amount == "600000":
            first = browser.hidden()
        else:
            second = browser.hidden()
    assert browser.client.post("/transfer", data=first).status_code == 200
    late = browser.client.post("/transfer", data=second)
    assert late.status_code == 409
    assert texts("en")["problem_insufficient_funds"] in late.text


@pytest.mark.parametrize("url", ["/transfer", "/transfer/confirm", "/logout"])
@pytest.mark.parametrize("token", ["", "wrong", "한글"])
def test_a_form_without_the_right_token_does_nothing(
    browser: Browser, customer: demo.DemoCustomer, url: str, token: str
) -> None:
    page = browser.client.post(
        url, data={**fill_in(customer, amount="1"), "key": "k", "form_token": token}
    )
    assert page.status_code == 403
    assert "₩1,000,000" in browser.open(f"/accounts/{customer.checking}").text


def test_a_form_from_another_site_or_another_session_does_nothing(
    web: Service, browser: Browser, customer: demo.DemoCustomer
) -> None:
    browser.open("/transfer")
    fields = {**browser.hidden(), **fill_in(customer)}
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert browser.client.post("/transfer/confirm", data=fields, headers=cross).status_code == 403
    stranger = Browser(web.url)
    stranger.sign_in(customer)
    assert stranger.client.post("/transfer/confirm", data=fields).status_code == 403
    assert browser.client.post("/transfer/confirm", data=fields).status_code == 200


def test_a_sign_in_form_needs_the_visitors_own_token(
    web: Service, customer: demo.DemoCustomer
) -> None:
    visitor, attacker = Browser(web.url), Browser(web.url)
    reply = visitor.client.post(
        "/login",
        data={**attacker.hidden(), "customer": customer.customer_id, "password": demo.PASSWORD},
    )
    assert reply.status_code == 403


def test_a_wrong_password_says_so_and_keeps_only_the_name(
    web: Service, customer: demo.DemoCustomer
) -> None:
    browser = Browser(web.url)
    page = browser.submit("/login", customer=customer.customer_id, password="not this one")
    assert page.status_code == 401
    assert texts("en")["login_wrong"] in page.text
    assert customer.customer_id in page.text
    assert "not this one" not in page.text


def test_pages_carry_headers_that_keep_others_out(browser: Browser) -> None:
    headers = browser.open("/accounts").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "script" not in browser.page.text
    assert "style=" not in browser.page.text


def test_the_session_cookie_is_out_of_reach_of_scripts_and_secure_behind_https(
    web: Service, customer: demo.DemoCustomer
) -> None:
    for scheme, secure in (("http", False), ("https", True)):
        with httpx.Client(
            base_url=web.url, timeout=60, headers={"X-Forwarded-Proto": scheme}
        ) as client:
            page = client.get("/login")
            visitor = page.headers["set-cookie"].split(";")[0]
            token = re.search(r'name="form_token" value="([^"]+)"', page.text)
            assert token
            reply = client.post(
                "/login",
                data={
                    "form_token": token[1],
                    "customer": customer.customer_id,
                    "password": demo.PASSWORD,
                },
                headers={"Cookie": visitor},
            )
        cookie = next(
            value
            for value in reply.headers.get_list("set-cookie")
            if value.startswith("bank_session=")
        )
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert ("Secure" in cookie) is secure
        assert ("strict-transport-security" in reply.headers) is secure


def test_the_language_of_the_link_is_remembered(web: Service) -> None:
    browser = Browser(web.url, "en")
    page = browser.open("/products?lang=ko")
    assert texts("ko")["products_lead"] in page.text
    assert 'href="/products?lang=en"' in page.text
    assert texts("ko")["login_lead"] in browser.open("/login").text


def test_what_is_not_there_is_a_page_too(browser: Browser) -> None:
    for url in ("/no-such-page", "/accounts/999", "/transfers/none", "/static/none.css"):
        page = browser.open(url)
        assert page.status_code == 404
        assert texts("en")["error_404_title"] in page.text
    assert browser.client.put("/accounts").status_code == 405
    assert browser.open(f"/accounts/x?before={'9' * 30}").status_code in (400, 404)


def test_the_style_sheet_is_served_with_a_long_life(browser: Browser) -> None:
    found = re.search(r'href="(/static/bank\.css\?v=\w+)"', browser.open("/accounts").text)
    assert found
    reply = browser.open(found[1])
    assert reply.headers["content-type"].startswith("text/css")
    assert "max-age=31536000" in reply.headers["cache-control"]
