"""Lambda functions that really run: a pool of warm worker processes per function."""

import contextlib
import hashlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from lab.account.runtime import Invocation, Outcome, Worker

log = logging.getLogger(__name__)

_IDLE_SECONDS = 300.0
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Function:
    """What the account knows of a function. `directory` and `layers` are source directories."""

    name: str
    arn: str
    handler: str
    role: str
    directory: Path
    layers: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 3.0
    memory_mb: int = 128
    runtime: str = "python3.13"
    log_format: str = "Text"
    log_group: str = ""
    reserved_concurrency: int | None = None

    @property
    def fingerprint(self) -> str:
        """Differs when a warm worker of another configuration must not be used."""
        parts = (
            self.handler,
            self.role,
            str(self.directory),
            [str(layer) for layer in self.layers],
            sorted(self.environment.items()),
            self.memory_mb,
            self.log_format,
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class ThrottledError(Exception):
    """The function's reserved concurrency is used up."""


@dataclass
class _Pool:
    fingerprint: str
    running: int = 0
    idle: list[tuple[float, Worker]] = field(default_factory=list)
    busy: set[Worker] = field(default_factory=set)


class Functions:
    """Runs functions. `credentials` turns a role's ARN into environment variables."""

    def __init__(
        self,
        *,
        state: Path,
        layers_root: Path | None,
        region: str,
        endpoint: str,
        credentials: Callable[[str, str], Mapping[str, str]],
    ) -> None:
        self._state = state
        self._layers_root = layers_root
        self._region = region
        self._endpoint = endpoint
        self._credentials = credentials
        self._pools: dict[str, _Pool] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def invoke(self, function: Function, event: bytes) -> Outcome:
        """Run the function and wait for its answer. Raises ThrottledError."""
        pool = self._admit(function)
        try:
            worker = self._acquire(pool, function)
            try:
                return worker.run(Invocation(event, function.arn, function.timeout_seconds))
            finally:
                self._release(pool, function, worker)
        finally:
            with self._lock:
                pool.running -= 1

    def stop(self) -> None:
        """Kill all workers."""
        with self._lock:
            self._stopped = True
            workers = [w for pool in self._pools.values() for w in pool.busy]
            workers += [w for pool in self._pools.values() for _, w in pool.idle]
        for worker in workers:
            worker.kill()

    def _admit(self, function: Function) -> _Pool:
        with self._lock:
            pool = self._pools.setdefault(function.arn, _Pool(function.fingerprint))
            limit = function.reserved_concurrency
            if limit is not None and pool.running >= limit:
                raise ThrottledError(f"{function.name}: reserved concurrency {limit} is used up")
            pool.running += 1
            return pool

    def _acquire(self, pool: _Pool, function: Function) -> Worker:
        with self._lock:
            if pool.fingerprint != function.fingerprint:
                self._evict(pool, older_than=float("inf"))
                pool.fingerprint = function.fingerprint
            self._evict(pool, older_than=time.monotonic() - _IDLE_SECONDS)
            if pool.idle:
                _, worker = pool.idle.pop()
                pool.busy.add(worker)
                return worker
        worker = self._start(function)
        with self._lock:
            pool.busy.add(worker)
            if self._stopped:
                worker.kill()
        return worker

    def _release(self, pool: _Pool, function: Function, worker: Worker) -> None:
        with self._lock:
            pool.busy.discard(worker)
            if worker.alive and pool.fingerprint == function.fingerprint and not self._stopped:
                pool.idle.append((time.monotonic(), worker))
            else:
                worker.kill()

    @staticmethod
    def _evict(pool: _Pool, *, older_than: float) -> None:
        for since, worker in list(pool.idle):
            if since < older_than or not worker.alive:
                worker.kill()
                pool.idle.remove((since, worker))

    def _start(self, function: Function) -> Worker:
        log_path = self._state / "functions" / f"{quote(function.name, safe='')}.log"
        log.info("start a worker of %s", function.name)
        return Worker(
            name=function.name,
            handler=function.handler,
            directory=function.directory,
            env=self._environment(function),
            log_path=log_path,
        )

    def _environment(self, function: Function) -> dict[str, str]:
        """The environment that AWS gives a function, on this machine."""
        paths = [path for layer in function.layers for path in (layer / "python", layer)]
        env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        env |= {
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": "lab",
            "AWS_LAMBDA_LOG_FORMAT": function.log_format,
            "AWS_EC2_METADATA_DISABLED": "true",
            "LAMBDA_TASK_ROOT": str(function.directory),
            "LAMBDA_RUNTIME_DIR": str(Path(sys.prefix)),
            "PYTHONPATH": os.pathsep.join(str(path) for path in paths if path.is_dir()),
            "PYTHONUNBUFFERED": "1",
            "TZ": ":UTC",
        }
        env |= self._credentials(function.role, function.name)
        for name, value in function.environment.items():
            if name == "PYTHONPATH":
                env[name] += os.pathsep + self._rooted(value, function)
            else:
                env[name] = self._rooted(value, function)
        return env

    def _rooted(self, value: str, function: Function) -> str:
        """`/opt/…`, where Lambda unpacks layers, becomes the directory that stands for it here."""
        if value != "/opt" and not value.startswith("/opt/"):
            return value
        rest = value.removeprefix("/opt").lstrip("/")
        inner = "" if rest == "python" else rest.removeprefix("python/")
        for layer in function.layers:
            for candidate in (layer / rest, layer / inner):
                if rest and candidate.exists():
                    return str(candidate)
        root = self._layers_root or (function.layers[0] if function.layers else Path("/opt"))
        return str(root / rest)


def forget_result(run: Callable[[], object]) -> None:
    """Run an asynchronous invocation in a thread of its own; a failure is logged."""

    def target() -> None:
        with contextlib.suppress(ThrottledError):
            try:
                run()
            except Exception:
                log.exception("an asynchronous invocation failed")

    threading.Thread(target=target, daemon=True).start()
