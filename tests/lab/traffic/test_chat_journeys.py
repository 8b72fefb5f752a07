"""Users of the chat, against a small chat on loopback that can fail, and against the real one."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from hypothesis import given
from hypothesis import strategies as st

from lab.journeys import chat as chat_journey
from lab.journeys.chat import Chat, Said, User, compare
from lab.journeys.client import Client, TruthFile


class SmallChat:
    """Rooms in a list. Faults are used up one by one; `unheard` and `twice` are sequences that
    members do not get or get twice,
    and `swapped` change places with the next."""

    def __init__(self) -> None:
        self.rooms: dict[str, list[dict[str, Any]]] = {}
        self.sockets: dict[web.WebSocketResponse, list[Any]] = {}
        self.send_faults: list[int | str] = []
        self.connect_faults: list[int] = []
        self.unheard: set[int] = set()
        self.twice: set[int] = set()
        self.swapped: set[int] = set()
        self.connected = asyncio.Event()
        self.url = ""

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/api/join", self.join)
        app.router.add_get("/api/version", self.version)
        app.router.add_get("/api/rooms/{room}/messages", self.read)
        app.router.add_post("/api/rooms/{room}/messages", self.post)
        app.router.add_get("/ws", self.connect)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def join(self, request: web.Request) -> web.Response:
        name = (await request.json())["name"]
        return web.json_response({"token": f"token of {name}"}, status=201)

    async def version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": "blue"})

    async def read(self, request: web.Request) -> web.Response:
        after, limit = int(request.query["after"]), int(request.query["limit"])
        found = self.rooms.get(request.match_info["room"], [])
        return web.json_response({"messages": found[after : after + limit]})

    async def post(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("Bearer token of ")
        body = await request.json()
        fault = self.send_faults.pop(0) if self.send_faults else None
        if isinstance(fault, int):
            return web.json_response({}, status=fault)
        message, is_new = await self.store(request.match_info["room"], body)
        if fault == "drop":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(message, status=201 if is_new else 200)

    async def store(self, room: str, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        messages = self.rooms.setdefault(room, [])
        for known in messages:
            if known["id"] == body["id"]:
                return known, False
        message = {"room": room, "seq": len(messages) + 1, "id": body["id"], "text": body["text"]}
        messages.append(message)
        for socket, place in list(self.sockets.items()):
            if place[0] == room:
                await self.tell(socket, place)
        return message, True

    async def tell(self, socket: web.WebSocketResponse, place: list[Any]) -> None:
        while place[1] < len(self.rooms.get(place[0], [])):
            message = self.rooms[place[0]][place[1]]
            place[1] += 1
            times = (
                0 if message["seq"] in self.unheard else 2 if message["seq"] in self.twice else 1
            )
            if message["seq"] in self.swapped and place[1] < len(self.rooms[place[0]]):
                await socket.send_json({"type": "message", **self.rooms[place[0]][place[1]]})
                place[1] += 1
            for _ in range(times):
                await socket.send_json({"type": "message", **message})

    async def connect(self, request: web.Request) -> web.StreamResponse:
        if self.connect_faults:
            return web.Response(status=self.connect_faults.pop(0))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        hello = await socket.receive_json()
        [(room, after)] = hello["rooms"].items()
        await socket.send_json({"type": "welcome"})
        await socket.send_json({"type": "joined", "room": room})
        place = self.sockets[socket] = [room, after]
        self.connected.set()
        await self.tell(socket, place)
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await self.hear(socket, json.loads(frame.data))
        self.sockets.pop(socket, None)
        return socket

    async def hear(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        fault = self.send_faults.pop(0) if self.send_faults else None
        if isinstance(fault, int):
            await socket.send_json({"type": "error", "id": body["id"], "status": fault})
            return
        message, _ = await self.store(body["room"], body)
        if fault == "drop":
            await self.drop(socket, 1011)
        else:
            await socket.send_json({**message, "type": "sent"})

    async def drop(self, socket: web.WebSocketResponse, code: int) -> None:
        self.sockets.pop(socket, None)
        await socket.close(code=code)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_journey, "PAUSE_AT_LEAST_SECONDS", 0.01)
    monkeypatch.setattr(chat_journey, "PAUSE_AT_MOST_SECONDS", 0.05)
    monkeypatch.setattr(chat_journey, "LOOK_SECONDS", 0.01)


@pytest.fixture
async def small_chat() -> AsyncIterator[SmallChat]:
    small = SmallChat()
    runner = await small.start()
    yield small
    await runner.cleanup()


@pytest.fixture
def truth_path(tmp_path: Path) -> Path:
    return tmp_path / "truth.jsonl"


@pytest.fixture
async def client(small_chat: SmallChat, truth_path: Path) -> AsyncIterator[Client]:
    truth = TruthFile(truth_path)
    async with Client(small_chat.url, truth) as client:
        yield client
    truth.close()


async def walk(journey: Chat, steps: int, seed: int = 1) -> None:
    random = Random(seed)
    for _ in range(steps):
        await journey.step(Random(random.getrandbits(64)))


def truth_lines(client: Client, path: Path) -> list[dict[str, Any]]:
    client._truth.flush()
    return [json.loads(line) for line in path.read_text().splitlines()]


def clean(outcome: dict[str, Any]) -> bool:
    kinds = ("missing", "duplicated", "disordered", "drops")
    numbers = ("dropped", "unverified", "refused", "given_up")
    return not any(outcome[kind] for kind in kinds) and not any(outcome[n] for n in numbers)


async def test_all_users_come_in_and_everybody_hears_everything_in_its_room(
    small_chat: SmallChat, client: Client, truth_path: Path
) -> None:
    journey = Chat(client, users=6, users_per_room=3)
    await walk(journey, 100)
    outcome = await journey.finish(60)
    assert clean(outcome), outcome
    sizes = [len(messages) for messages in small_chat.rooms.values()]
    assert len(sizes) == 2
    assert outcome["users"] == 6
    assert outcome["sent"] == outcome["acknowledged"] == sum(sizes) > 30
    assert outcome["heard"] == 3 * sum(sizes)
    names = [line["name"] for line in truth_lines(client, truth_path)]
    assert {"join", "connect", "send", "post", "history", "version"} == set(names)
    assert names.count("connect") == 6


@pytest.mark.parametrize("fault", [500, 503, "drop"])
async def test_a_message_without_a_clear_answer_is_sent_again_with_its_id(
    small_chat: SmallChat, client: Client, fault: Any
) -> None:
    journey = Chat(client, users=3, users_per_room=3)
    await walk(journey, 3)
    small_chat.send_faults = [fault] * 3
    await walk(journey, 30)
    outcome = await journey.finish(60)
    assert small_chat.send_faults == []
    assert outcome["sent"] == outcome["acknowledged"] == sum(map(len, small_chat.rooms.values()))
    assert (outcome["missing"], outcome["duplicated"], outcome["disordered"]) == ([], [], [])


async def test_a_dropped_connection_is_counted_with_its_code_and_nothing_is_lost(
    small_chat: SmallChat, client: Client
) -> None:
    journey = Chat(client, users=3, users_per_room=3)
    await walk(journey, 20)
    for socket, code in zip(list(small_chat.sockets), (1012, 1011), strict=False):
        await small_chat.drop(socket, code)
    await walk(journey, 40, seed=2)
    outcome = await journey.finish(60)
    assert outcome["dropped"] == 2
    assert sorted(drop["code"] for drop in outcome["drops"]) == [1011, 1012]
    assert (outcome["missing"], outcome["duplicated"], outcome["disordered"]) == ([], [], [])


async def test_a_connection_that_is_refused_is_tried_again(
    small_chat: SmallChat, client: Client, truth_path: Path
) -> None:
    small_chat.connect_faults = [503, 500]
    journey = Chat(client, users=1)
    await walk(journey, 1)
    await asyncio.wait_for(small_chat.connected.wait(), 60)
    await walk(journey, 10)
    assert clean(await journey.finish(60))
    lines = truth_lines(client, truth_path)
    connects = [(line["status"], line["ok"]) for line in lines if line["name"] == "connect"]
    assert connects == [(503, False), (500, False), (101, True)]


@pytest.mark.parametrize(
    ("fault", "where"),
    [("unheard", "missing"), ("twice", "duplicated"), ("swapped", "disordered")],
)
async def test_what_a_member_does_not_get_gets_twice_or_out_of_order_is_found(
    small_chat: SmallChat, client: Client, fault: str, where: str
) -> None:
    journey = Chat(client, users=2, users_per_room=2)
    await walk(journey, 1)  # the second one comes when the messages are there, and gets them all
    user = journey._users[0]
    for _ in range(4):
        await journey._say(user, "post", Random(1))
    setattr(small_chat, fault, {2})
    await walk(journey, 1)
    outcome = await journey.finish(60)
    message = small_chat.rooms[user.room][1]["id"]
    assert outcome[where] == [f"{message}@user 1"]
    others = {"missing", "duplicated", "disordered"} - {where}
    assert all(outcome[other] == [] for other in others), outcome


async def test_an_acknowledged_message_that_the_history_lacks_is_lost(
    small_chat: SmallChat, client: Client
) -> None:
    journey = Chat(client, users=1)
    await walk(journey, 30)
    [messages] = small_chat.rooms.values()
    lost = messages.pop()
    outcome = await journey.finish(60)
    assert outcome["missing"] == [lost["id"]]


async def test_a_room_that_cannot_be_read_is_said_to_be_unverified(
    small_chat: SmallChat, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    journey = Chat(client, users=1)
    await walk(journey, 30)
    monkeypatch.setattr(client, "_base_url", "http://127.0.0.1:9")
    outcome = await journey.finish(0.5)
    assert outcome["unverified"] == 1
    assert outcome["missing"] == []


history = st.lists(st.integers(0, 3), max_size=8).map(
    lambda numbers: [(n + 1, f"m{n}") for n in range(len(numbers))]
)


@given(history, st.data())
def test_the_comparison_names_exactly_what_was_changed(
    log: list[tuple[int, str]], data: st.DataObject
) -> None:
    whole = User(0, "whole", "r", heard=list(log), said=[Said(i, "", "post", {s}) for s, i in log])
    assert compare(log, [whole]) == ([], [], [])
    if not log:
        return
    at = data.draw(st.integers(0, len(log) - 1))
    without = User(1, "other", "r", heard=log[:at] + log[at + 1 :])
    assert compare(log, [whole, without]) == ([f"m{at}@other"], [], [])
    doubled = User(1, "other", "r", heard=[*log, log[at]])
    assert compare(log, [whole, doubled]) == ([], [f"m{at}@other"], [])
    if at:
        moved = [*log[:at], *log[at + 1 :], log[at]]
        late = User(1, "other", "r", heard=moved)
        expected = [] if moved == log else [f"m{at}@other"]
        assert compare(log, [late]) == ([], [], expected)
    other = User(1, "other", "r", heard=[*log[:at], (at + 1, "another"), *log[at + 1 :]])
    assert compare(log, [other]) == ([], [], ["another@other"])
    lost_log = log[:at] + log[at + 1 :]
    assert f"m{at}" in compare(lost_log, [whole])[0]


@pytest.fixture
def real_chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One real instance with a real Redis; its URL."""
    from chat import tables
    from chat_testing.processes import DynamoDB, Instance, Redis

    dynamodb = DynamoDB()
    for name, value in dynamodb.environment.items():
        monkeypatch.setenv(name, value)
    tables.create("chat-")
    redis = Redis(tmp_path / "redis.log")
    environment = {"REDIS_URL": redis.url, "CHAT_DEFECT": "drop:0.1", **dynamodb.environment}
    instance = Instance(tmp_path / "chat.log", environment)
    yield instance.url
    instance.stop()
    redis.stop()
    dynamodb.stop()


async def test_the_real_chat_loses_nothing_although_it_drops_connections(
    real_chat: str, tmp_path: Path
) -> None:
    truth = TruthFile(tmp_path / "truth.jsonl")
    async with Client(real_chat, truth) as client:
        journey = Chat(client, users=6, users_per_room=3)
        await walk(journey, 6)
        async with asyncio.timeout(120):
            while not journey._drops:  # one frame in ten breaks its connection, by chance
                await asyncio.gather(*(walk(journey, 15, seed=n) for n in range(3)))
        outcome = await journey.finish(90)
    truth.close()
    assert outcome["dropped"] > 0
    assert {drop["code"] for drop in outcome["drops"]} == {1006}
    assert outcome["acknowledged"] == outcome["sent"] > 0
    assert (outcome["missing"], outcome["duplicated"], outcome["disordered"]) == ([], [], [])
    assert outcome["unverified"] == 0
