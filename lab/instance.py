"""One instance: a small init with its services, its network interface, and its share of the CPU.

Run as `python -m lab.instance SPECIFICATION`, a JSON file with the fields of `Specification`.
Takes commands as JSON lines on standard input and answers on standard output; when standard
input ends, the supervisor is dead and the instance dies with it.

    {"id": 1, "do": "faults", "network": [{...}], "steal": 0.8}    replaces all faults
    {"id": 2, "do": "signal", "name": "bank-was", "signal": "SIGKILL"}

Answers are {"id": 1, "ok": true} or {"id": 1, "ok": false, "error": "..."}; besides there are
events: {"event": "up", "port": 40123} and {"event": "service", "name": ..., "what": "started" |
"exited", ...}.

A service that ends is started again after a second (systemd's Restart=always, RestartSec=1). In a
task (`restarts` is false) the end of a service is the end of all, as with an essential container.

CPU starvation is what a hypervisor does to a neighbour: the services' processes are stopped and
continued, ten times a second. The init itself is never stopped, so it can always undo it.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.interface import Interface, NetworkFault
from lab.ports import reserve_port

RESTART_SECONDS = 1.0
STEAL_PERIOD_SECONDS = 0.1
# A busy host still gives everyone a little.
MINIMUM_CPU_SHARE = 0.05
STOP_SECONDS = 3.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ServiceSpecification:
    """A service. `port` is where clients find it in AWS, 0 if it has no place on the network.

    In `command` and `env` values, `{port}` is the service's own port on this machine,
    `{port:other}` that of another service of the instance, `{egress:5432}` the way out to the
    place that `Specification.egress` names.
    """

    name: str
    command: list[str]
    env: dict[str, str]
    directory: str
    port: int


@dataclass(frozen=True)
class Specification:
    """What the supervisor says about an instance. `egress`: port as in AWS -> host and port.

    `stop_seconds`: how long services may take to end after SIGTERM; until then the network stays.
    """

    instance_id: str
    services: list[ServiceSpecification]
    egress: dict[str, tuple[str, int]]
    restarts: bool = True
    stop_seconds: float = STOP_SECONDS

    @classmethod
    def read(cls, path: Path) -> "Specification":
        content = json.loads(path.read_text())
        return cls(
            instance_id=content["instance_id"],
            services=[ServiceSpecification(**service) for service in content["services"]],
            egress={port: (host, number) for port, (host, number) in content["egress"].items()},
            restarts=content["restarts"],
            stop_seconds=content["stop_seconds"],
        )

    def write(self, path: Path) -> None:
        path.touch(mode=0o600)  # it carries credentials
        path.write_text(json.dumps(asdict(self)))


def fill_in(text: str, own_port: int, ports: dict[str, int], egress: dict[str, int]) -> str:
    """Put the instance's real ports into a command or an environment variable."""
    text = text.replace("{port}", str(own_port))
    for name, port in ports.items():
        text = text.replace(f"{{port:{name}}}", str(port))
    for name, port in egress.items():
        text = text.replace(f"{{egress:{name}}}", str(port))
    return text


class Service:
    """A service process, leader of its own process group within the instance's session."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], directory: str) -> None:
        self.name = name
        self._command = command
        self._env = env
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            env=self._env,
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            process_group=0,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def poll(self) -> int | None:
        """The exit status when it ended since the last look."""
        if self._process is None:
            return None
        status = self._process.poll()
        if status is not None:
            # Nothing of a dead service may stay behind.
            self.signal(signal.SIGKILL)
            self._process = None
        return status

    def signal(self, number: signal.Signals) -> bool:
        """Signal the service and all its descendants; False if it does not run."""
        if self._process is None:
            return False
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return False
        return True


_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Init:
    """Starts the services, keeps them running and carries out what the supervisor says."""

    def __init__(self, specification: Specification) -> None:
        self.interface = Interface()
        self._restarting = specification.restarts
        self._stop_seconds = specification.stop_seconds
        self._stopping = False
        self._ended = asyncio.Event()
        self._exited = asyncio.Event()
        self._steal = 0.0
        self._stealing: asyncio.Task[None] | None = None
        self._restarts: set[asyncio.Task[None]] = set()
        ports = {service.name: reserve_port() for service in specification.services}
        egress = {
            port: self.interface.add("egress", int(port), destination).port
            for port, destination in specification.egress.items()
        }
        self.services = []
        for service in specification.services:
            own_port = ports[service.name]
            self.services.append(
                Service(
                    service.name,
                    [fill_in(part, own_port, ports, egress) for part in service.command],
                    {k: fill_in(v, own_port, ports, egress) for k, v in service.env.items()},
                    service.directory,
                )
            )
        serving = [service for service in specification.services if service.port]
        ingress = [
            self.interface.add("ingress", service.port, ("127.0.0.1", ports[service.name]))
            for service in serving
        ]
        self.port = ingress[0].port if ingress else 0

    async def run(self) -> None:
        """Until the supervisor says stop (SIGTERM) or is gone."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        commands = asyncio.create_task(self._follow_commands())
        self._say(event="up", port=self.port)
        for service in self.services:
            self._start(service)
        ends = {asyncio.create_task(event.wait()) for event in (stop, self._ended)}
        await asyncio.wait({commands, *ends}, return_when=asyncio.FIRST_COMPLETED)
        self._stopping = True
        self._set_steal(0.0)
        if not commands.done():
            await self._stop_services()
        self.interface.close()
        for service in self.services:
            service.signal(signal.SIGKILL)

    async def _stop_services(self) -> None:
        for service in self.services:
            service.signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._stop_seconds):
                while any(service.pid is not None for service in self.services):
                    self._exited.clear()
                    await self._exited.wait()

    def _start(self, service: Service) -> None:
        try:
            service.start()
        except OSError as error:
            self._say(event="service", name=service.name, what="failed", error=str(error))
            self._restart_soon(service)
        else:
            self._say(event="service", name=service.name, what="started", pid=service.pid)

    def _reap(self) -> None:
        self._exited.set()
        for service in self.services:
            status = service.poll()
            if status is not None:
                self._say(event="service", name=service.name, what="exited", status=status)
                self._restart_soon(service)

    def _restart_soon(self, service: Service) -> None:
        if not self._restarting:
            self._ended.set()
            return

        async def restart() -> None:
            await asyncio.sleep(RESTART_SECONDS)
            if not self._stopping:
                self._start(service)

        task = asyncio.create_task(restart())
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)

    async def _follow_commands(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while line := await reader.readline():
            command = json.loads(line)
            try:
                await self._carry_out(command)
            except (KeyError, TypeError, ValueError, ProcessLookupError) as error:
                self._say(id=command["id"], ok=False, error=str(error))
            else:
                self._say(id=command["id"], ok=True)

    async def _carry_out(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "faults":
                self._set_steal(float(command["steal"]))
                faults = [NetworkFault(**fault) for fault in command["network"]]
                await self.interface.set_faults(faults)
            case "signal":
                self._signal(command["name"], signal.Signals[command["signal"]])
            case unknown:
                raise ValueError(f"unknown command {unknown!r}")

    def _signal(self, name: str, number: signal.Signals) -> None:
        hit = [service for service in self.services if service.name == name]
        if not any([service.signal(number) for service in hit]):
            raise ProcessLookupError(f"{name}: no process found")

    def _set_steal(self, share: float) -> None:
        """Take `share` (0 to 1) of the CPU time away from all services."""
        self._steal = min(share, 1 - MINIMUM_CPU_SHARE)
        if self._steal > 0 and self._stealing is None:
            self._stealing = asyncio.create_task(self._keep_stealing())
        elif self._steal <= 0 and self._stealing is not None:
            self._stealing.cancel()
            self._stealing = None
            self._signal_all(signal.SIGCONT)

    async def _keep_stealing(self) -> None:
        try:
            while True:
                self._signal_all(signal.SIGSTOP)
                await asyncio.sleep(STEAL_PERIOD_SECONDS * self._steal)
                self._signal_all(signal.SIGCONT)
                await asyncio.sleep(STEAL_PERIOD_SECONDS * (1 - self._steal))
        finally:
            self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        for service in self.services:
            service.signal(number)

    def _say(self, **message: Any) -> None:
        # The supervisor reads line by line; one write of less than a pipe buffer is atomic.
        with contextlib.suppress(BrokenPipeError):  # it is gone: end of input comes next
            os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


async def _run(path: Path) -> None:
    await Init(Specification.read(path)).run()


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1])))
