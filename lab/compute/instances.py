"""The supervisor's side of one instance: its process tree, its state, and its faults."""

import asyncio
import contextlib
import json
import math
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import aiohttp

from lab.compute import sessions
from lab.compute.manifest import ROOT
from lab.compute.truth_log import TruthLog
from lab.instance import Specification
from lab.interface import NetworkFault

State = Literal["booting", "running", "stopped", "gone"]
_HEALTH_PERIOD_SECONDS = 0.1
_ANSWER_SECONDS = 5.0


class InstanceError(Exception):
    """An instance did not do what it was told; the message says why."""


class Instance:
    """A running (or once running) instance. `on_death` is called when it dies by itself."""

    def __init__(
        self,
        specification: Specification,
        *,
        directory: Path,
        health_path: str,
        truth: TruthLog,
        on_death: Callable[[str], None],
    ) -> None:
        self.id = specification.instance_id
        self.state: State = "booting"
        self.port = 0
        # Set once its network is there, and when it is dead.
        self.settled = asyncio.Event()
        self._specification = specification
        self._directory = directory
        self._health_path = health_path
        self._truth = truth
        self._on_death = on_death
        self._process: Process | None = None
        self._ending = False
        self._started = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._commands = 0
        self._network: dict[str, NetworkFault] = {}
        self._steal: dict[str, float] = {}

    async def start(self) -> None:
        """Start the process tree; `healthy` is written when its health path answers 200."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{self.id}.json"
        self._specification.write(path)
        self._started = time.monotonic()
        self._truth.write("instance", self.id, "launched")
        with (self._directory / f"{self.id}.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "lab.instance", path,
                stdin=PIPE, stdout=PIPE, stderr=log, start_new_session=True, cwd=ROOT,
            )  # fmt: skip
        self._tasks = [
            asyncio.create_task(self._follow_events()),
            asyncio.create_task(self._watch_health()),
        ]

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self._started

    @property
    def alive(self) -> bool:
        return self._process is not None and not self._ending

    async def kill(self) -> None:
        """SIGKILL to everything in it; returns when nothing of it runs any more."""
        if self._process is None or self._ending:
            return
        self._ending = True
        self._truth.write("instance", self.id, "killed")
        await self._finish("gone")

    async def stop(self) -> None:
        """Shut down in order, as StopInstances does; what does not end in time is killed."""
        if self._process is None or self._ending:
            return
        self._ending = True
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        with contextlib.suppress(TimeoutError):
            seconds = self._specification.stop_seconds + 1
            await asyncio.wait_for(self._process.wait(), seconds)
        await self._finish("stopped")

    async def signal(self, name: str, number: str) -> None:
        """Signal a service by its name, e.g. "SIGKILL". Raises InstanceError if none runs."""
        await self._tell({"do": "signal", "name": name, "signal": number})

    async def add_fault(self, key: str, *, network: NetworkFault | None, steal: float) -> None:
        """Let a fault act until `remove_fault(key)`. Raises InstanceError."""
        if network is not None:
            self._network[key] = network
        if steal:
            self._steal[key] = steal
        try:
            await self._apply_faults()
        except InstanceError:
            self._network.pop(key, None)
            self._steal.pop(key, None)
            raise

    async def remove_fault(self, key: str) -> None:
        """Take a fault away; one of a dead instance is gone already.

        An instance that does not do it is killed: no fault stays.
        """
        self._network.pop(key, None)
        self._steal.pop(key, None)
        if self.alive:
            try:
                await self._apply_faults()
            except InstanceError:
                await self.kill()
                self._on_death(self.id)

    async def _apply_faults(self) -> None:
        await self._tell(
            {
                "do": "faults",
                "network": [asdict(fault) for fault in self._network.values()],
                "steal": 1 - math.prod(1 - share for share in self._steal.values()),
            }
        )

    async def _tell(self, command: dict[str, Any]) -> None:
        if self._process is None or self._ending or self._process.stdin is None:
            raise InstanceError(f"instance {self.id} is not running")
        self._commands += 1
        number = self._commands
        answer = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            self._process.stdin.write(json.dumps({"id": number, **command}).encode() + b"\n")
            async with asyncio.timeout(_ANSWER_SECONDS):
                result = await answer
        except (TimeoutError, ConnectionError):
            raise InstanceError(f"instance {self.id} does not answer") from None
        finally:
            del self._answers[number]
        if not result["ok"]:
            raise InstanceError(f"instance {self.id}: {result['error']}")

    async def _follow_events(self) -> None:
        if self._process is None or self._process.stdout is None:
            return
        while line := await self._process.stdout.readline():
            message = json.loads(line)
            if (answer := self._answers.get(message.get("id", 0))) is not None:
                if not answer.done():
                    answer.set_result(message)
            elif message.get("event") == "up":
                self.port = message["port"]
                self.settled.set()
                self._truth.write("instance", self.id, "started")
            elif message.get("event") == "service":
                self._log(message)
        # Its end of the pipe is closed: the init is dead.
        if not self._ending:
            self._ending = True
            self._truth.write("instance", self.id, "killed")
            await self._finish("gone")
            self._on_death(self.id)

    async def _watch_health(self) -> None:
        timeout = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while self.state == "booting":
                await asyncio.sleep(_HEALTH_PERIOD_SECONDS)
                if not self.port:
                    continue
                url = f"http://127.0.0.1:{self.port}{self._health_path}"
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(url) as response:
                        if response.status == 200 and self.alive:
                            self._truth.write("instance", self.id, "healthy")
                            self.state = "running"

    async def _finish(self, state: Literal["stopped", "gone"]) -> None:
        """Kill what is left of the process tree, and say so when it is gone."""
        process = self._process
        if process is None:
            return
        await asyncio.to_thread(sessions.kill, process.pid)
        self._truth.write("instance", self.id, state)
        self.state = state
        self.port = 0
        self.settled.set()
        self._network.clear()
        self._steal.clear()
        for answer in list(self._answers.values()):
            if not answer.done():
                answer.set_result({"ok": False, "error": "died"})
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        await process.wait()
        (self._directory / f"{self.id}.json").unlink(missing_ok=True)

    def _log(self, message: dict[str, Any]) -> None:
        with (self._directory / f"{self.id}.log").open("ab") as log:
            os.write(log.fileno(), json.dumps({"at": time.time(), **message}).encode() + b"\n")
