"""This project's judge on the traces: the class that ships, one trace after another."""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from bench.judge.peers import ALPHA, NEVER, Looks
from bench.judge.traces import CANARY_REQUESTS, STABLE_REQUESTS, Traces
from steadystate.domain.judge import CountJudge, Decision

PROCESSES = 2
CHUNK = 500

Trace = tuple[list[int], list[int], list[int]]


def steadystate(traces: Traces) -> Looks:
    """CountJudge, margin 1, with stable's history of 60 minutes."""
    return _judge_all(traces, traces.history.tolist())


def steadystate_without_history(traces: Traces) -> Looks:
    """CountJudge, margin 1, knowing nothing of stable's dispersion."""
    return _judge_all(traces, [[] for _ in traces.history])


def _judge_all(traces: Traces, histories: list[list[int]]) -> Looks:
    lines = zip(traces.canary.tolist(), traces.stable.tolist(), histories, strict=True)
    with ProcessPoolExecutor(PROCESSES) as pool:
        return np.array(list(pool.map(first_rollback, lines, chunksize=CHUNK)))


def first_rollback(trace: Trace) -> int:
    """The look at which the judge finds a regression in one trace, or NEVER."""
    canary, stable, history = trace
    judge = CountJudge(ALPHA, 1.0, [(bad, STABLE_REQUESTS) for bad in history])
    looks: Iterable[tuple[int, int]] = zip(canary, stable, strict=True)
    for look, (canary_bad, stable_bad) in enumerate(looks, start=1):
        judgement = judge.update(canary_bad, CANARY_REQUESTS, stable_bad, STABLE_REQUESTS)
        if judgement.decision is Decision.REGRESSION:
            return look
    return NEVER
