"""What people see of a canary: while it goes on, at its end, and when it is judged again."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cli.canary_views import evidence_bar, share_text
from cli.outcome import lines, panel
from cli.output import Output
from cli.views import PlainView, picture
from steadystate.domain.verdict import EXIT_CODES, Verdict
from steadystate.evidence import Evidence
from tests.canary.worlds import World
from tests.cli.canaries import seen, worse
from tests.cli.conftest import Invoke


def drawn(what: object, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.fixture(scope="module")
def back() -> World:
    return worse()


@pytest.fixture(scope="module")
def promoted() -> World:
    world = World()
    world.run()
    return world


@pytest.mark.parametrize("width", [78, 118, 200])
def test_the_picture_shows_step_weights_counts_and_evidence(back: World, width: int) -> None:
    told = drawn(picture(seen(back), width), width + 2)
    assert {len(line) for line in told} == {width}
    text = "\n".join(told)
    assert "shop-canary on shop" in text
    assert "10 ✗ → 50 → 100 %" in text
    assert "stable 100 ███" in text
    assert " 0 canary" in text
    assert "healthy  stable 3  canary 2" in text
    errors = next(line for line in told if " errors " in line)
    assert "██████ 200 of 200" in errors
    assert errors.partition("200 of 200")[0].count(" of ") == 2
    assert ("to promote" in text) == (width > 100)
    slow = next(line for line in told if " slow " in line)
    assert "░" in slow
    assert "outage: probe_errors < 50 %  HELD" in text


def test_very_much_evidence_is_shown_in_words_that_fit_beside_the_rest(promoted: World) -> None:
    snapshot = seen(promoted)
    last = snapshot.looks[-1]
    metrics = {
        name: metric.model_copy(update={"promotion": 3.05e105, "needed": 20.0})
        for name, metric in last.metrics.items()
    }
    looks = [*snapshot.looks[:-1], last.model_copy(update={"metrics": metrics})]
    told = drawn(picture(replace(snapshot, looks=looks), 100), 102)
    for name in metrics:
        assert "over 1,000,000 of 20" in next(line for line in told if f" {name} " in line)


@pytest.mark.parametrize(
    ("bad", "of", "told"),
    [
        (0, 0, "0 of 0"),
        (10, 10, "10 of 10 = 100 %"),
        (199, 200, "199 of 200 = 100 %"),
        (10, 680, "10 of 680 = 1.5 %"),
        (7, 7320, "7 of 7320 = 0.096 %"),
    ],
)
def test_a_share_is_told_in_plain_digits(bad: int, of: int, told: str) -> None:
    assert share_text(bad, of) == told


def test_a_canary_that_has_just_been_planned_shows_no_number_that_is_not_there() -> None:
    world = World()
    world.plan()
    text = "\n".join(drawn(picture(seen(world), 100), 102))
    assert "[10] → 50 → 100 %" in text
    assert "100/0, not moved yet" in text
    assert "no look yet" in text
    assert text.count("no data yet") == 2
    assert "not looked at yet" in text


def test_a_canary_that_waits_for_a_person_says_what_is_asked_and_how_to_answer() -> None:
    world = World(steps=[{"weight": 10, "approve": True}, 100])
    world.plan()
    world.until("ask")
    world.ask()
    text = "\n".join(drawn(picture(seen(world), 118), 120))
    assert "waiting  " in text
    assert "[10] (approval) → 100 %" in text
    assert "asks     10 % held, with evidence" in text
    assert " UTC: steadystate approve|reject canary-1" in text
    stream = io.StringIO()
    PlainView(Output(stream), since=0.0).show(seen(world))
    assert "approval needed: 10 % held, with evidence" in stream.getvalue()


def test_plain_lines_tell_each_event_and_look_once(back: World) -> None:
    stream = io.StringIO()
    view = PlainView(Output(stream), since=0.0)
    for _ in range(2):
        view.show(seen(back))
    told = stream.getvalue().splitlines()
    snapshot = seen(back)
    assert len(told) == len(snapshot.looks) + len(snapshot.events)
    looks = [line for line in told if " look " in line]
    assert "look 1 baking at 10 %: weights 90/10; healthy stable 3, canary 2" in looks[0]
    assert "e 200 of 200 REGRESSION" in looks[-1]
    assert "\x1b" not in stream.getvalue()


def test_the_end_says_how_traffic_moved_and_why_it_went_back(back: World) -> None:
    text = "\n".join(told := lines(back.evidence()))
    assert told[0].startswith("verdict FAIL: regression: errors: e-value reached 200")
    assert "step 10 %: rolled back" in text
    assert "step 50 %: not reached" in text
    assert "metric errors: canary " in text
    assert "e-value 200 of 200" in text
    assert "weights stable/canary" in text
    assert "90/10 → 100/0, each read back" in text
    assert "rollback to 100/0, read back 0." in text
    assert "objective" not in text


def test_the_end_of_a_promoted_canary_tells_every_step(promoted: World) -> None:
    text = "\n".join(lines(promoted.evidence()))
    for weight in (10, 50, 100):
        assert f"step {weight} %: promoted" in text
    assert "90/10 → 50/50 → 0/100" in text
    assert "rollback" not in text
    assert "undo weights undone" in text


@pytest.mark.parametrize("width", [80, 120])
def test_the_end_fits_its_columns_and_cuts_no_number(
    back: World, promoted: World, width: int
) -> None:
    for world in (back, promoted):
        told = drawn(panel(world.evidence()), width)
        assert {len(line) for line in told} == {width}
        assert "…" not in "\n".join(told)


def written(folder: Path, evidence: Evidence) -> Path:
    path = folder / "run.json"
    path.write_text(evidence.to_json(), encoding="utf-8")
    return path


@pytest.mark.parametrize(("which", "verdict"), [("back", "FAIL"), ("promoted", "PASS")])
def test_a_stored_canary_is_judged_the_same_again(
    tmp_path: Path, invoke: Invoke, request: pytest.FixtureRequest, which: str, verdict: str
) -> None:
    evidence = request.getfixturevalue(which).evidence()
    assert evidence.verdict == verdict
    result = invoke("judge", written(tmp_path, evidence))
    assert result.exit_code == EXIT_CODES[Verdict(verdict)], result.output
    assert result.stdout.endswith("judged again: the same as stored\n")


def test_a_canary_whose_looks_were_taken_away_is_promoted_no_more(
    tmp_path: Path, invoke: Invoke, promoted: World
) -> None:
    evidence = promoted.evidence()
    assert evidence.canary is not None
    emptied = evidence.canary.model_copy(update={"looks": []})
    path = written(tmp_path, evidence.model_copy(update={"canary": emptied}))
    result = invoke("judge", path)
    assert result.exit_code == EXIT_CODES[Verdict.INCONCLUSIVE]
    assert "verdict: INCONCLUSIVE, stored PASS" in result.stdout


def test_a_canary_has_no_objectives_to_replace(tmp_path: Path, invoke: Invoke, back: World) -> None:
    other = tmp_path / "other.yaml"
    other.write_text('errors: {sli: error_rate, bound: "< 5 %"}\n', encoding="utf-8")
    result = invoke("judge", written(tmp_path, back.evidence()), "--objectives", other)
    assert result.exit_code == 64
    assert "is a canary, which is judged by its metrics" in result.stderr


def test_the_bar_grows_by_orders_of_magnitude_and_is_full_at_the_limit() -> None:
    assert evidence_bar(0.1, 100, 10) == "░" * 10
    assert evidence_bar(1, 100, 10) == "░" * 10
    assert evidence_bar(10, 100, 10) == "█████░░░░░"
    assert evidence_bar(99.9, 100, 10) == "█████████░"
    assert evidence_bar(100, 100, 10) == evidence_bar(1e9, 100, 10) == "█" * 10
