"""The generator: open loop, Poisson, bounded, on this machine only."""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from itertools import pairwise, takewhile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from lab import processes
from lab.journeys.client import Client, TruthFile
from lab.traffic import arrivals, generate, loopback_url
from tests.lab.traffic.conftest import SmallBank


class Recorder:
    """A journey that notes its steps as they begin; they end once `answered` is set."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()
        self.answered.set()
        self.draws: list[float] = []

    async def step(self, random: Random) -> None:
        self.draws.append(random.random())
        await self.answered.wait()

    async def finish(self, deadline_seconds: float) -> dict[str, Any]:
        return {}


@given(st.integers(0, 2**32), st.floats(1, 500))
def test_arrivals_depend_on_the_seed_alone_and_only_go_forward(seed: int, rate: float) -> None:
    def first(count: int) -> list[tuple[float, float]]:
        source = arrivals(rate, Random(seed))
        return [
            (moment, chance.random()) for moment, chance in (next(source) for _ in range(count))
        ]

    assert first(20) == first(20)
    assert all(a[0] < b[0] for a, b in pairwise(first(20)))


@pytest.mark.parametrize("seed", range(5))
def test_arrivals_are_poisson_as_often_as_asked_and_without_memory(seed: int) -> None:
    moments = [
        moment for moment, _ in takewhile(lambda one: one[0] < 1000, arrivals(20, Random(seed)))
    ]
    # 20,000 expected, standard deviation 141; the variance of counts a second equals their mean.
    assert abs(len(moments) - 20_000) < 5 * 141
    counts = [0] * 1000
    for moment in moments:
        counts[int(moment)] += 1
    mean = len(moments) / 1000
    variance = sum((count - mean) ** 2 for count in counts) / 999
    assert 0.75 < variance / mean < 1.25


async def test_arrivals_do_not_wait_for_answers() -> None:
    journey, stop = Recorder(), asyncio.Event()
    journey.answered.clear()
    running = asyncio.create_task(generate(journey, rate=200, seed=1, max_seconds=3600, stop=stop))
    async with asyncio.timeout(60):
        while len(journey.draws) < 20:  # noqa: ASYNC110 - none of them has an end yet
            await asyncio.sleep(0.01)
    stop.set()
    journey.answered.set()
    assert await asyncio.wait_for(running, 60) == len(journey.draws)


async def test_the_same_seed_brings_the_same_steps() -> None:
    first, second, other = Recorder(), Recorder(), Recorder()
    for journey, seed in ((first, 1), (second, 1), (other, 2)):
        await generate(journey, rate=200, seed=seed, max_seconds=0.1, stop=asyncio.Event())
    assert first.draws == second.draws != other.draws


async def test_the_generator_ends_at_once_when_it_is_told_to() -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(
        generate(Recorder(), rate=0.001, seed=1, max_seconds=3600, stop=stop)
    )
    await asyncio.sleep(0)
    stop.set()
    assert await asyncio.wait_for(running, 30) == 0


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/", "http://localhost:80", "http://[::1]:80", "http://127.8.8.8"]
)
def test_base_urls_on_this_machine_are_taken(url: str) -> None:
    assert loopback_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://10.0.0.1:80",
        "https://127.0.0.1",
        "127.0.0.1:80",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com/",
        "http://localhost.example.com",
        "http://0.0.0.0:80",
        "",
    ],
)
def test_any_other_base_url_is_refused(url: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="not on this machine"):
        loopback_url(url)


async def test_each_request_is_written_down_with_what_became_of_it(
    tmp_path: Path,
) -> None:
    paths = []

    async def answer(request: web.BaseRequest) -> web.Response:
        paths.append(request.path)
        if request.path == "/drop":
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=502 if request.path == "/fail" else 200, text="<html>")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    path = tmp_path / "truth.jsonl"
    truth = TruthFile(path)
    async with Client(url, truth) as client:
        for name in ("fine", "fail", "fine", "drop"):
            await client.ask(name, "GET", f"/{name}")
        await runner.cleanup()
        await client.ask("refused", "GET", "/")
        await client.ask("unseen", "GET", "/", in_truth=False)
    truth.close()
    assert paths == ["/fine", "/fail", "/fine", "/drop"], "nothing was tried twice"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["name"], one["ok"], one["status"]) for one in lines] == [
        ("fine", True, 200),
        ("fail", False, 502),
        ("fine", True, 200),
        ("drop", False, None),
        ("refused", False, None),
    ]
    assert all(one["kind"] == "request" and one["done_at"] >= one["sent_at"] for one in lines)
    assert lines[3]["error"] and lines[4]["error"]


def start(tmp_path: Path, url: str, *more: str) -> processes.Process:
    return processes.start(
        processes.python(
            "lab.traffic",
            *("--ready", tmp_path / "ready", "--truth", tmp_path / "truth.jsonl"),
            *("--journeys", "lab.journeys.bank", "--base-url", url, "--rate", "100", *more),
        ),
        log_path=tmp_path / "traffic.log",
        name="traffic",
    )


async def test_the_process_runs_until_sigterm_and_then_writes_what_it_found(
    small_bank: SmallBank, tmp_path: Path
) -> None:
    process = start(tmp_path, small_bank.url)
    try:
        await asyncio.to_thread(processes.wait_ready, tmp_path / "ready", process)
        async with asyncio.timeout(60):
            while len(small_bank.transfers) < 3:  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.02)
        os.kill(process.pid, signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 60) == 0
    finally:
        await asyncio.to_thread(process.stop, 1)
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert lines[-1]["kind"] == "integrity"
    assert lines[-1]["acknowledged"] == len(small_bank.transfers) == len(small_bank.receipts)
    assert lines[-1]["missing"] == lines[-1]["duplicated"] == []


async def test_the_process_ends_by_itself_after_its_time(
    small_bank: SmallBank, tmp_path: Path
) -> None:
    process = start(tmp_path, small_bank.url, "--max-seconds", "0.5")
    try:
        assert await asyncio.to_thread(process.wait, 60) == 0
    finally:
        await asyncio.to_thread(process.stop, 1)
    assert '"kind":"integrity"' in (tmp_path / "truth.jsonl").read_text()


def test_another_host_is_refused_with_one_clear_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lab.traffic", "--ready", str(tmp_path / "r"), "--truth"]
    command += [str(tmp_path / "t"), "--journeys", "lab.journeys.bank", "--rate", "1"]
    done = subprocess.run(
        [*command, "--base-url", "http://192.0.2.1"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert "not on this machine" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
