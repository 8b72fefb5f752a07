"""Redis away, instances that go or are killed, and the switchable defects."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from random import Random

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from chat_testing.client import Listener, join
from chat_testing.processes import Instance, Redis, StartInstance, wait_until


def redis_state(instance: Instance) -> str:
    state: str = httpx.get(f"{instance.url}/health/deep", timeout=60).json()["redis"]
    return state


async def until_redis_is(state: str, *instances: Instance) -> None:
    for one in instances:
        await asyncio.to_thread(
            wait_until, lambda one=one: redis_state(one) == state, f"Redis is {state}"
        )


@pytest.mark.parametrize("away", ["dead", "hung"])
async def test_without_redis_messages_are_stored_and_delivered_and_with_it_again_too(
    start_instance: StartInstance, tmp_path: Path, room: str, away: str
) -> None:
    redis = Redis(tmp_path / "redis.log")
    one, other = start_instance(redis.url), start_instance(redis.url)
    try:
        await until_redis_is("ok", one, other)
        async with (
            Listener(one, await join(one), {room: 0}) as speaker,
            Listener(other, await join(other), {room: 0}) as listener,
        ):
            await speaker.send(room, "with")
            await listener.until(lambda: len(listener.heard(room)) == 1)
            if away == "dead":
                redis.kill()
            else:
                redis.process.send_signal(signal.SIGSTOP)
            assert (await speaker.send(room, "without"))["type"] == "sent"
            await listener.until(lambda: len(listener.heard(room)) == 2)
            await until_redis_is("unavailable", other)
            health = await asyncio.to_thread(httpx.get, f"{other.url}/health/deep", timeout=60)
            assert (health.status_code, health.json()["status"]) == (200, "degraded")
            if away == "dead":
                redis.start()
            else:
                redis.process.send_signal(signal.SIGCONT)
            await until_redis_is("ok", one, other)
            await speaker.send(room, "with again")
            await listener.until(lambda: len(listener.heard(room)) == 3)
            for heard in (speaker.heard(room), listener.heard(room)):
                assert heard == [(1, "with"), (2, "without"), (3, "with again")]
    finally:
        redis.stop()


async def until_draining(instance: Instance) -> None:
    instance.terminate()
    await asyncio.to_thread(
        wait_until,
        lambda: httpx.get(f"{instance.url}/health", timeout=60).status_code == 503,
        "draining",
    )


async def test_after_sigterm_connections_live_on_and_new_ones_are_refused(
    start_instance: StartInstance, room: str
) -> None:
    instance = start_instance(CHAT_DRAIN_SECONDS="600")
    user = await join(instance)
    async with Listener(instance, user, {room: 0}) as listener:
        await until_draining(instance)
        with pytest.raises(InvalidStatus) as refused:
            await connect(instance.socket_url, proxy=None)
        assert refused.value.response.status_code == 503
        assert (await listener.send(room, "still here"))["type"] == "sent"
        await listener.until(lambda: bool(listener.heard(room)))


async def test_connections_that_are_left_when_the_draining_is_over_are_closed_with_1012(
    start_instance: StartInstance, room: str
) -> None:
    instance = start_instance(CHAT_DRAIN_SECONDS="1")
    async with Listener(instance, await join(instance), {room: 0}) as listener:
        began = time.monotonic()
        instance.terminate()
        await listener.until(lambda: listener.closed_with is not None)
        assert listener.closed_with == 1012
        assert time.monotonic() - began >= 1
    assert await asyncio.to_thread(instance.process.wait, 60) == 0


async def test_a_drained_instance_ends_as_soon_as_its_last_connection_has_gone(
    start_instance: StartInstance, room: str
) -> None:
    instance = start_instance(CHAT_DRAIN_SECONDS="600")
    async with Listener(instance, await join(instance), {room: 0}):
        await until_draining(instance)
        with pytest.raises(subprocess.TimeoutExpired):
            await asyncio.to_thread(instance.process.wait, 0.3)
    assert await asyncio.to_thread(instance.process.wait, 60) == 0


async def test_a_killed_instance_loses_nothing_that_it_acknowledged(
    start_instance: StartInstance, blue: Instance, room: str
) -> None:
    instance = start_instance()
    user = await join(instance)
    acknowledged = []
    async with Listener(instance, user, {room: 0}) as listener:
        for count in range(1, 6):
            acknowledged.append((await listener.send(room, str(count)))["seq"])
        instance.kill()
        await listener.until(lambda: listener.closed_with is not None)
        last = listener.heard(room)[-1][0] if listener.heard(room) else 0
        first = listener.heard(room)
    async with Listener(blue, user, {room: last}) as back:
        await back.until(lambda: len(first) + len(back.heard(room)) >= 5)
        assert [seq for seq, _ in first + back.heard(room)] == acknowledged == [1, 2, 3, 4, 5]


async def test_connections_that_break_all_the_time_still_hear_all_once_in_order(
    blue: Instance, green: Instance, room: str
) -> None:
    """Three members whose connections are cut at random moments while two others speak."""
    random, total = Random(7), 40
    heard: dict[int, list[tuple[int, str]]] = {n: [] for n in range(3)}
    cuts = Counter[int]()

    async def speak(at: Instance, label: str) -> None:
        async with Listener(at, await join(at), {}) as speaker:
            for count in range(total // 2):
                assert (await speaker.send(room, f"{label}{count}"))["type"] == "sent"

    async def listen(number: int) -> None:
        user = await join(blue)
        while not heard[number] or heard[number][-1][0] < total:
            last = heard[number][-1][0] if heard[number] else 0
            at = random.choice((blue, green))
            async with Listener(at, user, {room: last}) as listener:
                wanted = min(total, last + random.randint(1, 12))
                await listener.until(
                    lambda wanted=wanted, listener=listener: (
                        bool(listener.heard(room)) and listener.heard(room)[-1][0] >= wanted
                    )
                )
                listener.cut()
                cuts[number] += 1
                # What came with the cut was never looked at.
                heard[number] += [one for one in listener.heard(room) if one[0] <= wanted]

    await asyncio.gather(speak(blue, "b"), speak(green, "g"), *(listen(n) for n in heard))
    assert min(cuts.values()) >= 3
    assert [seq for seq, _ in heard[0]] == list(range(1, total + 1))
    assert heard[0] == heard[1] == heard[2]


async def test_the_defect_of_errors_fails_its_share_of_requests_and_sends_but_not_health(
    start_instance: StartInstance, blue: Instance, room: str
) -> None:
    instance = start_instance(CHAT_DEFECT="errors:1", CHAT_VERSION="green")
    async with httpx.AsyncClient(base_url=instance.url, timeout=60) as client:
        answer = await client.get(f"/api/rooms/{room}/messages")
        assert (answer.status_code, answer.headers["x-chat-version"]) == (500, "green")
        assert (await client.get("/health")).status_code == 200
    with pytest.raises(InvalidStatus) as refused:
        await connect(instance.socket_url, proxy=None)
    assert refused.value.response.status_code == 500
    half = start_instance(CHAT_DEFECT="errors:0.5")
    user = await join(blue)
    async with httpx.AsyncClient(base_url=half.url, timeout=60) as client:
        statuses = Counter(
            [(await client.get(f"/api/rooms/{room}/messages")).status_code for _ in range(60)]
        )
    assert 10 < statuses[500] < 50, user


async def test_the_defect_of_slowness_adds_its_seconds(
    start_instance: StartInstance, room: str
) -> None:
    instance = start_instance(CHAT_DEFECT="slow:0.3")
    user = await join(instance)
    async with Listener(instance, user, {room: 0}) as listener:
        started = time.monotonic()
        await listener.send(room, "slow")
        assert time.monotonic() - started >= 0.3


async def test_the_defect_of_drops_breaks_connections_without_a_word(
    start_instance: StartInstance, room: str
) -> None:
    instance = start_instance(CHAT_DEFECT="drop:1")
    async with Listener(instance, await join(instance), {room: 0}) as listener:
        await listener.say({"type": "ping"})
        await listener.until(lambda: listener.closed_with is not None)
        assert listener.closed_with == 1006
