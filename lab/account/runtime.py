"""One execution environment of a function: a worker process and its Lambda Runtime API."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

_WORKER = Path(__file__).with_name("worker.py")
_INIT_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """What an invocation gave: the answer's JSON, or the error's JSON and `error` = "Unhandled"."""

    payload: bytes
    error: str | None = None


@dataclass
class Invocation:
    """One event on its way through a worker."""

    event: bytes
    function_arn: str
    timeout_seconds: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    outcome: Outcome | None = None

    def finish(self, outcome: Outcome) -> None:
        if self.outcome is None:
            self.outcome = outcome
            self.started.set()
            self.done.set()

    def fail(self, error_type: str, message: str) -> None:
        text = f"RequestId: {self.request_id} Error: {message}"
        body = {"errorType": error_type, "errorMessage": text}
        self.finish(Outcome(json.dumps(body).encode(), error="Unhandled"))


class Worker:
    """A process that runs one invocation at a time, and can run the next one warm."""

    def __init__(
        self, *, name: str, handler: str, directory: Path, env: Mapping[str, str], log_path: Path
    ) -> None:
        self.name = name
        self._pending: queue.SimpleQueue[Invocation] = queue.SimpleQueue()
        self._current: Invocation | None = None
        self._init_error: bytes | None = None
        self._api = _RuntimeApi(self)
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", os.fspath(_WORKER), handler],
                cwd=directory,
                env={**env, "AWS_LAMBDA_RUNTIME_API": self._api.address},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        threading.Thread(target=self._follow_process, name=f"{name}-exit", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(self, invocation: Invocation) -> Outcome:
        """Run one event; the process is gone afterwards when it crashed or took too long."""
        self._current = invocation
        self._pending.put(invocation)
        if not self.alive:  # it died before the event reached it
            self._report_exit()
        if not invocation.started.wait(_INIT_SECONDS):
            self.kill()
            invocation.fail("Sandbox.Timedout", f"Init timed out after {_INIT_SECONDS:.2f} seconds")
        elif not invocation.done.wait(invocation.timeout_seconds):
            self.kill()
            invocation.fail(
                "Sandbox.Timedout",
                f"Task timed out after {invocation.timeout_seconds:.2f} seconds",
            )
        invocation.done.wait()
        self._current = None
        return cast(Outcome, invocation.outcome)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def take(self) -> Invocation | None:
        """The next event for the process; None when the process is gone."""
        while self.alive:
            with contextlib.suppress(queue.Empty):
                invocation = self._pending.get(timeout=1.0)
                invocation.started.set()
                return invocation
        return None

    def answer(self, request_id: str, outcome: Outcome) -> None:
        if self._current is not None and self._current.request_id == request_id:
            self._current.finish(outcome)

    def refuse(self, error: bytes) -> None:
        """The handler could not be loaded: the process is about to exit."""
        self._init_error = error

    def _follow_process(self) -> None:
        self._process.wait()
        self._api.stop()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._report_exit()

    def _report_exit(self) -> None:
        current, status = self._current, self._process.returncode
        if current is None:
            return
        if self._init_error is not None:
            current.finish(Outcome(self._init_error, error="Unhandled"))
        elif status is not None and status < 0:
            name = signal.Signals(-status).name.removeprefix("SIG").lower()
            current.fail("Runtime.ExitError", f"Runtime exited with error: signal: {name}")
        elif status == 0:
            current.fail("Runtime.ExitError", "Runtime exited without providing a reason")
        else:
            current.fail("Runtime.ExitError", f"Runtime exited with error: exit status {status}")


class _RuntimeApi:
    """The Lambda Runtime API (version 2018-06-01) of one worker, on loopback."""

    def __init__(self, worker: Worker) -> None:
        class Handler(_Handler):
            of = worker

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(
            target=self._server.serve_forever, name=f"{worker.name}-runtime-api", daemon=True
        ).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    of: Worker
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet

    def log_message(self, *_: object) -> None:
        """Say nothing: the function's log belongs to the function."""

    def do_GET(self) -> None:
        invocation = self.of.take()
        if invocation is None:
            self.close_connection = True
            return
        deadline = (time.time() + invocation.timeout_seconds) * 1000
        trace = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0"
        self._reply(
            200,
            invocation.event,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(deadline)),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": trace,
            },
        )

    def do_POST(self) -> None:
        body = self._body()
        parts = self.path.strip("/").split("/")  # 2018-06-01/runtime/invocation/<id>/response
        if parts[2:] == ["init", "error"]:
            self.of.refuse(body)
        elif parts[-1] == "response":
            self.of.answer(parts[-2], Outcome(body))
        elif parts[-1] == "error":
            self.of.answer(parts[-2], Outcome(body, error="Unhandled"))
        self._reply(202, b'{"status":"OK"}\n', {})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
