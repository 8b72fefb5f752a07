"""The compute process: instances, databases and faults of the lab.

    python -m lab.compute --ready FILE --workload FILE --state DIR --truth FILE

Serves the instance directory, the address in the ready file as `directory`:
`{"i-...": {"address": "127.0.0.1", "port": 40123, "state": "booting|running|stopped|gone"}}`;
the port of an instance that does not run is 0. Tasks of ECS are among them by their id, with
`"ip"`, their address in the account.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Protocol

from aiohttp import web

from lab import processes
from lab.compute.caches import Caches
from lab.compute.cloud import Cloud
from lab.compute.clusters import Clusters
from lab.compute.databases import Databases
from lab.compute.instances import Instance
from lab.compute.machines import Machines
from lab.compute.manifest import Manifest, ManifestError, read
from lab.compute.supervisor import Supervisor
from lab.compute.tasks import Tasks
from lab.compute.truth_log import TruthLog
from lab.faults.executor import Executor


async def serve(arguments: argparse.Namespace, manifest: Manifest) -> None:
    """Until SIGTERM; nothing that was started is left afterwards."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    cloud = Cloud(os.environ["AWS_ENDPOINT_URL"])
    truth = TruthLog(arguments.truth)
    machines, parts = _parts(arguments, manifest, cloud, truth)
    runner = await _serve_directory(machines)
    url = "http://{}:{}".format(*runner.addresses[0])
    processes.write_ready(arguments.ready, {"url": url, "directory": f"{url}/instances"})
    running = [asyncio.create_task(part.run(), name=type(part).__name__) for part in parts]
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, *running], return_when=asyncio.FIRST_COMPLETED)
    failed = [part for part in running if part.done()]
    for part in running:
        part.cancel()
        await asyncio.wait([part])
    await runner.cleanup()
    for part in failed:
        part.result()


class Part(Protocol):
    async def run(self) -> None:
        """Until cancelled; nothing that it started is left afterwards."""


def _parts(
    arguments: argparse.Namespace, manifest: Manifest, cloud: Cloud, truth: TruthLog
) -> tuple[Machines, list[Part]]:
    """What the workload needs. When all ends faults go first, and then what they act on."""
    state, instances = arguments.state, dict[str, Instance]()
    databases = Databases(
        cloud,
        manifest,
        directory=state / "databases",
        truth=truth,
        metric_period_seconds=arguments.metric_period_seconds,
    )
    supervisor = Supervisor(
        cloud, manifest, databases, instances, directory=state / "compute", truth=truth
    )
    caches = Caches(cloud, directory=state / "caches", truth=truth)
    tasks = Tasks(
        Clusters(cloud), manifest, caches, instances, directory=state / "compute", truth=truth
    )
    machines = Machines(instances, supervisor, tasks)
    parts: list[Part] = [Executor(machines, cloud, truth)]
    if manifest.services:
        parts += [supervisor, databases]
    if manifest.containers:
        parts += [tasks, caches]
    return machines, parts


async def _serve_directory(machines: Machines) -> web.AppRunner:
    async def instances(_: web.Request) -> web.Response:
        return web.json_response(machines.directory())

    application = web.Application()
    application.router.add_get("/instances", instances)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


def main() -> int:
    processes.exit_with_parent()
    parser = argparse.ArgumentParser(prog="lab.compute")
    parser.add_argument("--ready", type=Path, required=True)
    parser.add_argument("--workload", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--metric-period-seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s", level=logging.WARNING)
    if "AWS_ENDPOINT_URL" not in os.environ:
        sys.stderr.write("lab.compute: AWS_ENDPOINT_URL is not set: start the account first\n")
        return 2
    try:
        manifest = read(arguments.workload)
    except ManifestError as error:
        sys.stderr.write(f"lab.compute: {error}\n")
        return 2
    asyncio.run(serve(arguments, manifest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
