"""How the services start, log and stop."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from bank_testing.processes import BANK, Service, wait_until


@pytest.mark.parametrize(
    ("module", "heavy"), [("bank.web", "boto3 psycopg"), ("bank.was", "boto3 httpx jinja2")]
)
def test_a_service_starts_without_what_it_does_not_need_to_listen(module: str, heavy: str) -> None:
    code = f"import sys, {module}; sys.exit(' '.join(set('{heavy}'.split()) & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=BANK, capture_output=True, text=True, check=False
    )
    assert result.stderr.strip() == ""


@pytest.mark.parametrize("module", ["bank.web", "bank.was"])
@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "PORT"),
        ({"PORT": "http"}, "PORT"),
        ({"PORT": "70000"}, "PORT"),
        ({"PORT": "8080"}, "BANK_SECRET"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(
    module: str, environment: dict[str, str], named: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-m", module],
        cwd=BANK,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 2
    assert result.stderr.startswith(f"bank: {named} ")
    assert result.stderr.count("\n") == 1


def test_on_sigterm_a_request_under_way_is_answered_and_the_process_ends(log_path: Path) -> None:
    slow_was = socket.create_server(("127.0.0.1", 0))
    web = Service(
        "bank.web", log_path, BANK_WAS_URL=f"http://127.0.0.1:{slow_was.getsockname()[1]}"
    )
    try:
        client = socket.create_connection(("127.0.0.1", web.port))
        slow_was.settimeout(60)
        slow_was.accept()[0].close()  # the health check of the start
        client.sendall(b"GET /api/products HTTP/1.1\r\nHost: bank\r\n\r\n")
        upstream, _ = slow_was.accept()
        upstream.recv(65536)
        web.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not _accepts(web.port), "the web stops listening")
        assert web.process.poll() is None
        upstream.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        )
        client.settimeout(60)
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")
        assert web.process.wait(60) in (0, -signal.SIGTERM)
    finally:
        web.stop()
        slow_was.close()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=30).close()
    except OSError:
        return False
    return True


def test_a_was_that_breaks_off_is_a_502_and_one_that_is_silent_a_503(log_path: Path) -> None:
    was = socket.create_server(("127.0.0.1", 0))
    web = Service("bank.web", log_path, BANK_WAS_URL=f"http://127.0.0.1:{was.getsockname()[1]}")
    try:
        was.settimeout(60)
        was.accept()[0].close()  # the health check of the start
        with httpx.Client(base_url=web.url, timeout=60) as client:
            silent = client.get("/health/deep")
            assert (silent.status_code, silent.json()["error"]) == (503, "was_timeout")
            was.accept()[0].close()
            was.close()
            refused = client.get("/api/products")
            assert refused.status_code in (502, 503)
    finally:
        web.stop()


def test_logs_are_json_lines_without_account_numbers_or_tokens(
    was: Service, web: Service, anonymous: httpx.Client
) -> None:
    reply = anonymous.get(
        "/api/accounts/110-001-007919",
        headers={"Authorization": "Bearer topsecret", "X-Request-Id": "trace-me-1"},
    )
    assert reply.headers["x-request-id"] == "trace-me-1"

    def lines(service: Service) -> list[dict[str, object]]:
        return [
            line
            for line in map(json.loads, service.log.read_text().splitlines())
            if line.get("request_id") == "trace-me-1"
        ]

    wait_until(lambda: bool(lines(web) and lines(was)), "both services log the request")
    (seen,) = lines(was)
    assert (seen["route"], seen["status"]) == ("/api/accounts/{account_id}", 401)
    for service in (web, was):
        assert "110-001-007919" not in service.log.read_text()
        assert "topsecret" not in service.log.read_text()
