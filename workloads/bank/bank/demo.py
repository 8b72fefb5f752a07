"""The demo customers: invented names, one password, two accounts each with an opening deposit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

CUSTOMERS: Final = 200
PASSWORD: Final = "demo"  # noqa: S105 (public: for demonstrations)
OPENING_DEPOSIT: Final = 1_000_000
INTERNAL_ACCOUNT: Final = "000-000-000000"

_FAMILY_NAMES: Final = (
    ("김", "Kim"), ("이", "Lee"), ("박", "Park"), ("최", "Choi"), ("정", "Jung"),
    ("강", "Kang"), ("조", "Cho"), ("윤", "Yoon"), ("장", "Jang"), ("임", "Lim"),
)  # fmt: skip
_GIVEN_NAMES: Final = (
    ("서연", "Seoyeon"), ("민준", "Minjun"), ("지우", "Jiwoo"), ("하준", "Hajun"),
    ("수아", "Sua"), ("도윤", "Doyoon"), ("예린", "Yerin"), ("시우", "Siwoo"),
    ("하은", "Haeun"), ("주원", "Juwon"), ("채원", "Chaewon"), ("건우", "Gunwoo"),
    ("유나", "Yuna"), ("현우", "Hyunwoo"), ("다인", "Dain"), ("준서", "Junseo"),
    ("소율", "Soyul"), ("은호", "Eunho"), ("나은", "Naeun"), ("태오", "Taeo"),
)  # fmt: skip


@dataclass(frozen=True)
class DemoCustomer:
    customer_id: str
    name_ko: str
    name_en: str
    checking: str
    savings: str


def customers(count: int = CUSTOMERS) -> Iterator[DemoCustomer]:
    """`customer-001`, `customer-002`, …: always the same ones."""
    for number in range(1, count + 1):
        family = _FAMILY_NAMES[(number - 1) % len(_FAMILY_NAMES)]
        given = _GIVEN_NAMES[(number - 1) * 7 // 10 % len(_GIVEN_NAMES)]
        serial = number * 7919 % 1_000_000
        yield DemoCustomer(
            customer_id=f"customer-{number:03d}",
            name_ko=family[0] + given[0],
            name_en=f"{given[1]} {family[1]}",
            checking=f"110-{number:03d}-{serial:06d}",
            savings=f"120-{number:03d}-{serial:06d}",
        )
