"""Between clients and two instances: everybody gets everything, once, in the same order."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import httpx

from chat_testing.client import Listener, join
from chat_testing.processes import Instance


async def test_a_message_reaches_every_member_on_any_instance_and_the_sender_once(
    blue: Instance, green: Instance, room: str
) -> None:
    async with AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(Listener(at, await join(at), {room: 0}))
            for at in (blue, blue, green, green)
        ]
        sent = await listeners[0].send(room, "안녕하세요")
        assert (sent["type"], sent["seq"], sent["repeated"]) == ("sent", 1, False)
        for listener in listeners:
            await listener.until(lambda one=listener: bool(one.heard(room)))  # type: ignore[misc]
        answer = await listeners[3].send(room, "반가워요")
        assert answer["seq"] == 2
        for listener in listeners:
            await listener.until(lambda one=listener: len(one.heard(room)) == 2)  # type: ignore[misc]
            assert listener.heard(room) == [(1, "안녕하세요"), (2, "반가워요")]


async def test_everybody_sees_the_same_order_when_many_speak_at_once_on_two_instances(
    blue: Instance, green: Instance, room: str
) -> None:
    speakers, each = 4, 6
    async with AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(Listener(at, await join(at), {room: 0}))
            for at in (blue, green) * (speakers // 2)
        ]

        async def speak(number: int) -> None:
            for count in range(each):
                answer = await listeners[number].send(room, f"{number}:{count}")
                assert answer["type"] == "sent", answer

        await asyncio.gather(*(speak(number) for number in range(speakers)))
        for listener in listeners:
            await listener.until(lambda one=listener: len(one.heard(room)) >= speakers * each)  # type: ignore[misc]
        first = listeners[0].heard(room)
        assert [seq for seq, _ in first] == list(range(1, speakers * each + 1))
        assert all(listener.heard(room) == first for listener in listeners)
        for number in range(speakers):
            own = [text for _, text in first if text.startswith(f"{number}:")]
            assert own == [f"{number}:{count}" for count in range(each)]


async def test_a_message_sent_twice_with_one_id_is_stored_and_delivered_once(
    blue: Instance, green: Instance, room: str
) -> None:
    user = await join(blue)
    async with Listener(blue, user, {room: 0}) as one, Listener(green, user, {room: 0}) as other:
        first = await one.send(room, "once", "id-1")
        again = await other.send(room, "once", "id-1")
        assert (again["seq"], again["repeated"]) == (first["seq"], True)
        async with httpx.AsyncClient(base_url=green.url, timeout=60) as client:
            answer = await client.post(
                f"/api/rooms/{room}/messages",
                json={"id": "id-1", "text": "once"},
                headers={"Authorization": f"Bearer {user['token']}"},
            )
        assert (answer.status_code, answer.json()["seq"]) == (200, 1)
        changed = await one.send(room, "another text", "id-1")
        assert (changed["type"], changed["error"]) == ("error", "id_reused")
        assert (await one.send(room, "next"))["seq"] == 2
        for listener in (one, other):
            await listener.until(lambda it=listener: len(it.heard(room)) == 2)  # type: ignore[misc]
            assert listener.heard(room) == [(1, "once"), (2, "next")]


async def test_the_same_id_from_all_sides_at_once_becomes_one_message(
    blue: Instance, green: Instance, room: str
) -> None:
    user = await join(blue)
    async with AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(Listener(at, user, {room: 0}))
            for at in (blue, green, blue, green)
        ]
        answers = await asyncio.gather(*(one.send(room, "now", "same") for one in listeners))
        assert {answer["seq"] for answer in answers} == {1}
        assert [answer["repeated"] for answer in answers].count(False) <= 1


async def test_another_users_same_id_is_another_message(blue: Instance, room: str) -> None:
    async with (
        Listener(blue, await join(blue), {room: 0}) as one,
        Listener(blue, await join(blue), {room: 0}) as other,
    ):
        assert (await one.send(room, "mine", "1"))["seq"] == 1
        assert (await other.send(room, "mine too", "1"))["seq"] == 2


async def test_a_client_that_comes_back_on_the_other_instance_gets_what_it_missed_and_no_more(
    blue: Instance, green: Instance, room: str
) -> None:
    user = await join(blue)
    async with Listener(blue, await join(blue), {room: 0}) as speaker:
        async with Listener(blue, user, {room: 0}) as listener:
            for count in range(1, 4):
                await speaker.send(room, str(count))
            await listener.until(lambda: len(listener.heard(room)) == 3)
            listener.cut()
        for count in range(4, 8):
            await speaker.send(room, str(count))
        async with Listener(green, user, {room: 3}) as back:
            await speaker.send(room, "8")
            await back.until(lambda: bool(back.heard(room)) and back.heard(room)[-1][0] == 8)
            assert back.heard(room) == [(n, str(n)) for n in range(4, 9)]
            joined = back.of("joined")[0]
            assert joined["after"] == 3


async def test_a_new_member_sees_the_newest_fifty(blue: Instance, room: str) -> None:
    user = await join(blue)
    async with Listener(blue, user, {}) as speaker:
        for count in range(1, 56):
            await speaker.send(room, str(count))
    async with Listener(blue, user, {room: None}) as listener:
        await listener.until(lambda: len(listener.heard(room)) >= 50)
        assert [seq for seq, _ in listener.heard(room)] == list(range(6, 56))


async def test_only_rooms_that_were_joined_and_not_left_are_heard(
    blue: Instance, room: str
) -> None:
    other = f"{room}-other"
    user = await join(blue)
    async with Listener(blue, user, {room: 0}) as listener:
        await listener.send(other, "not heard")
        await listener.say({"type": "join", "room": other, "after": 1})
        await listener.until(lambda: len(listener.of("joined")) == 2)
        await listener.send(other, "heard")
        await listener.until(lambda: bool(listener.heard(other)))
        await listener.say({"type": "leave", "room": other})
        await listener.until(lambda: bool(listener.of("left")))
        await listener.send(other, "not heard either")
        await listener.send(room, "last")
        await listener.until(lambda: bool(listener.heard(room)))
        assert listener.heard(other) == [(2, "heard")]


async def test_a_position_beyond_the_history_is_taken_back_to_its_end(
    blue: Instance, room: str
) -> None:
    async with Listener(blue, await join(blue), {room: 99}) as listener:
        assert listener.of("joined")[0]["after"] == 0
        await listener.send(room, "one")
        await listener.until(lambda: bool(listener.heard(room)))
