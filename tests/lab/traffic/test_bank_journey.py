"""Customers of the bank, against a small bank on loopback."""

import asyncio
from random import Random
from typing import Any

import pytest

from lab.journeys import bank
from lab.journeys.bank import Bank
from lab.journeys.client import Client
from tests.lab.traffic.conftest import SmallBank


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank, "RETRY_AT_MOST_SECONDS", 0.02)
    monkeypatch.setattr(bank, "RETRY_AT_END_SECONDS", 0.02)
    monkeypatch.setattr(bank, "RECEIPTS_EVERY_SECONDS", 0.0)


async def walk(journey: Bank, steps: int, seed: int = 1) -> None:
    random = Random(seed)
    for _ in range(steps):
        await journey.step(Random(random.getrandbits(64)))


async def test_every_customer_signs_in_once_and_then_does_all_there_is_to_do(
    small_bank: SmallBank, client: Client
) -> None:
    journey = Bank(client, customers=5)
    await walk(journey, 200)
    outcome = await journey.finish(60)
    assert small_bank.requests["login"] == 5
    assert min(small_bank.requests[name] for name in ("accounts", "history", "products")) > 10
    assert outcome["acknowledged"] == len(small_bank.transfers) > 20
    assert small_bank.receipts == set(small_bank.transfers)
    assert (outcome["missing"], outcome["duplicated"], outcome["unverified"]) == ([], [], 0)
    assert (outcome["unconfirmed"], outcome["given_up"], outcome["refused"]) == (0, 0, 0)


@pytest.mark.parametrize("fault", [503, 500, 429, "drop"])
async def test_a_transfer_without_a_clear_answer_is_sent_again_with_the_same_key(
    small_bank: SmallBank, client: Client, fault: Any
) -> None:
    small_bank.transfer_faults = [fault, fault]
    journey = Bank(client, customers=2)
    while small_bank.requests["transfer"] < 3:
        await walk(journey, 5, seed=small_bank.requests.total())
        await asyncio.sleep(0.01)
    outcome = await journey.finish(60)
    assert len(set(small_bank.sent_keys)) == len(small_bank.transfers) == outcome["acknowledged"]
    assert len(small_bank.sent_keys) == len(set(small_bank.sent_keys)) + 2
    assert (outcome["missing"], outcome["given_up"]) == ([], 0)


async def test_retries_end_and_a_transfer_that_was_never_acknowledged_is_not_missed(
    small_bank: SmallBank, client: Client
) -> None:
    small_bank.transfer_faults = [503] * 1000
    journey = Bank(client, customers=1)
    while not small_bank.sent_keys:
        await walk(journey, 1, seed=small_bank.requests.total())
    outcome = await journey.finish(60)
    assert small_bank.sent_keys == [small_bank.sent_keys[0]] * bank.ATTEMPTS
    assert (outcome["acknowledged"], outcome["given_up"], outcome["missing"]) == (0, 1, [])


async def test_a_transfer_refused_for_good_is_not_sent_again(
    small_bank: SmallBank, client: Client
) -> None:
    small_bank.transfer_faults = [409]
    journey = Bank(client, customers=1)
    while not small_bank.sent_keys:
        await walk(journey, 1, seed=small_bank.requests.total())
    outcome = await journey.finish(60)
    assert len(small_bank.sent_keys) == 1
    assert (outcome["refused"], outcome["acknowledged"], outcome["given_up"]) == (1, 0, 0)


async def test_a_lost_and_a_repeated_transfer_are_found(
    small_bank: SmallBank, client: Client
) -> None:
    journey = Bank(client, customers=3)
    await walk(journey, 60)
    lost, repeated = sorted(small_bank.transfers)[:2]
    del small_bank.transfers[lost]
    small_bank.transfers[repeated]["transfer_id"] = 999_999
    outcome = await journey.finish(60)
    assert outcome["missing"] == [lost]
    assert outcome["duplicated"] == [repeated]


async def test_receipts_are_sent_until_they_are_stored(
    small_bank: SmallBank, client: Client
) -> None:
    small_bank.receipt_faults = [503, 500, 503]
    journey = Bank(client, customers=3)
    await walk(journey, 60)
    outcome = await journey.finish(60)
    assert small_bank.receipts == set(small_bank.transfers)
    assert outcome["unconfirmed"] == 0


async def test_a_forgotten_token_leads_to_another_sign_in(
    small_bank: SmallBank, client: Client
) -> None:
    journey = Bank(client, customers=3)
    await walk(journey, 60)
    small_bank.tokens.clear()
    await walk(journey, 60, seed=2)
    outcome = await journey.finish(60)
    assert small_bank.requests["login"] == 6
    assert (outcome["missing"], outcome["given_up"], outcome["unverified"]) == ([], 0, 0)


async def test_what_could_not_be_checked_in_time_is_said(
    small_bank: SmallBank, client: Client
) -> None:
    journey = Bank(client, customers=3)
    await walk(journey, 60)
    count = len(small_bank.transfers)
    small_bank.tokens.clear()
    small_bank.login_faults = [503] * 10_000
    outcome = await journey.finish(0.3)
    assert outcome["acknowledged"] == outcome["unverified"] == count > 0
    assert outcome["missing"] == []
