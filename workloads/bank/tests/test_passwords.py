from __future__ import annotations

import hashlib
from unittest.mock import patch

from bank.passwords import PasswordChecks, hash_password, password_is_right

STORED = hash_password("right", cost_log2=4)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_hash_fits_its_password_only_and_is_salted() -> None:
    assert password_is_right("right", STORED)
    assert not password_is_right("Right", STORED)
    assert hash_password("right", cost_log2=4) != STORED


async def test_a_right_password_is_hashed_once_in_five_minutes() -> None:
    clock = Clock()
    checks = PasswordChecks(clock)
    with patch.object(hashlib, "scrypt", wraps=hashlib.scrypt) as scrypt:
        for _ in range(5):
            assert await checks.check("c", "right", STORED)
        assert scrypt.call_count == 1
        clock.now += 301
        assert await checks.check("c", "right", STORED)
        assert scrypt.call_count == 2
    checks.close()


async def test_a_changed_password_ends_the_old_ones_memory() -> None:
    checks = PasswordChecks(Clock())
    assert await checks.check("c", "right", STORED)
    assert not await checks.check("c", "right", hash_password("new", cost_log2=4))
    checks.close()


async def test_wrong_passwords_and_unknown_customers_always_cost_a_hash() -> None:
    checks = PasswordChecks(Clock())
    assert not await checks.check("nobody", "x", None)
    with patch.object(hashlib, "scrypt", wraps=hashlib.scrypt) as scrypt:
        for stored in (STORED, STORED, None, None):
            assert not await checks.check("c", "wrong", stored)
        assert scrypt.call_count == 4
    checks.close()


async def test_the_lock_ends_a_minute_after_the_tenth_last_failure() -> None:
    clock = Clock()
    checks = PasswordChecks(clock)
    for _ in range(10):
        assert checks.locked_for_seconds("c") == 0
        await checks.check("c", "wrong", STORED)
    assert checks.locked_for_seconds("c") == 60
    assert checks.locked_for_seconds("other") == 0
    clock.now += 60
    assert checks.locked_for_seconds("c") == 0
    checks.close()
