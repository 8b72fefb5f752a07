"""Work on several things at once, but on each of them only one piece at a time."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_log = logging.getLogger(__name__)
PAUSE_SECONDS = 1.0


class Jobs:
    """`kind` names in the log what is worked on; `expected` are errors that only say: later."""

    def __init__(self, kind: str, *expected: type[Exception]) -> None:
        self._kind = kind
        self._expected: tuple[type[Exception], ...] = (
            BotoCoreError,
            ClientError,
            OSError,
            *expected,
        )
        self._busy: dict[str, asyncio.Task[None]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._busy

    def begin(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin it, unless there is work on this already: then it is left out."""

        async def carry_out() -> None:
            try:
                await work
            except self._expected as error:
                _log.error("%s %s: %s", self._kind, key, error)
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                del self._busy[key]

        if key in self._busy:
            work.close()
        else:
            self._busy[key] = asyncio.create_task(carry_out())

    def cancel(self) -> None:
        for task in self._busy.values():
            task.cancel()
