"""Canaries as the command line sees them, played in the small world of the canary's own tests."""

from cli.place import Execution
from cli.progress import Snapshot
from tests.canary.worlds import RUN, World


def seen(world: World, status: str = "RUNNING", *, closed: bool = False) -> Snapshot:
    """A canary as `watch` sees it."""
    run = world.kept()
    return Snapshot(
        RUN,
        world.clock.at,
        Execution(status, "Bake Canary", "", ""),
        run,
        [],
        world.table.events(RUN),
        world.table.undo_records(RUN),
        closed,
        world.table.looks(RUN),
    )


def worse(after_seconds: float = 20.0) -> World:
    """A canary that fails a request in twenty at its first step, and went back."""
    world = World()
    world.plan()
    world.until("bake")
    world.clock.wait(after_seconds)
    world.sides.turn_worse(errors=0.05)
    world.until("evaluate", "bake")
    world.evaluate()
    return world
