"""The kill switch as a parameter: only one that does not exist lets runs start."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from botocore.stub import Stubber

from steadystate.adapters import aws
from steadystate.adapters.switch import KillSwitch
from steadystate.contracts import Halt
from steadystate.errors import Halted, TransientError

_NUMBERS = count()


@pytest.fixture
def name() -> str:
    return f"/steadystate/stack-{next(_NUMBERS)}/halt"


def test_it_is_read_back_as_it_was_set_and_cleared_twice_without_harm(
    connected: Any, name: str
) -> None:
    switch = KillSwitch(name)
    assert switch.halt() is None
    halt = Halt(who="kim", why='"정기" 점검', when=datetime(2026, 11, 21, 8, tzinfo=UTC))
    switch.set(halt)
    assert switch.halt() == halt
    assert str(halt) == 'halted by kim since 2026-11-21 08:00:00 UTC: "정기" 점검'
    later = Halt(who="lee")
    switch.set(later)
    assert switch.halt() == later
    assert str(later) == "halted by lee: no reason given"
    switch.clear()
    switch.clear()
    assert switch.halt() is None


@pytest.mark.parametrize("value", ["true", "{}", '{"who": 5}', "stop everything", "false"])
def test_a_value_that_nobody_can_read_halts_all_the_same(
    connected: Any, name: str, value: str
) -> None:
    ssm = connected.client("ssm")
    ssm.put_parameter(Name=name, Value=value, Type="String")
    assert KillSwitch(name).halt() == Halt(who="somebody", why=value)


def test_one_that_may_not_be_read_halts(connected: Any, name: str) -> None:
    with Stubber(aws.client("ssm")) as stub:
        stub.add_client_error("get_parameter", "AccessDeniedException")
        with pytest.raises(
            Halted, match=r"cannot be read .AccessDeniedException.*ssm:GetParameter"
        ):
            KillSwitch(name).halt()


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_one_that_cannot_be_read_now_is_a_passing_fault(
    connected: Any, name: str, code: str
) -> None:
    with Stubber(aws.client("ssm")) as stub:
        stub.add_client_error("get_parameter", code)
        with pytest.raises(TransientError, match=code):
            KillSwitch(name).halt()
