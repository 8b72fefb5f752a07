"""How a service gets from what runs to what it wants, within its bounds."""

import pytest

from lab.compute.scheduling import Orders, Present, Wanted, decide


def task(name: str, deployment: str = "now", *, steady: bool = True, bad: bool = False) -> Present:
    return Present(name, deployment, steady, bad)


def test_a_service_starts_what_it_lacks() -> None:
    assert decide(Wanted(3, "now"), [task("a")]) == Orders(start=2, stop=())


def test_a_service_that_has_what_it_wants_does_nothing() -> None:
    assert decide(Wanted(1, "now"), [task("a", steady=False)]) == Orders(start=0, stop=())


def test_a_smaller_service_first_stops_what_does_not_serve_then_the_youngest() -> None:
    tasks = [task("old"), task("starting", steady=False), task("young")]
    assert decide(Wanted(2, "now"), tasks).stop == ("starting",)
    assert decide(Wanted(1, "now"), tasks).stop == ("young", "starting")


def test_a_service_of_none_stops_all_whatever_its_bounds() -> None:
    assert decide(Wanted(0, "now"), [task("a"), task("b", "before")]).stop == ("a", "b")


def test_an_unhealthy_task_is_stopped_and_later_replaced() -> None:
    assert decide(Wanted(2, "now"), [task("a"), task("b", bad=True)]).stop == ("b",)


def test_a_deployment_starts_the_new_before_it_stops_the_old() -> None:
    wanted = Wanted(2, "now")
    old = [task("a", "before"), task("b", "before")]
    assert decide(wanted, old) == Orders(start=2, stop=())
    starting = [task("c", steady=False), task("d", steady=False)]
    assert decide(wanted, [*old, *starting]) == Orders(start=0, stop=())
    assert decide(wanted, [*old, task("c"), task("d", steady=False)]).stop == ("a",)
    assert decide(wanted, [*old, task("c"), task("d")]).stop == ("a", "b")


@pytest.mark.parametrize(("maximum", "started"), [(100, 0), (150, 1), (200, 2)])
def test_a_deployment_stays_within_its_maximum(maximum: int, started: int) -> None:
    old = [task("a", "before"), task("b", "before")]
    wanted = Wanted(2, "now", minimum_percent=100, maximum_percent=maximum)
    assert decide(wanted, old).start == started


def test_a_deployment_may_go_below_the_wanted_count_down_to_its_minimum() -> None:
    old = [task("a", "before"), task("b", "before")]
    wanted = Wanted(2, "now", minimum_percent=50, maximum_percent=100)
    assert decide(wanted, old).stop == ("a",)


def test_an_old_task_that_does_not_serve_may_go_at_once() -> None:
    old = [task("a", "before", steady=False), task("b", "before")]
    assert decide(Wanted(1, "now"), old).stop == ("a",)
