"""A database, and a bank (WAS and web) over it, for the session; fresh customers for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from bank import demo, schema
from bank_testing.processes import Postgres, Service


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    schema.create(server.url, customers=3)
    yield server
    server.remove()


@pytest.fixture(scope="session")
def was(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    log = tmp_path_factory.mktemp("was") / "log"
    service = Service("bank.was", log, DATABASE_URL=postgres.url)
    yield service
    service.stop()


@pytest.fixture(scope="session")
def web(was: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    log = tmp_path_factory.mktemp("web") / "log"
    service = Service("bank.web", log, BANK_WAS_URL=was.url)
    yield service
    service.stop()


_serial = itertools.count(1)
NewCustomer = Callable[[], demo.DemoCustomer]


@pytest.fixture
def new_customer(postgres: Postgres) -> NewCustomer:
    """Makes a customer whom no other test knows, with two accounts of 1,000,000 won."""

    def make() -> demo.DemoCustomer:
        number = next(_serial)
        made = demo.DemoCustomer(
            customer_id=f"guest-{number}",
            name_ko="홍길동",
            name_en="Gildong Hong",
            checking=f"910-{number:03d}-000000",
            savings=f"920-{number:03d}-000000",
        )
        with psycopg.connect(postgres.url) as connection:
            schema.add_customers(connection, [made])
        return made

    return make


@pytest.fixture
def customer(new_customer: NewCustomer) -> demo.DemoCustomer:
    return new_customer()


@pytest.fixture
def anonymous(web: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, timeout=60) as client:
        yield client


SignIn = Callable[[str], dict[str, str]]


@pytest.fixture
def sign_in(anonymous: httpx.Client) -> SignIn:
    """Headers that carry a customer's token."""

    def headers(customer_id: str) -> dict[str, str]:
        reply = anonymous.post("/api/login", json={"customer": customer_id, "password": "demo"})
        assert reply.status_code == 200, reply.text
        return {"Authorization": f"Bearer {reply.json()['token']}"}

    return headers


@pytest.fixture
def api(anonymous: httpx.Client, sign_in: SignIn, customer: demo.DemoCustomer) -> httpx.Client:
    """The API, signed in as `customer`."""
    anonymous.headers.update(sign_in(customer.customer_id))
    return anonymous


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "log"
