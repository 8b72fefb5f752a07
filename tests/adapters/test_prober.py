"""The prober against real servers that are well, slow, failing, refusing, or rude."""

import time
from collections.abc import Iterator, Sequence

import pytest

from steadystate.adapters import prober
from steadystate.adapters.prober import HttpProber
from steadystate.documents.workload import Probe
from steadystate.domain.recovery import Tick
from tests.adapters.servers import Server, closed_port, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def never(_: Sequence[Tick]) -> bool:
    return False


def probe(url: str, *, requests: int = 10, timeout: str = "10s", status: int = 200) -> Probe:
    return Probe.model_validate(
        {"url": url, "requests": requests, "timeout": timeout, "status": status}
    )


def test_requests_are_spread_evenly_over_the_seconds(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments: list[float] = []

    def note(moment: float) -> None:
        moments.append(moment)
        sleep_until(moment)

    sleep_until = prober._sleep_until
    monkeypatch.setattr(prober, "_sleep_until", note)
    began = time.time()
    ticks = HttpProber().probe(probe(f"{server.url}/ok"), 2, never)
    assert [(t.sent, t.failed) for t in ticks] == [(10, 0), (10, 0)]
    turns = [second + k / 10 for second in (0, 1) for k in (*range(10), 9.5)]
    assert [moment - moments[0] for moment in moments] == pytest.approx(turns)
    assert len(server.arrived) == 20
    early = [at - began - k / 10 for k, at in enumerate(sorted(server.arrived))]
    assert min(early) > -0.01, "none is sent before its turn"
    assert ticks[1].at - ticks[0].at > 0.9
    assert ticks[0].p95_milliseconds is not None
    assert ticks[0].p95_milliseconds > 0


@pytest.mark.parametrize("path", ["/hangup", "/nothing", "/silent"])
def test_a_server_that_hangs_up_refuses_or_is_silent_fails_every_probe(
    server: Server, path: str
) -> None:
    (tick,) = HttpProber().probe(probe(server.url + path, timeout="300ms"), 1, never)
    assert (tick.sent, tick.failed) == (10, 10)
    assert tick.p95_milliseconds is None


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1", "nowhere.invalid", "a" * 70 + ".invalid"])
def test_an_address_that_cannot_be_reached_fails_every_probe(host: str) -> None:
    url = f"http://{host}:{closed_port()}/"
    (tick,) = HttpProber().probe(probe(url, requests=5), 1, never)
    assert (tick.sent, tick.failed) == (5, 5)


def test_slow_answers_delay_no_other_request_and_are_timed(server: Server) -> None:
    server.together = 20
    ticks = HttpProber().probe(probe(f"{server.url}/together"), 2, never)
    assert [(t.sent, t.failed) for t in ticks] == [(10, 0), (10, 0)]
    assert ticks[0].p95_milliseconds is not None
    assert ticks[0].p95_milliseconds >= 1800, "the first waited for the last, 1.9 s later"


def test_an_answer_after_the_timeout_is_a_failure_of_when_it_was_sent(server: Server) -> None:
    server.slowly_seconds = 0.8
    began = time.time()
    (tick,) = HttpProber().probe(probe(f"{server.url}/slow", timeout="200ms"), 1, never)
    assert (tick.sent, tick.failed) == (10, 10)
    assert tick.first_failed_at is not None
    assert tick.last_failed_at is not None
    assert tick.at - 0.001 <= tick.first_failed_at <= min(server.arrived) + 0.001
    assert began + 0.89 <= tick.last_failed_at <= max(server.arrived) + 0.001


def test_failures_are_dated_by_when_they_were_sent(server: Server) -> None:
    def switch(ticks: Sequence[Tick]) -> bool:
        if len(ticks) == 1:
            server.broken.set()
        elif len(ticks) == 2:
            server.broken.clear()
        return False

    ticks = HttpProber().probe(probe(f"{server.url}/switch", requests=20), 3, switch)
    failed = [t for t in ticks if t.failed]
    assert sum(t.failed for t in ticks) == len(server.refused) > 0
    first, last = failed[0], failed[-1]
    assert first.first_failed_at is not None
    assert last.last_failed_at is not None
    assert first.at - 0.001 <= first.first_failed_at <= min(server.refused) + 0.001
    assert last.at - 0.001 <= last.last_failed_at <= max(server.refused) + 0.001


def test_the_probe_ends_as_soon_as_it_is_told(server: Server) -> None:
    asked: list[int] = []

    def stop(ticks: Sequence[Tick]) -> bool:
        asked.append(len(ticks))
        return len(ticks) == 2

    ticks = HttpProber().probe(probe(f"{server.url}/ok"), 30, stop)
    assert len(ticks) == 2
    assert asked == [1, 2]
    assert len(server.arrived) == 20


def test_a_server_that_drips_holds_no_look_beyond_the_timeout(server: Server) -> None:
    began = time.monotonic()
    (tick,) = HttpProber().probe(probe(f"{server.url}/drip", timeout="500ms"), 1, never)
    assert time.monotonic() - began < 60
    assert (tick.sent, tick.failed) == (10, 10)


def test_another_status_than_the_one_expected_is_a_failure(server: Server) -> None:
    server.bodies["/moved"] = (302, b"")
    (moved,) = HttpProber().probe(probe(f"{server.url}/moved", status=200), 1, never)
    assert moved.failed == moved.sent
    (expected,) = HttpProber().probe(probe(f"{server.url}/moved", status=302), 1, never)
    assert expected.failed == 0
