"""A room's copy on an instance: whatever arrives in whatever way, it follows the one log."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.messages import Message
from chat.rooms import REMEMBERED, SHOWN_AT_FIRST, Room, Rooms


def message(seq: int) -> Message:
    return Message("lobby", seq, 1000 + seq, f"id-{seq}", "user-1", "Mina", f"text {seq}")


class Log:
    """A room's history as the store has it; `visible` messages are stored by now."""

    def __init__(self, visible: int) -> None:
        self.visible = visible
        self.queries = 0

    async def heads(self, rooms: Any) -> dict[str, int]:
        return dict.fromkeys(rooms, self.visible)

    async def after(self, _: str, seq: int, limit: int) -> list[Message]:
        self.queries += 1
        await asyncio.sleep(0)
        return [message(n) for n in range(seq + 1, min(self.visible, seq + limit) + 1)]

    def saw(self, _: Message) -> None:
        """The store's own memory of heads: of no use here."""


async def everything(room: Room, seq: int) -> list[int]:
    found: list[int] = []
    while some := await room.after(found[-1] if found else seq):
        found += [one.seq for one in some]
    return found


async def test_a_room_opens_at_its_end_and_reads_older_ones_from_the_history() -> None:
    room = Room("lobby", Log(120))  # type: ignore[arg-type]
    await room.open()
    assert room.tail == 120
    assert await everything(room, 120 - SHOWN_AT_FIRST) == list(range(71, 121))
    assert await everything(room, 0) == list(range(1, 121))
    assert await everything(room, 120) == []


async def test_a_room_keeps_only_so_many_and_still_gives_all() -> None:
    log = Log(0)
    room = Room("lobby", log)  # type: ignore[arg-type]
    await room.open()
    for seq in range(1, REMEMBERED + 101):
        log.visible = seq
        room.offer(message(seq))
    assert len(room._newest) == REMEMBERED
    assert await everything(room, 0) == list(range(1, REMEMBERED + 101))


async def test_a_message_behind_a_missing_one_is_held_until_that_is_read() -> None:
    log = Log(0)
    rooms = Rooms(log, lambda: True)  # type: ignore[arg-type]
    woken = asyncio.Event()
    room = await rooms.listen("lobby", woken.set)
    log.visible = 3
    rooms.offer(message(3))
    assert (room.tail, woken.is_set()) == (0, False)
    async with asyncio.timeout(60):
        while room.tail < 3:
            woken.clear()
            await woken.wait()
    await rooms.close()


async def test_the_history_is_read_from_memory_only_when_that_has_all_of_it() -> None:
    log = Log(3)
    rooms = Rooms(log, lambda: True)  # type: ignore[arg-type]

    async def read(seq: int | None, limit: int = 10) -> list[int]:
        return [one.seq for one in await rooms.read("lobby", seq, limit)]

    assert await read(0) == [1, 2, 3]  # nobody listens: nothing is in memory
    await rooms.listen("lobby", lambda: None)
    queries = log.queries
    assert (await read(0), await read(1, 1), await read(3)) == ([1, 2, 3], [2], [])
    assert log.queries == queries
    log.visible = 5  # stored elsewhere, not heard here yet
    assert (await read(3), await read(None, 2)) == ([4, 5], [4, 5])
    assert log.queries == queries + 2


async def test_a_room_that_nobody_listens_to_is_let_go() -> None:
    rooms = Rooms(Log(5), lambda: True)  # type: ignore[arg-type]

    def listener() -> None:
        return

    room = await rooms.listen("lobby", listener)
    assert await rooms.listen("lobby", listener) is room
    rooms.leave(room, listener)
    assert await rooms.listen("lobby", listener) is not room


steps = st.lists(
    st.one_of(
        st.tuples(st.just("store"), st.integers(1, 4)),
        st.tuples(st.just("hear"), st.integers(1, 30)),
        st.tuples(st.just("catch up"), st.just(0)),
        st.tuples(st.just("read"), st.just(0)),
        st.tuples(st.just("reconnect"), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 120), steps)
def test_a_reader_hears_each_message_once_in_order_whatever_is_lost_late_or_doubled(
    stored_before: int, plan: list[tuple[str, int]]
) -> None:
    """Redis may lose, repeat and reorder; the reader may go to another instance at any time."""

    async def play() -> None:
        log = Log(stored_before)
        instances = [Room("lobby", log), Room("lobby", log)]  # type: ignore[arg-type]
        for one in instances:
            await one.open()
        at, heard = 0, [0]
        for what, amount in plan:
            room = instances[at]
            if what == "store":
                log.visible += amount
            elif what == "hear":
                if amount <= log.visible:
                    room.offer(message(amount + max(0, log.visible - 30)))
            elif what == "catch up":
                await room.catch_up()
            elif what == "read":
                heard += await everything(room, heard[-1])
            else:
                at = 1 - at
                if heard[-1] > instances[at].tail:
                    await instances[at].catch_up()
                    assert instances[at].tail >= heard[-1]
        await instances[at].catch_up()
        heard += await everything(instances[at], heard[-1])
        assert heard == list(range(log.visible + 1))

    asyncio.run(play())
