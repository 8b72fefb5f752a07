"""`python -m lab.balancer --ready FILE --access-log FILE --directory URL`."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

import boto3
from botocore.config import Config

from lab.balancer.access_log import AccessLog
from lab.balancer.account import AccountReader
from lab.balancer.metrics import Metrics
from lab.balancer.service import Service
from lab.processes import exit_with_parent, write_ready

_THREAD_TURN_SECONDS = 0.0005
"""The account is read in a thread; requests should not wait long for it to pass the lock."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.balancer", description=__doc__)
    parser.add_argument("--ready", type=Path, required=True, help="written once it serves")
    parser.add_argument("--access-log", type=Path, required=True, help="JSON lines, appended")
    parser.add_argument(
        "--directory", help="URL of the instance directory (for targets by instance id)"
    )
    parser.add_argument("--metric-period-seconds", type=int, default=5)
    arguments = parser.parse_args()
    exit_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        print("AWS_ENDPOINT_URL is not set: where is the lab's account?", file=sys.stderr)
        return 2
    sys.setswitchinterval(_THREAD_TURN_SECONDS)
    asyncio.run(_serve(arguments, endpoint))
    return 0


async def _serve(arguments: argparse.Namespace, endpoint: str) -> None:
    config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
    service = Service(
        AccountReader(boto3.client("elbv2", config=config)),
        boto3.client("cloudwatch", config=config),
        account_url=endpoint,
        directory_url=arguments.directory,
        access_log=AccessLog(arguments.access_log),
        metrics=Metrics(arguments.metric_period_seconds),
    )
    task = asyncio.create_task(
        service.run(
            lambda: write_ready(
                arguments.ready, {"pid": os.getpid(), "load_balancers": service.urls()}
            )
        )
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


if __name__ == "__main__":
    sys.exit(main())
