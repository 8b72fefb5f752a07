"""Where the sweep happens: the account with the stack in it, small workloads, and an executor.

The workloads are a door on loopback that always answers, and a database in the account. Experiments
are carried out by `Executor`, which only lets them last a while and stops them when asked: what is
tested is the machinery, and not the fault.
"""

import json
import math
import sys
import threading
import time
import tomllib
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import boto3

from lab import processes
from lab.account.deploy import deploy

ROOT: Final = Path(__file__).resolve().parents[2]
REGION: Final = "ap-northeast-2"
STACK: Final = "sweep"
FAST: Final = {"WindowSeconds": "1.25", "MetricPeriodSeconds": "1", "MetricDelaySeconds": "0"}
"""Looks of a second, and a bit: a chaos gate may last an hour, and a canary 3,000 looks at most."""
FAULT_SECONDS: Final = 2.0

WORKLOAD: Final = """
document: steadystate/workload/v1
name: {name}
load_balancer: {{arn: none, target_group: none}}
probe: {{url: "{url}", requests: 5}}
targets:
  database: {{resource: "aws:rds:db", identifier: {name}}}
slis:
  failed_probes: {{source: probe, measure: error_rate}}
"""
EXPERIMENT: Final = """
document: steadystate/experiment/v1
name: {name}
workload: {workload}
objectives:
  answers: {{sli: failed_probes, bound: "< 50 %"}}
recovery: {{target: 20s, limit: 30s, good: 1s}}
method:
  restart: {{action: {fault}}}
guardrails:
  all-fail: {{sli: failed_probes, bound: "< 100 %", points: 3}}
"""


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a prober that hung up; all else is an error of the test."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Place:
    """The account, as tests use it."""

    def __init__(self, url: str, door: str) -> None:
        self.url, self.door = url, door
        self.outputs: dict[str, str] = {}
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = boto3.client(
                    service,  # type: ignore[call-overload]
                    endpoint_url=self.url,
                    region_name=REGION,
                    aws_access_key_id="lab",
                    aws_secret_access_key="lab",
                )
            return self._clients[service]

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        request = urllib.request.Request(self.url + path, data=json.dumps(body).encode())
        urllib.request.urlopen(request, timeout=30).close()

    def get(self, path: str) -> Any:
        """Return what the account tells at `/lab/…`."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def store(self, folder: str, name: str, text: str) -> None:
        """Put a document into the stack's own library."""
        self.client("s3").put_object(
            Bucket=self.outputs["EvidenceBucketName"],
            Key=f"scenarios/{folder}/{name}.yaml",
            Body=text.encode(),
        )

    def add_workload(self, name: str) -> None:
        """A database to be struck, and the documents of a workload and its experiment."""
        self.client("rds").create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            AllocatedStorage=20,
            MasterUsername="shop",
            MasterUserPassword="not-used-here",
            Tags=[{"Key": "steadystate:allow", "Value": "true"}],
        )
        self.store("workloads", name, WORKLOAD.format(name=name, url=self.door))
        fault = '"aws:rds:reboot-db-instances", target: database'
        self.store("experiments", name, EXPERIMENT.format(name=name, workload=name, fault=fault))


class Executor(threading.Thread):
    """Carries experiments out: each lasts FAULT_SECONDS, or until it is stopped; that of the run
    `held` only until it is stopped."""

    def __init__(self, place: Place, held: str) -> None:
        super().__init__(daemon=True)
        self._place, self._held = place, held
        self._ended = threading.Event()
        self._until: dict[str, float] = {}

    def run(self) -> None:
        while not self._ended.wait(0.1):
            for identifier, status in self._place.get("/lab/experiments").items():
                self._attend(identifier, status)

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _attend(self, identifier: str, status: str) -> None:
        if status in ("pending", "initiating"):
            self._until[identifier] = time.monotonic() + self._lasts(identifier)
            self._report(identifier, "running")
        elif status == "stopping":
            self._report(identifier, "stopped")
        elif status == "running" and time.monotonic() > self._until[identifier]:
            self._report(identifier, "completed")

    def _lasts(self, identifier: str) -> float:
        tags = self._place.client("fis").get_experiment(id=identifier)["experiment"]["tags"]
        return math.inf if tags.get("steadystate:run") == self._held else FAULT_SECONDS

    def _report(self, identifier: str, status: str) -> None:
        state = {"status": status, "reason": status}
        body = {"state": state, "actions": {"restart": state}}
        self._place.post(f"/lab/experiments/{identifier}", body)


@contextmanager
def place(state: Path, workloads: int, held: str = "", **changed: str) -> Iterator[Place]:
    """An account with the stack, `workloads` workloads named w0, w1, … and an executor.

    `held` is a run whose fault lasts until it is stopped; `changed` are parameters of the stack.
    """
    server = _Server(("127.0.0.1", 0), _Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ready = state / "ready.json"
    account = processes.start(
        processes.python("lab.account", "--ready", ready, "--state", state),
        log_path=state / "account.log",
        name="account",
        cwd=ROOT,
        env={"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION},
    )
    try:
        url = processes.wait_ready(ready, account, 120)["url"]
        made = Place(url, f"http://127.0.0.1:{server.server_address[1]}/")
        config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
        words = config["lab"]["deploy"]["parameters"]["parameter_overrides"].split()
        parameters = dict(word.split("=", 1) for word in words) | FAST | changed
        made.outputs = deploy(
            ROOT / "template.yaml", STACK, parameters, endpoint_url=url, region=REGION
        )
        for number in range(workloads):
            made.add_workload(f"w{number}")
        made.post("/lab/sabotage", {"retry_scale": 0.05})
        executor = Executor(made, held)
        executor.start()
        try:
            yield made
        finally:
            executor.stop()
    finally:
        account.stop()
        server.shutdown()
