"""The order of a room: gapless, the same for all, also when a writer dies half way."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.messages import Draft, Message, RefusedError
from chat.store import Store, StoreUnavailableError

pytestmark = pytest.mark.usefixtures("store_environment")
MakeStore = Callable[..., Store]


@pytest.fixture
async def make_store() -> AsyncIterator[MakeStore]:
    made: list[Store] = []

    def make(kind: type[Store] = Store, **more: Any) -> Store:
        made.append(kind("chat-", **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def draft(number: object, text: str = "hello", user: str = "user-1") -> Draft:
    return Draft(str(number), user, "Mina", text)


class DiesBeforeCopying(Store):
    """A writer that dies when the message has got its place, but nobody was told."""

    async def _copy(self, message: Message) -> None:
        raise StoreUnavailableError("died")


async def test_a_message_of_a_writer_that_died_half_way_is_in_the_history(
    make_store: MakeStore, room: str
) -> None:
    with pytest.raises(StoreUnavailableError):
        await make_store(DiesBeforeCopying).append(room, draft(1))
    reader = make_store()
    assert [m.id for m in await reader.after(room, 0, 10)] == ["1"]
    assert await reader.heads([room]) == {room: 1}


async def test_sending_again_after_a_writer_died_gives_the_same_message(
    make_store: MakeStore, room: str
) -> None:
    with pytest.raises(StoreUnavailableError):
        await make_store(DiesBeforeCopying).append(room, draft(1))
    message, is_new = await make_store().append(room, draft(1))
    assert (message.seq, is_new) == (1, False)


async def test_the_next_writer_finishes_what_the_dead_one_began(
    make_store: MakeStore, room: str
) -> None:
    with pytest.raises(StoreUnavailableError):
        await make_store(DiesBeforeCopying).append(room, draft(1))
    await make_store().append(room, draft(2))
    found = await make_store().after(room, 0, 10)
    assert [(m.seq, m.id) for m in found] == [(1, "1"), (2, "2")]


async def test_a_history_with_a_hole_ends_before_it(make_store: MakeStore, room: str) -> None:
    """A copy under way: what is behind it must not be shown before it."""
    store = make_store()
    stored = [(await store.append(room, draft(n)))[0] for n in range(1, 5)]
    key = {"roomId": room, "timestamp": stored[1].timestamp}
    item = store._messages.get_item(Key=key)["Item"]
    store._messages.delete_item(Key=key)
    assert [m.seq for m in await store.after(room, 0, 10)] == [1]
    store._messages.put_item(Item=item)
    assert [m.seq for m in await store.after(room, 0, 10)] == [1, 2, 3, 4]


async def test_timestamps_rise_with_the_sequence_when_a_clock_goes_back(
    make_store: MakeStore, room: str
) -> None:
    times = iter([2000.0] * 3 + [1000.0] * 100)
    store = make_store(clock=lambda: next(times))
    stored = [(await store.append(room, draft(n)))[0] for n in range(4)]
    stamps = [message.timestamp for message in stored]
    assert stamps == sorted(set(stamps))
    assert stamps[0] == 2_000_000


class Waits(Store):
    """A writer that may have to wait for its place, and knows how many took one at a time."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.go, self.waiting, self.most = asyncio.Event(), 0, 0

    async def _replace_head(self, message: Message) -> bool:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await self.go.wait()
        try:
            return await super()._replace_head(message)
        finally:
            self.waiting -= 1


async def test_messages_of_a_room_are_stored_one_after_the_other_however_many_wait(
    make_store: MakeStore, room: str
) -> None:
    store = make_store(Waits)
    store.go.set()
    stored = []

    async def send(number: int) -> None:
        stored.append(await store.append(room, draft(number)))
        stored.append(await store.append(room, draft(f"{number} again")))

    await asyncio.gather(*(send(n) for n in range(5)))
    assert sorted(m.seq for m, _ in stored) == list(range(1, 11))
    assert store.most == 1


async def test_a_message_that_waits_too_long_for_its_turn_is_given_up_and_may_be_sent_again(
    make_store: MakeStore, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.store.TURN_SECONDS", 0.05)
    store = make_store(Waits)
    first = asyncio.create_task(store.append(room, draft(1)))
    await asyncio.sleep(0)  # it has the room now
    with pytest.raises(StoreUnavailableError, match="too many"):
        await store.append(room, draft(2))
    store.go.set()
    assert (await first)[0].seq == 1
    assert (await store.append(room, draft(2)))[0].seq == 2


async def test_an_id_that_was_used_for_another_text_is_refused(
    make_store: MakeStore, room: str
) -> None:
    store = make_store()
    await store.append(room, draft(1, "one"))
    with pytest.raises(RefusedError) as refused:
        await store.append(room, draft(1, "two"))
    assert (refused.value.status, refused.value.code) == (409, "id_reused")


async def test_user_ids_are_counted_up_over_all_instances(make_store: MakeStore) -> None:
    stores = [make_store() for _ in range(3)]
    ids = await asyncio.gather(*(one.new_user_id() for one in stores for _ in range(5)))
    numbers = sorted(int(one.removeprefix("user-")) for one in ids)
    assert numbers == list(range(numbers[0], numbers[0] + 15))


async def test_a_users_messages_and_connections_are_found_by_the_user(
    make_store: MakeStore, room: str
) -> None:
    store, user = make_store(), f"user-{uuid.uuid4().hex}"
    for number in range(3):
        await store.append(f"{room}-{number}", draft(number, user=user))
    assert [m.id for m in await store.of_user(user, 2)] == ["2", "1"]
    await store.connected({"connectionId": "a", "userId": user})
    await store.connected({"connectionId": "b", "userId": user})
    await store.disconnected("a")
    assert [one["connectionId"] for one in await store.connections_of(user)] == ["b"]
    late = make_store(clock=lambda: 9e12)
    assert await late.connections_of(user) == []


async def test_a_store_that_is_not_there_is_said_to_be(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreUnavailableError):
        await make_store().append(room, draft(1))


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), min_size=1, max_size=12))
def test_any_mix_of_writers_deaths_and_repeats_stores_each_id_once_without_a_gap(
    sends: list[tuple[int, int]],
) -> None:
    """Writers 0 and 1 live, writer 2 dies half way; all send at once, ids repeat."""

    async def play() -> None:
        room = f"mix-{uuid.uuid4().hex[:12]}"
        writers = [Store("chat-"), Store("chat-"), DiesBeforeCopying("chat-")]

        async def send(writer: int, number: int) -> Message | None:
            try:
                return (await writers[writer].append(room, draft(number)))[0]
            except StoreUnavailableError:
                return None

        answers = await asyncio.gather(*(send(*one) for one in sends))
        again = await asyncio.gather(*(send(0, number) for _, number in sends))
        found = await writers[1].after(room, 0, 100)
        for writer in writers:
            writer.close()
        assert [m.seq for m in found] == list(range(1, len(found) + 1))
        assert sorted(m.id for m in found) == sorted({str(number) for _, number in sends})
        by_id = {m.id: m for m in found}
        for message in (*answers, *again):
            assert message is None or by_id[message.id] == message

    asyncio.run(play())
