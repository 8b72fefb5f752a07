"""The prober: evenly spaced requests through the front door, and what became of each."""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import urllib3

from steadystate.adapters.readings import read_body
from steadystate.documents.workload import Probe
from steadystate.domain.recovery import Tick


class _Answer(NamedTuple):
    sent_at: float
    ok: bool
    milliseconds: float


class HttpProber:
    """The port Prober over HTTP. A request that is late never delays the next."""

    def probe(
        self, probe: Probe, seconds: int, stop: Callable[[Sequence[Tick]], bool]
    ) -> list[Tick]:
        """Probe for so many seconds, or until `stop`, asked after every second, says so."""
        workers = max(4, math.ceil(probe.requests * (probe.timeout + 1)))
        pool = urllib3.PoolManager(maxsize=workers, retries=False)
        starts: list[float] = []
        answers: list[list[_Answer]] = []
        with ThreadPoolExecutor(workers, thread_name_prefix="probe") as threads:
            begin = time.monotonic()
            for second in range(seconds):
                starts.append(time.time())
                answers.append([])
                for k in range(probe.requests):
                    _sleep_until(begin + second + k / probe.requests)
                    done = threads.submit(_ask, pool, probe)
                    done.add_done_callback(lambda f, into=answers[-1]: into.append(f.result()))  # type: ignore[misc]
                _sleep_until(begin + second + 1 - 0.5 / probe.requests)
                if stop([_tick(at, a) for at, a in zip(starts, answers, strict=True)]):
                    break
        pool.clear()
        return [_tick(at, a) for at, a in zip(starts, answers, strict=True)]


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _ask(pool: urllib3.PoolManager, probe: Probe) -> _Answer:
    sent_at, clock = time.time(), time.monotonic()
    try:
        answer = pool.request(
            "GET",
            probe.url,
            timeout=urllib3.Timeout(total=probe.timeout),
            redirect=False,
            headers={"User-Agent": "steadystate-prober"},
            preload_content=False,
        )
        whole = read_body(answer, clock + probe.timeout) is not None
        ok = whole and answer.status == probe.status
    except urllib3.exceptions.HTTPError:
        ok = False
    spent = time.monotonic() - clock
    return _Answer(sent_at, ok and spent <= probe.timeout, spent * 1000.0)


def _tick(at: float, answers: Sequence[_Answer]) -> Tick:
    answers = sorted(answers)
    failed = [a.sent_at for a in answers if not a.ok]
    latencies = sorted(a.milliseconds for a in answers if a.ok)
    p95 = latencies[math.ceil(0.95 * len(latencies)) - 1] if latencies else None
    return Tick(
        at=round(at, 3),
        sent=len(answers),
        failed=len(failed),
        first_failed_at=round(failed[0], 3) if failed else None,
        last_failed_at=round(failed[-1], 3) if failed else None,
        p95_milliseconds=round(p95, 1) if p95 is not None else None,
    )
