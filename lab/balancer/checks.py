"""Health checks over the network, each on a connection of its own."""

import asyncio
from collections.abc import Callable

import aiohttp

from lab.balancer.health import CheckResult
from lab.balancer.model import HealthCheck

USER_AGENT = "ELB-HealthChecker/2.0"


def new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
    )


async def check_once(
    session: aiohttp.ClientSession, address: tuple[str, int] | None, check: HealthCheck
) -> CheckResult:
    """Ask once. A target without an address, or that refuses, has failed at once."""
    if address is None:
        return CheckResult(None, "connection")
    host, port = address[0], check.port or address[1]
    try:
        async with session.get(
            f"http://{host}:{port}{check.path}",
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=check.timeout_seconds),
        ) as answer:
            return CheckResult(answer.status)
    except TimeoutError:
        return CheckResult(None, "timeout")
    except (aiohttp.ClientError, OSError):
        return CheckResult(None, "connection")


async def check_forever(
    session: aiohttp.ClientSession,
    current: Callable[[], tuple[tuple[str, int] | None, HealthCheck]],
    observe: Callable[[CheckResult], None],
) -> None:
    """One check every interval, the first at once. Address and settings are asked each time."""
    loop = asyncio.get_running_loop()
    while True:
        started = loop.time()
        address, check = current()
        observe(await check_once(session, address, check))
        await asyncio.sleep(max(0.0, started + check.interval_seconds - loop.time()))
