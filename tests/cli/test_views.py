"""What people see while a run goes on, and where words may go."""

import io

import pytest
from rich.console import Console

from cli.indicators import indicators, probe_line, sparkline
from cli.outcome import panel
from cli.output import Output
from cli.place import Execution
from cli.progress import Snapshot
from cli.views import PlainView, picture
from steadystate.domain.recovery import Tick
from tests.cli.made import BEGAN, MadeRun, made_run


def snapshot(made: MadeRun, status: str = "RUNNING", closed: bool = False) -> Snapshot:
    execution = Execution(status, "Watch Window", "", "")
    return Snapshot(
        "made-1", BEGAN + 42, execution, made.run, made.samples, made.events, [], closed
    )


def drawn(what: object, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [78, 118, 200])
def test_the_picture_of_a_run_fits_its_columns_and_shows_every_part(width: int) -> None:
    made = made_run(error_rate=40.0)
    lines = drawn(picture(snapshot(made), width), width + 2)
    assert {len(line) for line in lines} == {width}
    text = "\n".join(lines)
    assert "done  0:42   machine Watch Window   fault completed, 1 hit" in text
    errors = next(line for line in lines if " errors " in line)
    assert "40 %  < 5 %" in errors
    assert "MISSED" in errors
    assert "█" in errors
    if width > 100:  # on narrow screens the latest seconds alone
        assert "·····xx····" in text
    assert "10 of 800 failed" in text
    assert "too-many-errors: probe_errors < 90 %  HELD" in text
    assert "22:13:30  fault started: FIS experiment EXP1" in text


@pytest.mark.parametrize("width", [80, 120])
def test_the_verdict_fits_its_columns_and_cuts_no_number(width: int) -> None:
    text = "\n".join(lines := drawn(panel(made_run().evidence()), width))
    assert {len(line) for line in lines} == {width}
    assert "PASS bank-instance-loss on bank" in text
    assert "< 2 x baseline = 250 ms" in " ".join(text.replace("│", " ").split())
    assert "…" not in text


def test_a_run_without_a_look_shows_no_value_as_kept() -> None:
    made = made_run()
    empty = Snapshot("made-1", BEGAN, Execution("RUNNING", "", "", ""), made.run, [], [], [], False)
    assert all(one.kept is None for one in indicators(made.run, []))
    assert " ok " not in "\n".join(drawn(picture(empty, 78), 80))
    unplanned = Snapshot(
        "made-1", BEGAN, Execution("RUNNING", "Plan Run", "", ""), None, [], [], [], False
    )
    assert "planning   machine Plan Run" in "\n".join(drawn(picture(unplanned, 78), 80))


def test_an_ended_run_that_is_not_closed_says_what_is_waited_for() -> None:
    waiting = "machine ABORTED, waiting for undo and release"
    open_run = snapshot(made_run(), "ABORTED")
    assert waiting in "\n".join(drawn(picture(open_run, 118), 120))
    closed = snapshot(made_run(), "ABORTED", closed=True)
    assert waiting not in "\n".join(drawn(picture(closed, 118), 120))


def test_plain_lines_tell_each_event_and_look_once() -> None:
    stream = io.StringIO()
    view = PlainView(Output(stream), since=0.0)
    made = made_run()
    view.show(snapshot(MadeRun(made.run, made.samples[:2], made.events[:1])))
    view.show(snapshot(made))
    view.show(snapshot(made))
    lines = stream.getvalue().splitlines()
    assert len(lines) == len(made.samples) + len(made.events)
    assert "\x1b" not in stream.getvalue()


def test_no_text_can_move_the_cursor() -> None:
    stream = io.StringIO()
    Output(stream).line("a\x1b[2Jb\rc\x07 [red]한국어[/red]\td")
    assert stream.getvalue() == "a\\x1b[2Jb\\rc\\x07 [red]한국어[/red]\td\n"


def test_a_sparkline_shows_the_latest_values_from_zero_to_the_greatest() -> None:
    assert sparkline([9.0, 0.0, 4.0, 8.0], 3) == "▁▅█"
    assert sparkline([0.0, 0.0], 10) == "▁▁"
    assert sparkline([], 10) == ""


def test_the_probe_line_tells_some_from_all_from_none() -> None:
    ticks = [
        Tick(0.0, 20, 0, None, None, 1.0),
        Tick(1.0, 20, 1, 1.0, 1.0, 1.0),
        Tick(2.0, 20, 20, 2.0, 2.9, None),
        Tick(3.0, 0, 0, None, None, None),
    ]
    assert probe_line(ticks, 10) == "·xX "
    assert probe_line(ticks, 2) == "X "
