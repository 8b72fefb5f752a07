"""Customers of the bank: they sign in once, look at their accounts, and move money.

A transfer that failed or got no answer is sent again with the same key, as an app on a phone
would. One that was answered with success is confirmed to the bank (receipts), and looked up
again at the end: it must exist, as the very transfer that was acknowledged.
"""

import asyncio
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

from lab.journeys.client import Answer, Client

CUSTOMERS = 50
PASSWORD = "demo"  # noqa: S105 - the demo customers' published password
AMOUNT_AT_MOST = 1000
ATTEMPTS = 8
RETRY_AT_MOST_SECONDS = 8.0
RETRY_AT_END_SECONDS = 0.5
RECEIPTS_EVERY_SECONDS = 5.0
RECEIPTS_AT_ONCE = 500
CHECKS_AT_ONCE = 16

_MIX = (("accounts", 25), ("history", 25), ("transfer", 30), ("products", 20))


@dataclass
class Customer:
    id: str
    token: str | None = None
    signing_in: bool = False
    accounts: list[str] = field(default_factory=list)


@dataclass
class Transfer:
    """`acknowledged` are the transfer ids that success was answered with: one, or it is wrong."""

    customer: Customer
    key: str
    order: dict[str, Any]
    acknowledged: set[str] = field(default_factory=set)


def journey(client: Client) -> "Bank":
    return Bank(client)


class Bank:
    """The bank's customers. `run_id` makes the keys of each run its own."""

    def __init__(self, client: Client, customers: int = CUSTOMERS) -> None:
        self._client = client
        self._run_id = uuid.uuid4().hex[:12]
        self._customers = [Customer(f"customer-{n:03d}") for n in range(1, customers + 1)]
        self._transfers: dict[str, Transfer] = {}
        self._refused = 0
        self._unconfirmed: defaultdict[str, list[str]] = defaultdict(list)
        self._retries: set[asyncio.Task[None]] = set()
        self._confirmed_at = time.monotonic()
        self._confirming: asyncio.Task[bool] | None = None
        self._ending = asyncio.Event()

    async def step(self, random: Random) -> None:
        customer = random.choice(self._customers)
        wanted = random.choices([name for name, _ in _MIX], weights=[weight for _, weight in _MIX])[
            0
        ]
        self._confirm_when_due()
        if customer.token is None:
            # While the answer to the sign-in is awaited, the public page is looked at.
            await (self._products() if customer.signing_in else self._sign_in(customer))
        elif not customer.accounts or wanted == "accounts":
            await self._look_at_accounts(customer)
        elif wanted == "history":
            account = random.choice(customer.accounts)
            await self._ask(customer, "history", "GET", f"/api/accounts/{account}/history?limit=10")
        elif wanted == "products":
            await self._products()
        else:
            await self._transfer(customer, random)

    async def finish(self, deadline_seconds: float) -> dict[str, Any]:
        """Wait for transfers under way, confirm, and look every acknowledged transfer up."""
        now = time.monotonic()
        retry_until, confirm_until, deadline = (
            now + deadline_seconds * share for share in (1 / 3, 2 / 3, 1)
        )
        self._ending.set()
        if self._retries:
            await asyncio.wait(self._retries, timeout=retry_until - now)
        for retry in self._retries:
            retry.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)
        if self._confirming:
            await self._confirming
        while self._unconfirmed and time.monotonic() < confirm_until:
            if not await self._confirm():
                await asyncio.sleep(RETRY_AT_END_SECONDS)
        return await self._verify(deadline)

    async def _ask(
        self,
        customer: Customer,
        name: str,
        method: str,
        path: str,
        **more: Any,
    ) -> Answer:
        """Ask with the customer's token; a token that is refused is forgotten."""
        token = customer.token
        answer = await self._client.ask(name, method, path, token=token, **more)
        if answer.status == 401 and customer.token == token:
            customer.token = None
        return answer

    async def _sign_in(self, customer: Customer) -> None:
        customer.signing_in = True
        try:
            answer = await self._client.ask(
                "login", "POST", "/api/login", body={"customer": customer.id, "password": PASSWORD}
            )
            customer.token = answer.body.get("token") if answer.status == 200 else None
        finally:
            customer.signing_in = False

    async def _products(self) -> None:
        await self._client.ask("products", "GET", "/api/products")

    async def _look_at_accounts(self, customer: Customer) -> None:
        answer = await self._ask(customer, "accounts", "GET", "/api/accounts")
        if answer.status == 200:
            customer.accounts = [one["account_id"] for one in answer.body["accounts"]]

    async def _transfer(self, customer: Customer, random: Random) -> None:
        sender = random.choice(customer.accounts)
        known = sorted({a for one in self._customers for a in one.accounts} - {sender})
        key = f"{self._run_id}-{len(self._transfers):06d}"
        order = {
            "from_account": sender,
            "to_account": random.choice(known),
            "amount": random.randint(1, AMOUNT_AT_MOST),
            "memo": key,
        }
        transfer = self._transfers[key] = Transfer(customer, key, order)
        if not await self._send(transfer):
            retry = asyncio.create_task(self._send_again(transfer, Random(random.getrandbits(64))))
            self._retries.add(retry)
            retry.add_done_callback(self._retries.discard)

    async def _send_again(self, transfer: Transfer, random: Random) -> None:
        for attempt in range(1, ATTEMPTS):
            pause = min(2.0 ** (attempt - 1), RETRY_AT_MOST_SECONDS) * random.uniform(0.75, 1.25)
            await self._pause(pause)
            if transfer.customer.token is None and not transfer.customer.signing_in:
                await self._sign_in(transfer.customer)
            if await self._send(transfer):
                return

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        except TimeoutError:
            return
        await asyncio.sleep(min(seconds, RETRY_AT_END_SECONDS))

    async def _send(self, transfer: Transfer) -> bool:
        """Send a transfer; whether its answer decided it (made, or refused for good)."""
        answer = await self._ask(
            transfer.customer,
            "transfer",
            "POST",
            "/api/transfers",
            headers={"Idempotency-Key": transfer.key},
            body=transfer.order,
            expected=(200, 201, 409),
        )
        if answer.undecided:
            return False
        if answer.status in {200, 201}:
            transfer.acknowledged.add(str(answer.body.get("transfer_id")))
            self._unconfirmed[transfer.customer.id].append(transfer.key)
        else:
            self._refused += 1
        return True

    def _confirm_when_due(self) -> None:
        due = time.monotonic() - self._confirmed_at >= RECEIPTS_EVERY_SECONDS
        if due and (self._confirming is None or self._confirming.done()):
            self._confirmed_at = time.monotonic()
            self._confirming = asyncio.create_task(self._confirm())

    async def _confirm(self) -> bool:
        """Confirm what is waiting, one request a customer; whether all of it was stored."""
        all_stored = True
        for customer in self._customers:
            keys = self._unconfirmed.get(customer.id, [])[:RECEIPTS_AT_ONCE]
            if not keys:
                continue
            if customer.token is None:
                await self._sign_in(customer)
            answer = await self._ask(
                customer, "receipts", "POST", "/api/receipts", body={"keys": keys}
            )
            if answer.status != 200:
                all_stored = False
                continue
            left = self._unconfirmed[customer.id][len(keys) :]
            if left:
                self._unconfirmed[customer.id] = left
            else:
                del self._unconfirmed[customer.id]
        return all_stored

    async def _verify(self, deadline: float) -> dict[str, Any]:
        acknowledged = [one for one in self._transfers.values() if one.acknowledged]
        waiting = list(reversed(acknowledged))
        missing: list[str] = []
        duplicated: list[str] = []

        async def check_all() -> None:
            while waiting and time.monotonic() < deadline:
                transfer = waiting.pop()
                found = await self._look_up(transfer, deadline)
                if found is None:
                    waiting.append(transfer)
                elif not found:
                    missing.append(transfer.key)
                elif len(transfer.acknowledged | {found}) > 1:
                    duplicated.append(transfer.key)

        await asyncio.gather(*(check_all() for _ in range(CHECKS_AT_ONCE)))
        return {
            "acknowledged": len(acknowledged),
            "missing": sorted(missing),
            "duplicated": sorted(duplicated),
            "unverified": len(waiting),
            "unconfirmed": sum(len(keys) for keys in self._unconfirmed.values()),
            "refused": self._refused,
            "given_up": len(self._transfers) - len(acknowledged) - self._refused,
        }

    async def _look_up(self, transfer: Transfer, deadline: float) -> str | None:
        """The id under which the bank has it, empty when it has none, None without an answer."""
        customer = transfer.customer
        while time.monotonic() < deadline:
            if customer.token is None and not customer.signing_in:
                await self._sign_in(customer)
            answer = await self._ask(
                customer,
                "by-key",
                "GET",
                f"/api/transfers/by-key/{transfer.key}",
                in_truth=False,
            )
            if answer.status == 200:
                return str(answer.body.get("transfer_id"))
            if answer.status == 404:
                return ""
            await asyncio.sleep(RETRY_AT_END_SECONDS)
        return None
