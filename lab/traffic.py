"""`python -m lab.traffic --ready FILE --journeys lab.journeys.bank --base-url URL --rate N …`.

An open-loop generator: customers arrive at random (Poisson), whether or not the service answers.
Everything that happened to them goes to the truth log. It ends by itself after `--max-seconds`,
or on SIGTERM; then it finishes what is under way and checks what the service has promised.
"""

import argparse
import asyncio
import contextlib
import importlib
import ipaddress
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from urllib.parse import urlsplit

from lab.journeys import Journey
from lab.journeys.client import Client, TruthFile
from lab.processes import exit_with_parent, write_ready

log = logging.getLogger("lab.traffic")

FLUSH_SECONDS = 0.2


def loopback_url(text: str) -> str:
    """A base URL on this machine, without the slash at its end. Raises ArgumentTypeError."""
    parts = urlsplit(text)
    host = parts.hostname or ""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if parts.scheme != "http" or not loopback:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not on this machine: the traffic of the lab goes to "
            "http://127.0.0.1:<port> only"
        )
    return text.rstrip("/")


def journeys_module(name: str) -> ModuleType:
    """A module of journeys by its name. Raises ArgumentTypeError."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise argparse.ArgumentTypeError(f"no journeys {name!r}: {error}") from error
    if not hasattr(module, "journey"):
        raise argparse.ArgumentTypeError(f"{name!r} has no function journey(client)")
    return module


def arrivals(rate: float, random: Random) -> Iterator[tuple[float, Random]]:
    """Moments of a Poisson process, in seconds from its start, each with its own chance.

    The same `random` gives the same arrivals, whatever happens to their requests.
    """
    moment = 0.0
    while True:
        moment += random.expovariate(rate)
        yield moment, Random(random.getrandbits(64))


async def generate(
    journey: Journey, *, rate: float, seed: int, max_seconds: float, stop: asyncio.Event
) -> int:
    """Send arrivals until `stop` or `max_seconds`, and wait for their steps; how many there were.

    A late arrival (this process was busy) is sent at once; none is left out.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    count = 0
    async with asyncio.TaskGroup() as steps:
        for moment, random in arrivals(rate, Random(seed)):
            due = min(moment, max_seconds)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(started + due):
                    await stop.wait()
            if stop.is_set() or moment >= max_seconds:
                break
            steps.create_task(journey.step(random))
            count += 1
    return count


async def run(arguments: argparse.Namespace) -> None:
    """Generate traffic until it ends, and write the outcome."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    truth = TruthFile(arguments.truth)
    async with Client(arguments.base_url, truth) as client:
        journey: Journey = arguments.journeys.journey(client)
        flushing = asyncio.create_task(_flush_forever(truth))
        try:
            write_ready(arguments.ready, {"pid": os.getpid(), "base_url": arguments.base_url})
            count = await generate(
                journey,
                rate=arguments.rate,
                seed=arguments.seed,
                max_seconds=arguments.max_seconds,
                stop=stop,
            )
            log.info("%d arrivals; finishing", count)
            outcome = await journey.finish(arguments.finish_seconds)
            truth.write({"kind": "integrity", "at": time.time(), **outcome})
            log.info("outcome: %s", outcome)
        finally:
            flushing.cancel()
            truth.close()


async def _flush_forever(truth: TruthFile) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        truth.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.traffic", description=__doc__)
    parser.add_argument("--ready", type=Path, required=True, help="written once it starts")
    parser.add_argument(
        "--journeys", type=journeys_module, required=True, help="such as lab.journeys.bank"
    )
    parser.add_argument("--base-url", type=loopback_url, required=True)
    parser.add_argument("--rate", type=float, required=True, help="arrivals a second, on average")
    parser.add_argument("--truth", type=Path, required=True, help="JSON lines, appended")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same arrivals")
    parser.add_argument("--max-seconds", type=float, default=3600.0)
    parser.add_argument(
        "--finish-seconds", type=float, default=60.0, help="bound of the checks at the end"
    )
    arguments = parser.parse_args()
    if arguments.rate <= 0 or arguments.max_seconds <= 0:
        parser.error("--rate and --max-seconds must be positive")
    exit_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(run(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
