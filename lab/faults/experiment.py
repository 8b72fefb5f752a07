"""One FIS experiment: its actions in their order, and its state in the account."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any

from lab.compute.cloud import Cloud
from lab.compute.truth_log import TruthLog
from lab.faults.actions import ACTIONS, Compute, Context
from lab.faults.errors import ActionFailedError

_log = logging.getLogger(__name__)
_REPORT_ATTEMPTS = 5
EMPTY = "Target resolution returned empty set"


class Experiment:
    """Runs one experiment (the answer of GetExperiment) and reports what becomes of it.

    `targets` is what the account has resolved: target name -> ids of the resources.
    `run` returns when all actions are done. Faults of SSM documents that last longer than their
    action stay until their own end, or until `stop`.
    """

    def __init__(
        self,
        description: Mapping[str, Any],
        *,
        compute: Compute,
        cloud: Cloud,
        targets: Mapping[str, list[str]],
        truth: TruthLog,
    ) -> None:
        self.id: str = description["id"]
        self._actions: Mapping[str, Any] = description.get("actions") or {}
        self._targets = targets
        self._options: Mapping[str, Any] = description.get("experimentOptions") or {}
        self._compute = compute
        self._cloud = cloud
        self._truth = truth
        self._done = {name: asyncio.Event() for name in self._actions}
        self._status = dict.fromkeys(self._actions, "pending")
        self._kept: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Carry everything out. Cancelling it takes all its faults away."""
        try:
            await self._carry_out()
        except ActionFailedError as error:
            await self._fail(str(error))
        except Exception as error:
            _log.exception("experiment %s", self.id)
            await self._fail(f"Internal error: {error!r}")
        except BaseException:
            await self.clear()
            raise
        else:
            await self._report("completed", "Experiment completed.")

    async def _carry_out(self) -> None:
        self._check()
        await self._report("running", "Experiment is running.")
        try:
            async with asyncio.TaskGroup() as group:
                for name in self._actions:
                    group.create_task(self._run_action(name))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _fail(self, reason: str) -> None:
        await self.clear()
        await self._end_open_actions("cancelled", "Action was cancelled.")
        await self._report("failed", reason)

    async def stop(self, reason: str) -> None:
        """Say what a stop (after the cancellation of `run`) has left."""
        await self.clear()
        await self._end_open_actions("stopped", "Action was stopped.")
        await self._report("stopped", reason)

    async def clear(self) -> None:
        """Take away the faults that still act."""
        kept = list(self._kept)
        for task in kept:
            task.cancel()
        await asyncio.gather(*kept, return_exceptions=True)

    @property
    def acting(self) -> bool:
        """Whether a fault of it still acts."""
        return bool(self._kept)

    def _check(self) -> None:
        """All that can be known before the first action starts."""
        for name, action in self._actions.items():
            if action["actionId"] not in ACTIONS:
                raise ActionFailedError(
                    f"action {name}: {action['actionId']} is not supported in the lab"
                )
            for before in action.get("startAfter") or []:
                if before not in self._done:
                    raise ActionFailedError(f"action {name} starts after {before!r}, unknown here")
        empty = not all(self._targets.values())
        if empty and self._options.get("emptyTargetResolutionMode", "fail") != "skip":
            raise ActionFailedError(EMPTY)

    async def _run_action(self, name: str) -> None:
        action = self._actions[name]
        for before in action.get("startAfter") or []:
            await self._done[before].wait()
        key, run = ACTIONS[action["actionId"]]
        chosen = self._targets.get((action.get("targets") or {}).get(key or "", ""), [])
        if key is not None and not chosen:
            await self._set_action(name, "skipped", "Action was skipped.")
        else:
            await self._set_action(name, "running", "Action is running.")
            context = Context(self._compute, self._truth, self.id, name, self._keep)
            try:
                await run(context, chosen, action.get("parameters") or {})
            except ActionFailedError as error:
                await self._set_action(name, "failed", str(error))
                raise
            await self._set_action(name, "completed", "Action was completed.")
        self._done[name].set()

    def _keep(self, fault: Awaitable[None]) -> None:
        async def hold() -> None:
            await fault

        task = asyncio.create_task(hold())
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    async def _set_action(self, name: str, status: str, reason: str) -> None:
        self._status[name] = status
        await self._post({"actions": {name: {"status": status, "reason": reason}}})

    async def _end_open_actions(self, running_becomes: str, reason: str) -> None:
        becomes = {"running": (running_becomes, reason), "pending": ("cancelled", "Not started.")}
        changes = {
            name: becomes[status] for name, status in self._status.items() if status in becomes
        }
        self._status.update({name: status for name, (status, _) in changes.items()})
        if changes:
            await self._post(
                {
                    "actions": {
                        name: {"status": status, "reason": why}
                        for name, (status, why) in changes.items()
                    }
                }
            )

    async def _report(self, status: str, reason: str) -> None:
        await self._post({"state": {"status": status, "reason": reason}})

    async def _post(self, content: dict[str, Any]) -> None:
        for attempt in range(_REPORT_ATTEMPTS):
            try:
                await asyncio.to_thread(self._cloud.post, f"/lab/experiments/{self.id}", content)
            except OSError as error:
                _log.warning("experiment %s: state not reported: %s", self.id, error)
                await asyncio.sleep(0.1 * 2**attempt)
            else:
                return
