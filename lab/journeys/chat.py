"""Users of the chat: they come in one by one, stay connected, write, and read what others write.

Each user writes down what it sent, what was acknowledged and what it heard. A message without a
clear answer is sent again with the same id, over the socket or over HTTP; a connection that broke
is opened again, and says the last sequence that was heard. At the end these logs are held against
each other and against the rooms' histories: nothing lost, nothing twice, one order.
"""

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

import aiohttp

from lab.journeys.client import Answer, Client

USERS = 100
USERS_PER_ROOM = 10
ANSWER_SECONDS = 5.0
HEARTBEAT_SECONDS = 15.0
ATTEMPTS = 8
PAUSE_AT_LEAST_SECONDS = 0.25
PAUSE_AT_MOST_SECONDS = 8.0
LOOK_SECONDS = 0.1
PAGE = 200

_MIX = (("send", 30), ("post", 25), ("history", 10), ("version", 35))


@dataclass
class Said:
    """A message that a user wants stored; `seqs` are those that it was acknowledged with."""

    id: str
    text: str
    over: str
    seqs: set[int] = field(default_factory=set)


@dataclass
class User:
    """`heard` are the messages of all its connections in order of arrival, as (seq, id)."""

    number: int
    name: str
    room: str
    token: str | None = None
    seen: int = 0
    heard: list[tuple[int, str]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    socket: aiohttp.ClientWebSocketResponse | None = None
    answers: dict[str, asyncio.Future[Mapping[str, Any]]] = field(default_factory=dict)


def journey(client: Client) -> "Chat":
    return Chat(client)


class Chat:
    """The chat's users. `run_id` makes the rooms and ids of each run its own."""

    def __init__(
        self, client: Client, users: int = USERS, users_per_room: int = USERS_PER_ROOM
    ) -> None:
        self._client = client
        self._run_id = uuid.uuid4().hex[:8]
        self._users = [
            User(n, f"user {n}", f"lab-{self._run_id}-{n // users_per_room}") for n in range(users)
        ]
        self._outside = list(reversed(self._users))
        self._staying: list[asyncio.Task[None]] = []
        self._retries: set[asyncio.Task[None]] = set()
        self._drops: list[dict[str, Any]] = []
        self._refused = 0
        self._session: aiohttp.ClientSession | None = None

    async def step(self, random: Random) -> None:
        """One more user comes in; when all are there, one of them does something."""
        if self._outside:
            user = self._outside.pop()
            if not await self._enter(user):
                self._outside.append(user)
            return
        user = random.choice(self._users)
        what = random.choices([name for name, _ in _MIX], weights=[w for _, w in _MIX])[0]
        if what in {"send", "post"}:
            await self._say(user, what, random)
        elif what == "history":
            after = max(0, user.seen - random.randint(0, 50))
            await self._history(user, after)
        else:
            await self._client.ask("version", "GET", "/api/version")

    async def finish(self, deadline_seconds: float) -> dict[str, Any]:
        """Let messages under way come through, wait until everybody has heard all, and compare."""
        now = time.monotonic()
        sent_until, heard_until, deadline = (
            now + deadline_seconds * share for share in (1 / 3, 2 / 3, 1)
        )
        if self._retries:
            await asyncio.wait(self._retries, timeout=sent_until - now)
        await _cancelled(self._retries)
        inside = [user for user in self._users if user.token is not None]
        rooms = {user.room for user in inside if user.said or user.heard}
        histories = {room: await self._whole_history(room, inside, deadline) for room in rooms}
        await self._until_heard(inside, histories, heard_until)
        await _cancelled(self._staying)
        if self._session is not None:
            await self._session.close()
        return self._outcome(inside, histories)

    def _outcome(
        self, inside: Sequence[User], histories: Mapping[str, list[tuple[int, str]] | None]
    ) -> dict[str, Any]:
        missing: list[str] = []
        duplicated: list[str] = []
        disordered: list[str] = []
        for room, history in histories.items():
            if history is not None:
                members = [user for user in inside if user.room == room]
                found = compare(history, members)
                missing += found[0]
                duplicated += found[1]
                disordered += found[2]
        said = [one for user in inside for one in user.said]
        acknowledged = sum(bool(one.seqs) for one in said)
        return {
            "users": len(inside),
            "sent": len(said),
            "acknowledged": acknowledged,
            "heard": sum(len(user.heard) for user in inside),
            "missing": sorted(missing),
            "duplicated": sorted(duplicated),
            "disordered": sorted(disordered),
            "dropped": len(self._drops),
            "drops": self._drops,
            "unverified": sum(history is None for history in histories.values()),
            "refused": self._refused,
            "given_up": len(said) - acknowledged - self._refused,
        }

    async def _enter(self, user: User) -> bool:
        answer = await self._client.ask(
            "join", "POST", "/api/join", body={"name": user.name}, expected=(201,)
        )
        if answer.status != 201:
            return False
        user.token = str(answer.body["token"])
        opened = asyncio.Event()
        self._staying.append(asyncio.create_task(self._stay(user, opened)))
        await opened.wait()
        return True

    # Sending

    async def _say(self, user: User, over: str, random: Random) -> None:
        number = len(user.said)
        said = Said(f"{self._run_id}-{user.number}-{number}", f"{user.name}: {number}", over)
        user.said.append(said)
        if not await self._send(user, said):
            retry = asyncio.create_task(
                self._send_again(user, said, Random(random.getrandbits(64)))
            )
            self._retries.add(retry)
            retry.add_done_callback(self._retries.discard)

    async def _send_again(self, user: User, said: Said, random: Random) -> None:
        for attempt in range(1, ATTEMPTS):
            await asyncio.sleep(_pause_seconds(attempt, random))
            if await self._send(user, said):
                return

    async def _send(self, user: User, said: Said) -> bool:
        """Send a message; whether its answer decided it (stored, or refused for good)."""
        if said.over == "send" and user.socket is not None:
            answer = await self._send_by_socket(user, said)
        else:
            answer = await self._client.ask(
                "post",
                "POST",
                f"/api/rooms/{user.room}/messages",
                token=user.token,
                body={"id": said.id, "text": said.text},
                expected=(200, 201),
            )
        if answer.undecided:
            return False
        if answer.status in {200, 201}:
            said.seqs.add(int(answer.body["seq"]))
        else:
            self._refused += 1
        return True

    async def _send_by_socket(self, user: User, said: Said) -> Answer:
        socket = user.socket
        answered = user.answers[said.id] = asyncio.get_running_loop().create_future()
        sent_at, started = time.time(), time.monotonic()
        status: int | None = None
        problem: str | None = None
        content: dict[str, Any] = {}
        frame = {"type": "send", "room": user.room, "id": said.id, "text": said.text}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                assert socket is not None  # noqa: S101 - the caller has looked
                await socket.send_json(frame)
                content = dict(await answered)
            status = 200 if content["type"] == "sent" else int(content.get("status", 400))
        except TimeoutError:
            problem = "timeout"
        except (aiohttp.ClientError, OSError) as error:
            problem = f"{type(error).__name__}: {error}"
        finally:
            user.answers.pop(said.id, None)
        self._write("send", sent_at, started, status, problem, ok=status == 200)
        return Answer(status, content, problem)

    def _write(
        self,
        name: str,
        sent_at: float,
        started: float,
        status: int | None,
        problem: str | None,
        *,
        ok: bool,
    ) -> None:
        self._client._truth.write(
            {
                "kind": "request",
                "name": name,
                "sent_at": round(sent_at, 6),
                "done_at": round(sent_at + time.monotonic() - started, 6),
                "ok": ok,
                "status": status,
                "error": problem,
            }
        )

    # Staying connected

    async def _stay(self, user: User, opened: asyncio.Event) -> None:
        """Be connected, and come back; `opened` is set after the first attempt."""
        random, failures = Random(user.number), 0
        while True:
            try:
                socket = await self._connect(user)
            finally:
                opened.set()
            if socket is None:
                failures += 1
            else:
                failures = 0
                try:
                    await self._listen(user, socket)
                finally:
                    self._lost(user)
                    await socket.close()
                at, code = round(time.time(), 3), socket.close_code or 1006
                self._drops.append({"user": user.name, "at": at, "code": code})
            await asyncio.sleep(_pause_seconds(failures, random))

    async def _connect(self, user: User) -> aiohttp.ClientWebSocketResponse | None:
        """Open a connection and say hello, as one request of the truth log; None if it failed."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        sent_at, started = time.time(), time.monotonic()
        status: int | None = None
        problem: str | None = None
        socket: aiohttp.ClientWebSocketResponse | None = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                socket = await self._session.ws_connect(
                    f"{self._client._base_url}/ws", heartbeat=HEARTBEAT_SECONDS
                )
                rooms = {user.room: user.seen}
                await socket.send_json({"type": "hello", "token": user.token, "rooms": rooms})
                frame: Mapping[str, Any] = {}
                while frame.get("type") != "joined":
                    frame = await socket.receive_json()
            status, user.socket = 101, socket
        except aiohttp.WSServerHandshakeError as error:
            status, problem = error.status, error.message
        except TimeoutError:
            problem = "timeout"
        except (aiohttp.ClientError, OSError, TypeError, ValueError) as error:
            problem = f"{type(error).__name__}: {error}"
        self._write("connect", sent_at, started, status, problem, ok=user.socket is not None)
        if user.socket is None and socket is not None:
            await socket.close()
        return user.socket

    async def _listen(self, user: User, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Write down what comes until the connection ends."""
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            frame = json.loads(message.data)
            if frame["type"] == "message":
                user.seen = int(frame["seq"])
                user.heard.append((user.seen, str(frame["id"])))
            elif frame["type"] in {"sent", "error"}:
                answered = user.answers.get(frame.get("id", ""))
                if answered is not None and not answered.done():
                    answered.set_result(frame)

    def _lost(self, user: User) -> None:
        user.socket = None
        for answered in user.answers.values():
            if not answered.done():
                answered.set_exception(ConnectionResetError("the connection broke"))

    # Reading back

    async def _history(self, user: User, after: int, *, in_truth: bool = True) -> Answer:
        return await self._client.ask(
            "history",
            "GET",
            f"/api/rooms/{user.room}/messages?after={after}&limit={PAGE}",
            token=user.token,
            in_truth=in_truth,
        )

    async def _whole_history(
        self, room: str, users: Iterable[User], deadline: float
    ) -> list[tuple[int, str]] | None:
        """All messages of a room as (seq, id); None when it could not be read in time."""
        reader = next(user for user in users if user.room == room)
        found: list[tuple[int, str]] = []
        while time.monotonic() < deadline:
            answer = await self._history(reader, found[-1][0] if found else 0, in_truth=False)
            if answer.status != 200:
                await asyncio.sleep(LOOK_SECONDS)
                continue
            page = answer.body["messages"]
            if not page:
                return found
            found += [(int(one["seq"]), str(one["id"])) for one in page]
        return None

    async def _until_heard(
        self,
        users: Sequence[User],
        histories: Mapping[str, list[tuple[int, str]] | None],
        until: float,
    ) -> None:
        ends = {room: history[-1][0] for room, history in histories.items() if history}
        while time.monotonic() < until:
            if all(user.seen >= ends.get(user.room, 0) for user in users):
                return
            await asyncio.sleep(LOOK_SECONDS)


def compare(
    history: Sequence[tuple[int, str]], members: Iterable[User]
) -> tuple[list[str], list[str], list[str]]:
    """What is missing, twice, and out of order, as `id` (in the history) or `id@user` (heard).

    Every member has to have heard the whole history, each message once, in its order.
    """
    ids = dict(history)
    stored = Counter(message_id for _, message_id in history)
    missing: list[str] = []
    duplicated = [message_id for message_id, times in stored.items() if times > 1]
    disordered = [
        message_id for (before, _), (seq, message_id) in pairwise(history) if seq != before + 1
    ]
    for member in members:
        for said in member.said:
            if said.seqs and (len(said.seqs) > 1 or ids.get(min(said.seqs)) != said.id):
                (duplicated if len(said.seqs) > 1 else missing).append(said.id)
        heard, last = set[int](), 0
        for seq, message_id in member.heard:
            if seq in heard:
                duplicated.append(f"{message_id}@{member.name}")
            elif seq < last or ids.get(seq, message_id) != message_id:
                disordered.append(f"{message_id}@{member.name}")
            heard.add(seq)
            last = max(last, seq)
        missing += [f"{ids[seq]}@{member.name}" for seq in ids if seq not in heard]
    return missing, duplicated, disordered


def _pause_seconds(failures: int, random: Random) -> float:
    pause = min(PAUSE_AT_LEAST_SECONDS * 2.0**failures, PAUSE_AT_MOST_SECONDS)
    return pause * random.uniform(0.75, 1.25)


async def _cancelled(tasks: Iterable[asyncio.Task[None]]) -> None:
    together = list(tasks)
    for task in together:
        task.cancel()
    await asyncio.gather(*together, return_exceptions=True)
