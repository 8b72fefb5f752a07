"""HTTP, health and bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat.messages import TEXT_AT_MOST
from chat.settings import SettingError, read
from chat.tokens import LIFETIME_SECONDS, Signer, User
from chat_testing.client import Listener, join
from chat_testing.processes import Instance, StartInstance


@pytest.fixture
def api(blue: Instance) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=blue.url, timeout=60) as client:
        yield client


@pytest.fixture
def user(api: httpx.Client) -> dict[str, Any]:
    joined: dict[str, Any] = api.post("/api/join", json={"name": "민아"}).json()
    api.headers["Authorization"] = f"Bearer {joined['token']}"
    return joined


def test_messages_are_written_and_read_over_http(
    api: httpx.Client, user: dict[str, Any], room: str
) -> None:
    for number in range(1, 4):
        answer = api.post(
            f"/api/rooms/{room}/messages", json={"id": f"m{number}", "text": f"글 {number}"}
        )
        assert answer.status_code == 201
        assert answer.json()["seq"] == number
    read_all = api.get(f"/api/rooms/{room}/messages").json()["messages"]
    assert [m["text"] for m in read_all] == ["글 1", "글 2", "글 3"]
    assert {m["name"] for m in read_all} == {"민아"}
    assert {m["user_id"] for m in read_all} == {user["user_id"]}
    later = api.get(f"/api/rooms/{room}/messages?after=1&limit=1").json()["messages"]
    assert [m["seq"] for m in later] == [2]
    assert api.get(f"/api/rooms/{room}/messages?after=3").json()["messages"] == []
    assert [m["id"] for m in api.get("/api/me/messages").json()["messages"]] == ["m3", "m2", "m1"]


def test_every_answer_names_its_version(blue: Instance, green: Instance) -> None:
    for instance, version in ((blue, "blue"), (green, "green")):
        for path in ("/", "/health", "/api/version", "/api/none", "/static/chat.css"):
            assert httpx.get(instance.url + path).headers["x-chat-version"] == version, path


async def test_open_connections_are_known_by_user(blue: Instance, green: Instance) -> None:
    user = await join(blue)
    headers = {"Authorization": f"Bearer {user['token']}"}
    async with Listener(blue, user, {}), Listener(green, user, {}) as second:
        await second.say({"type": "ping"})
        async with httpx.AsyncClient(base_url=blue.url, headers=headers, timeout=60) as client:
            found: list[dict[str, Any]] = []
            while len(found) < 2:
                found = (await client.get("/api/me/connections")).json()["connections"]
            assert {one["version"] for one in found} == {"blue", "green"}
    async with httpx.AsyncClient(base_url=blue.url, headers=headers, timeout=60) as client:
        while found:
            found = (await client.get("/api/me/connections")).json()["connections"]


def test_health_is_shallow_and_deep(api: httpx.Client) -> None:
    shallow = api.get("/health").json()
    assert (shallow["status"], shallow["instance"], shallow["version"]) == ("ok", "blue-1", "blue")
    deep = api.get("/health/deep").json()
    assert (deep["status"], deep["dynamodb"], deep["redis"]) == ("ok", "ok", "ok")


def test_without_the_database_only_the_deep_health_fails(start_instance: StartInstance) -> None:
    instance = start_instance(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    with httpx.Client(base_url=instance.url, timeout=60) as client:
        assert client.get("/health").status_code == 200
        deep = client.get("/health/deep")
        assert (deep.status_code, deep.json()["dynamodb"]) == (503, "unavailable")
        answer = client.post("/api/join", json={"name": "Mina"})
        assert (answer.status_code, answer.json()["error"]) == (503, "store_unavailable")


BAD_BODIES: list[tuple[Any, str]] = [
    (b"{", "bad_json"),
    (b"[]", "bad_json"),
    (b"[" * 100_000, "too_large"),
    ({"text": "hi"}, "bad_id"),
    ({"id": "with space", "text": "hi"}, "bad_id"),
    ({"id": "a", "text": ""}, "bad_text"),
    ({"id": "a", "text": "   "}, "bad_text"),
    ({"id": "a", "text": "x" * (TEXT_AT_MOST + 1)}, "bad_text"),
    ({"id": "a", "text": "bell \x07"}, "bad_text"),
    ({"id": "a", "text": "\ud800"}, "bad_text"),
    ({"id": 7, "text": "hi"}, "bad_id"),
]


@pytest.mark.parametrize(("body", "code"), BAD_BODIES)
def test_a_bad_message_is_refused_with_its_reason(
    api: httpx.Client, user: dict[str, Any], room: str, body: Any, code: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = api.post(f"/api/rooms/{room}/messages", content=content)
    assert (answer.status_code in {400, 413}, answer.json()["error"]) == (True, code)
    assert api.get(f"/api/rooms/{room}/messages").json()["messages"] == []


@pytest.mark.parametrize("path", ["Bad Room", "a" * 31, "sent%23x", "%00"])
def test_a_bad_room_is_refused(api: httpx.Client, path: str) -> None:
    answer = api.get(f"/api/rooms/{path}/messages")
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_room")


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=1e3", "limit=0", "limit=201"])
def test_a_bad_position_or_page_is_refused(api: httpx.Client, room: str, query: str) -> None:
    assert api.get(f"/api/rooms/{room}/messages?{query}").status_code == 400


@pytest.mark.parametrize("name", ["", "  ", "x" * 25, 7, None, "line\nbreak"])
def test_a_bad_name_is_refused(api: httpx.Client, name: Any) -> None:
    answer = api.post("/api/join", json={"name": name})
    assert (answer.status_code, answer.json()["field"]) == (400, "name")


@pytest.mark.parametrize("token", ["", "Bearer x.y", "Bearer W10.x", "Basic abc"])
def test_without_a_token_of_ours_nothing_is_said(api: httpx.Client, room: str, token: str) -> None:
    answer = api.post(
        f"/api/rooms/{room}/messages",
        json={"id": "a", "text": "hi"},
        headers={"Authorization": token},
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "not_signed_in")


async def test_a_socket_without_a_good_hello_is_closed(blue: Instance, room: str) -> None:
    async with Listener(blue, {"token": "x.y"}, {room: 0}) as listener:
        await listener.until(lambda: listener.closed_with is not None)
        assert (listener.closed_with, listener.frames) == (4401, [])


async def test_bad_frames_are_answered_and_the_connection_lives_on(
    blue: Instance, room: str
) -> None:
    async with Listener(blue, await join(blue), {room: 0, "Bad Room": 0, "x": -1}) as listener:
        bad_frames: list[Any] = [
            {"type": "shout"},
            {"type": "send", "room": "#", "id": "a", "text": "hi"},
            {"type": "send", "room": room, "id": "a", "text": 7},
            {"type": "join", "room": ["x"], "after": 0},
            {},
        ]
        for frame in bad_frames:
            await listener.say(frame)
        await listener.socket.send("no json")
        await listener.socket.send(b"\x00\xff")
        wanted = len(bad_frames) + 4
        await listener.until(lambda: len(listener.of("error")) >= wanted)
        assert (await listener.send(room, "fine"))["type"] == "sent"
        assert len(listener.of("error")) == wanted


def test_a_token_is_good_for_its_time_and_only_as_it_was_given() -> None:
    signer, user = Signer("secret"), User("user-000001", "민아")
    token = signer.token(user, now=1000)
    assert signer.user(token, now=1000 + LIFETIME_SECONDS - 1) == user
    assert signer.user(token, now=1000 + LIFETIME_SECONDS) is None
    assert Signer("other").user(token, now=1000) is None
    for number in range(len(token)):
        changed = token[:number] + ("A" if token[number] != "A" else "B") + token[number + 1 :]
        assert signer.user(changed, now=1000) in {None, user}
        assert signer.user(token[:number], now=1000) is None
    for odd in (None, 7, "", ".", "é.é", "a" * 5000):
        assert signer.user(odd, now=1000) is None


GOOD = {"CHAT_SECRET": "s", "REDIS_URL": "redis://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"CHAT_SECRET": ""}, "CHAT_SECRET"),
        ({"REDIS_URL": "127.0.0.1"}, "REDIS_URL"),
        ({"CHAT_VERSION": "red"}, "CHAT_VERSION"),
        ({"CHAT_DEFECT": "errors"}, "CHAT_DEFECT"),
        ({"CHAT_DEFECT": "errors:2"}, "CHAT_DEFECT"),
        ({"CHAT_DEFECT": "errors:nan"}, "CHAT_DEFECT"),
        ({"PORT": "many"}, "PORT"),
        ({"CHAT_DRAIN_SECONDS": "-1"}, "CHAT_DRAIN_SECONDS"),
        ({"CHAT_TABLE_PREFIX": "a b"}, "CHAT_TABLE_PREFIX"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, str], named: str) -> None:
    assert read(GOOD).defect.errors == 0
    with pytest.raises(SettingError, match=named):
        read(GOOD | change)


def test_the_page_and_its_parts_are_served(api: httpx.Client) -> None:
    static = Path(__file__).parents[1] / "chat" / "static"
    page = api.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for file in static.iterdir():
        if file.name != "index.html":
            assert f"static/{file.name}" in page.text
            assert api.get(f"/static/{file.name}").status_code == 200
