"""Keeps a PostgreSQL running for every RDS instance of the account."""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from lab.compute.cloud import Cloud, CloudDatabase
from lab.compute.jobs import Jobs
from lab.compute.manifest import ROOT, Manifest
from lab.compute.truth_log import TruthLog
from lab.database import Database, DatabaseError

_log = logging.getLogger(__name__)
POLL_SECONDS = 0.3


class Databases:
    """Starts, reboots and removes databases as their RDS instances say."""

    def __init__(
        self,
        cloud: Cloud,
        manifest: Manifest,
        *,
        directory: Path,
        truth: TruthLog,
        metric_period_seconds: float,
    ) -> None:
        self._cloud = cloud
        self._manifest = manifest
        self._directory = directory
        self._truth = truth
        self._metric_period_seconds = metric_period_seconds
        self._databases: dict[str, Database] = {}
        self._jobs = Jobs("database", DatabaseError)
        # Set once the workload's database has its tables.
        self.prepared = asyncio.Event()
        self._prepared: str | None = None
        if manifest.database is None:
            self.prepared.set()

    @property
    def workloads(self) -> Database | None:
        """The database of the workload, once it is prepared."""
        return self._databases.get(self._prepared) if self._prepared else None

    async def run(self) -> None:
        """Reconcile until cancelled, then shut the databases down."""
        metrics = asyncio.create_task(self._publish_connections())
        try:
            while True:
                try:
                    await self._reconcile(await asyncio.to_thread(self._cloud.databases))
                except (BotoCoreError, ClientError, OSError) as error:
                    _log.warning("databases: %s", error)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            metrics.cancel()
            self._jobs.cancel()
            await asyncio.gather(
                *(asyncio.to_thread(database.stop) for database in self._databases.values())
            )

    async def _reconcile(self, wanted: list[CloudDatabase]) -> None:
        for identifier in self._databases.keys() - {database.identifier for database in wanted}:
            self._jobs.begin(identifier, self._remove(identifier))
        for item in wanted:
            database = self._databases.get(item.identifier)
            if item.identifier in self._jobs or item.status in {"deleting", "stopped"}:
                continue
            if database is None:
                self._jobs.begin(item.identifier, self._create(item))
            elif item.status == "rebooting":
                self._jobs.begin(item.identifier, self._reboot(database))
            elif not database.running:
                self._jobs.begin(item.identifier, self._restart(database))
            elif self._manifest.database is not None and not self.prepared.is_set():
                self._jobs.begin(item.identifier, self._prepare(database, alone=len(wanted) == 1))

    async def _create(self, item: CloudDatabase) -> None:
        of_workload = self._manifest.database
        database = Database(
            identifier=item.identifier,
            name=item.name or (of_workload.name if of_workload else "postgres"),
            user=item.user or (of_workload.user if of_workload else "postgres"),
            directory=self._directory / item.identifier,
        )
        await asyncio.to_thread(database.start)
        self._databases[item.identifier] = database
        await self._announce(database, "started")

    async def _reboot(self, database: Database) -> None:
        self._truth.write("database", database.identifier, "stopping")
        await asyncio.to_thread(database.stop)
        self._truth.write("database", database.identifier, "stopped")
        await asyncio.to_thread(database.start)
        await self._announce(database, "started")

    async def _restart(self, database: Database) -> None:
        self._truth.write("database", database.identifier, "died")
        await asyncio.to_thread(database.start)
        await self._announce(database, "started")

    async def _announce(self, database: Database, what: str) -> None:
        self._truth.write("database", database.identifier, what)
        await asyncio.to_thread(
            self._cloud.set_database, database.identifier, status="available", port=database.port
        )

    async def _remove(self, identifier: str) -> None:
        database = self._databases.pop(identifier)
        await asyncio.to_thread(database.remove)
        self._truth.write("database", identifier, "gone")

    async def _prepare(self, database: Database, *, alone: bool) -> None:
        """Make the workload's tables, if this is the workload's database."""
        published = await asyncio.to_thread(self._cloud.database_of, self._manifest.workload)
        if database.identifier != published and not (alone and published is None):
            return
        setup = self._manifest.database and self._manifest.database.table_setup
        if setup:

            def fill_in(text: str) -> str:
                text = text.replace("{python}", sys.executable)
                return text.replace("{database_url}", database.url)

            directory = ROOT / setup.directory
            result = await asyncio.to_thread(
                subprocess.run,
                [fill_in(part) for part in setup.command],
                cwd=directory,
                env={
                    **os.environ,
                    "PYTHONPATH": str(directory),
                    **{name: fill_in(value) for name, value in setup.env.items()},
                },
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            if result.returncode != 0:
                raise DatabaseError(f"{' '.join(setup.command)} failed:\n{result.stderr[-4000:]}")
        self._prepared = database.identifier
        self.prepared.set()

    async def _publish_connections(self) -> None:
        """AWS/RDS DatabaseConnections, at the start of every period; none while it is down."""
        period = self._metric_period_seconds
        while True:
            at = (time.time() // period + 1) * period
            await asyncio.sleep(at - time.time())
            for identifier, database in list(self._databases.items()):
                with contextlib.suppress(psycopg.Error):
                    connections = await asyncio.to_thread(database.connections)
                    try:
                        await asyncio.to_thread(
                            self._cloud.put_connections, identifier, connections, at
                        )
                    except (BotoCoreError, ClientError) as error:
                        _log.warning("database %s: metrics not published: %s", identifier, error)
