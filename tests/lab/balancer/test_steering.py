"""Where requests go: weights, rules, health, draining, and what is published of it."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from lab.balancer.model import Condition, FixedResponse, Forward, Redirect, Rule, Snapshot, Target
from tests.lab.balancer.conftest import BALANCER, BLUE, CHECK, GREEN, Bench


@pytest.fixture
async def client() -> Any:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


async def test_weights_split_requests_exactly_and_new_ones_take_effect_at_the_next_poll(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    blue, green = await bench.backend(), await bench.backend()
    bench.account.say(
        {BLUE: [blue.target], GREEN: [green.target]}, action=Forward(((BLUE, 90), (GREEN, 10)))
    )
    await bench.serving(blue, green)

    async def ask(times: int) -> tuple[int, int]:
        before = len(blue.requests), len(green.requests)
        for _ in range(times):
            async with client.get(bench.url) as answer:
                assert answer.status == 200
        return len(blue.requests) - before[0], len(green.requests) - before[1]

    assert await ask(50) == (45, 5)
    bench.account.forward((BLUE, 0), (GREEN, 100))
    await bench.taken_over()
    assert await ask(10) == (0, 10)


async def test_requests_go_round_the_healthy_targets_and_a_failing_one_is_left_out(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    one, two = await bench.backend(), await bench.backend()
    bench.account.say({BLUE: [one.target, two.target]})
    await bench.serving(one, two)
    for _ in range(6):
        await (await client.get(bench.url)).read()
    assert (len(one.requests), len(two.requests)) == (3, 3)
    two.health_status = 500
    await bench.state_of(two.target, "unhealthy")
    for _ in range(6):
        await (await client.get(bench.url)).read()
    assert (len(one.requests), len(two.requests)) == (9, 3)
    one.health_status = 500
    await bench.state_of(one.target, "unhealthy")
    async with client.get(bench.url) as answer:
        assert answer.status == 200, "with no healthy target left the group fails open"


async def test_a_new_target_gets_nothing_before_its_checks_pass(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    backend = await bench.backend()
    backend.health_status = 503
    bench.account.say({BLUE: [backend.target]}, check=replace(CHECK, unhealthy_threshold=1000))
    await bench.state_of(backend.target, "initial")
    async with client.get(bench.url) as answer:
        assert answer.status == 503
    assert not backend.requests


async def test_a_deregistered_target_finishes_what_it_has_and_gets_nothing_new(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        arrived.set()
        await go_on.wait()
        return web.Response(text="late")

    old, new = await bench.backend(wait), await bench.backend()
    bench.account.say({BLUE: [old.target]}, delay_seconds=60)
    await bench.serving(old)
    asking = asyncio.create_task(client.get(bench.url).__aenter__())
    await arrived.wait()
    bench.account.say({BLUE: [new.target]}, delay_seconds=60)
    await bench.state_of(old.target, "draining")
    await bench.serving(new)
    for _ in range(4):
        async with client.get(bench.url) as answer:
            assert await answer.text() == "ok"
    assert len(old.requests) == 1
    go_on.set()
    answer = await asking
    assert await answer.text() == "late"
    await bench.until(lambda: old.target not in bench.states())


async def test_what_is_left_after_the_deregistration_delay_is_cut_with_502(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    arrived = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        arrived.set()
        await asyncio.sleep(600)
        return web.Response()

    backend = await bench.backend(hang)
    bench.account.say({BLUE: [backend.target]}, delay_seconds=0.3)
    await bench.serving(backend)
    asking = asyncio.create_task(client.get(bench.url).__aenter__())
    await arrived.wait()
    bench.account.say({BLUE: []}, delay_seconds=0.3)
    answer = await asyncio.wait_for(asking, 60)
    assert answer.status == 502


async def test_rules_by_path_go_before_the_default_and_can_answer_by_themselves(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    blue, green = await bench.backend(), await bench.backend()
    bench.account.say(
        {BLUE: [blue.target], GREEN: [green.target]},
        rules=(
            Rule("1", 1, (Condition("path-pattern", ("/green/*",)),), Forward(((GREEN, 1),))),
            Rule(
                "2",
                2,
                (Condition("path-pattern", ("/closed",)),),
                FixedResponse(503, "application/json", '{"closed":true}'),
            ),
            Rule("3", 3, (Condition("path-pattern", ("/old",)),), Redirect(301, path="/new")),
        ),
    )
    await bench.serving(blue, green)
    await (await client.get(bench.url + "/green/x")).read()
    assert [request.path for request in green.requests] == ["/green/x"]
    async with client.get(bench.url + "/closed") as answer:
        assert (answer.status, await answer.json()) == (503, {"closed": True})
    async with client.get(bench.url + "/old?a=1", allow_redirects=False) as answer:
        assert answer.status == 301
        assert answer.headers["Location"] == bench.url + "/new?a=1"
    assert not blue.requests


async def test_a_target_by_instance_id_is_found_through_the_directory(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    backend = await bench.backend()
    instance = Target("i-0123456789abcdef0", 80)
    bench.account.say({BLUE: [instance]})
    await bench.state_of(instance, "unhealthy")
    bench.account.instances = {
        instance.id: {"address": "127.0.0.1", "port": backend.port, "state": "running"}
    }
    await bench.state_of(instance, "healthy")
    async with client.get(bench.url) as answer:
        assert answer.status == 200
    await bench.until(bench.access_log.read_text)
    line = json.loads(bench.access_log.read_text().splitlines()[-1])
    assert line["target"] == f"{instance.id}:80"
    assert line["target_group"] == BLUE
    assert line["load_balancer"] == BALANCER


async def test_a_task_is_found_by_its_address_and_one_that_ended_is_nowhere(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    """On the same port, and neither address is one of this machine."""
    backend = await bench.backend()
    here, gone = Target("10.30.0.17", 8080), Target("10.30.0.18", 8080)
    entry = {"address": "127.0.0.1", "port": backend.port, "state": "running"}
    bench.account.instances = {
        "0123": entry | {"ip": here.id},
        "4567": entry | {"ip": gone.id, "port": 0, "state": "gone"},
    }
    bench.account.say({BLUE: [here, gone]})
    await bench.state_of(here, "healthy")
    await bench.state_of(gone, "unhealthy")
    async with client.get(bench.url) as answer:
        assert answer.status == 200


async def test_a_group_that_nothing_forwards_to_is_unused(bench: Bench) -> None:
    blue, green = await bench.backend(), await bench.backend()
    bench.account.say({BLUE: [blue.target], GREEN: [green.target]})
    await bench.state_of(green.target, "unused")
    bench.account.forward((BLUE, 1), (GREEN, 0))
    await bench.state_of(green.target, "healthy")


async def test_health_is_published_again_without_a_change(bench: Bench) -> None:
    backend = await bench.backend()
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)
    before = len(bench.account.published_health)
    await bench.until(lambda: len(bench.account.published_health) > before)


async def test_nothing_listens_any_more_after_the_load_balancer_is_deleted(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    bench.account.say({BLUE: []})
    await bench.until(bench.service.urls)
    bench.account.snapshot = Snapshot()
    await bench.until(lambda: not bench.service.urls())
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get(bench.url)


async def test_connections_and_their_failures_are_published(
    bench: Bench, client: aiohttp.ClientSession
) -> None:
    backend = await bench.backend()
    bench.account.say({BLUE: [backend.target]})
    await bench.serving(backend)
    for _ in range(5):
        await (await client.get(bench.url)).read()
    await backend.stop()
    async with client.get(bench.url) as answer:
        assert answer.status == 502

    def total(name: str, dimensions: int = 1) -> float:
        return sum(
            float(datum["Value"])
            for datum in bench.account.datums
            if datum["MetricName"] == name and len(datum["Dimensions"]) == dimensions
        )

    # One connection of the client, one to the target, and the attempt that was refused.
    # A period may end between them, and is published by itself then.
    await bench.until(lambda: (total("NewConnectionCount"), total("RequestCount")) == (3, 6))
    assert total("TargetConnectionErrorCount") == total("TargetConnectionErrorCount", 2) == 1
    assert total("HTTPCode_Target_2XX_Count", 2) == 5
    assert total("HTTPCode_ELB_502_Count") == total("HTTPCode_ELB_5XX_Count") == 1
    assert any(datum["MetricName"] == "ActiveConnectionCount" for datum in bench.account.datums)
