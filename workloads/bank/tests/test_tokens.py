from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bank.tokens import Signer

signer = Signer("one secret")


def test_a_session_holds_on_every_instance_with_the_secret_until_it_expires() -> None:
    token = signer.open_session("customer-001", now=1000.0, lifetime_seconds=60)
    session = Signer("one secret").session(token, now=1059.0)
    assert session is not None
    assert session.customer_id == "customer-001"
    assert signer.session(token, now=1060.0) is None
    assert Signer("another secret").session(token, now=1000.0) is None


def test_a_renewed_session_keeps_its_id_and_so_its_forms() -> None:
    session = signer.session(signer.open_session("c", now=0, lifetime_seconds=60), now=0)
    assert session is not None
    renewed = signer.session(signer.renew(session, now=50, lifetime_seconds=60), now=100)
    assert renewed is not None
    assert renewed.session_id == session.session_id
    assert signer.form_token_is_right(signer.form_token(session.session_id), renewed.session_id)


def test_a_session_ends_after_eight_hours_however_often_it_is_renewed() -> None:
    token, now, half_hour = signer.open_session("c", now=0, lifetime_seconds=1800), 0, 1800
    while (session := signer.session(token, now=now)) is not None:
        token = signer.renew(session, now=now, lifetime_seconds=half_hour)
        now += half_hour - 1
        assert now < 9 * 3600
    assert now >= 8 * 3600


@given(position=st.integers(min_value=0), character=st.characters())
def test_a_token_with_one_other_character_is_refused(position: int, character: str) -> None:
    token = signer.open_session("customer-001", now=0, lifetime_seconds=60)
    position %= len(token)
    forged = token[:position] + character + token[position + 1 :]
    assert (signer.session(forged, now=0) is not None) == (forged == token)


@given(st.text())
def test_no_text_is_a_token_by_chance_or_breaks_the_check(text: str) -> None:
    assert signer.session(text, now=0) is None
    assert not signer.form_token_is_right(text, "a session")


def test_a_session_token_is_no_form_token() -> None:
    token = signer.open_session("c", now=0, lifetime_seconds=60)
    assert not signer.form_token_is_right(token.partition(".")[2], token.partition(".")[0])
