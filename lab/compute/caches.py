"""Keeps a Redis running for every ElastiCache replication group of the account."""

import asyncio
import logging
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from lab.cache import Cache, CacheError
from lab.compute.cloud import Cloud
from lab.compute.jobs import Jobs
from lab.compute.truth_log import TruthLog

_log = logging.getLogger(__name__)
POLL_SECONDS = 0.5


class Caches:
    """Starts and removes caches as their replication groups say; one that died is started again."""

    def __init__(self, cloud: Cloud, *, directory: Path, truth: TruthLog) -> None:
        self._cloud = cloud
        self._directory = directory
        self._truth = truth
        self._caches: dict[str, Cache] = {}
        self._jobs = Jobs("cache", CacheError)
        # Set once the first one is there.
        self.prepared = asyncio.Event()

    @property
    def port(self) -> int:
        """Where the workload's cache listens, once `prepared` is set."""
        return next(iter(self._caches.values())).port

    async def run(self) -> None:
        """Reconcile until cancelled, then end the caches."""
        try:
            while True:
                try:
                    self._reconcile(await asyncio.to_thread(self._cloud.caches))
                except (BotoCoreError, ClientError, OSError) as error:
                    _log.warning("caches: %s", error)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._jobs.cancel()
            await asyncio.gather(*(asyncio.to_thread(c.stop) for c in self._caches.values()))

    def _reconcile(self, wanted: list[str]) -> None:
        for identifier in self._caches.keys() - set(wanted):
            self._jobs.begin(identifier, self._remove(identifier))
        for identifier in wanted:
            cache = self._caches.get(identifier)
            if cache is None or not cache.running:
                self._jobs.begin(identifier, self._start(identifier))

    async def _start(self, identifier: str) -> None:
        cache = self._caches.get(identifier)
        if cache is None:
            token = await asyncio.to_thread(self._cloud.auth_token, identifier)
            cache = Cache(identifier, self._directory / identifier, token)
        else:
            self._truth.write("cache", identifier, "died")
        await asyncio.to_thread(cache.start)
        self._caches[identifier] = cache
        self._truth.write("cache", identifier, "started")
        await asyncio.to_thread(self._cloud.set_cache, identifier, "available")
        self.prepared.set()

    async def _remove(self, identifier: str) -> None:
        await asyncio.to_thread(self._caches.pop(identifier).stop)
        self._truth.write("cache", identifier, "gone")
