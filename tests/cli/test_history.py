"""`history` and `trend` on a stack whose table is real."""

import io
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cli.history import drawn_trend, listing
from cli.place import Place
from steadystate.adapters.aws import client
from steadystate.domain.trend import DAY, RunRecord, trend_of
from steadystate.domain.verdict import Verdict
from steadystate.run.history import record_of
from tests.cli.conftest import REGION, STACK, Invoke
from tests.cli.made import made_run
from tests.domain.records import record

AT = ("--stack", STACK, "--region", REGION)


def ran(place: Place, days_ago: float, *, error_rate: float = 0.5, workload: str = "bank") -> None:
    """Put a run into the history that ended so many days ago."""
    ended = time.time() - days_ago * DAY
    made = record_of(made_run(f"run-{days_ago:g}", error_rate=error_rate).evidence())
    record: RunRecord = replace(made, started_at=ended - 60, ended_at=ended, workload=workload)
    place.history.record(record)


def test_the_history_lists_runs_newest_first(place: Place, invoke: Invoke) -> None:
    for days, workload in ((2, "bank"), (1, "chat"), (3, "bank")):
        ran(place, days, workload=workload)
    listed = invoke("history", *AT)
    assert listed.exit_code == 0, listed.output
    rows = [line.split("\t") for line in listed.stdout.splitlines()]
    assert [row[0] for row in rows] == ["run-1", "run-2", "run-3"]
    assert rows[0][2:] == ["chat", "PASS", "1.9 to 3.0 s"]
    of_bank = invoke("history", "--workload", "bank", *AT).stdout
    assert [line.split("\t")[0] for line in of_bank.splitlines()] == ["run-2", "run-3"]
    content = json.loads(invoke("history", "--json", *AT).stdout)
    assert [one["run_id"] for one in content] == ["run-1", "run-2", "run-3"]


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (120, ["run", "ended (UTC)", "workload", "verdict", "recovery"]),
        (90, ["run", "ended (UTC)", "verdict", "recovery"]),
        (80, ["run", "verdict", "recovery"]),
    ],
)
def test_a_narrow_terminal_shows_fewer_columns_and_each_of_them_whole(
    width: int, titles: list[str]
) -> None:
    run_id = "bank-process-kill-20261121-085640-faad"
    runs = [record(verdict=v) for v in Verdict]
    drawn = io.StringIO()
    table = listing([replace(one, run_id=run_id) for one in runs], width)
    Console(file=drawn, width=width, color_system=None).print(table)
    head, *rows = drawn.getvalue().splitlines()
    assert re.split(r"\s{2,}", head.strip()) == titles
    for verdict, line in zip(Verdict, rows, strict=True):
        assert line.startswith(f"{run_id} ")
        assert f" {verdict} " in line
        assert "…" not in line


def test_an_empty_history_says_so(place: Place, invoke: Invoke) -> None:
    assert invoke("history", *AT).stdout == "no run in the history yet\n"
    nothing = invoke("trend", "bank", *AT)
    assert nothing.exit_code == 64
    assert "workload 'bank' has no run in the history" in nothing.stderr


def test_a_trend_tells_the_score_and_what_got_worse(place: Place, invoke: Invoke) -> None:
    for days in (3, 2, 1):
        ran(place, days)
    before = invoke("trend", "bank", *AT).stdout
    assert before.startswith("bank: resilience score 98 (of 100)\n")
    assert "worse" not in before
    ran(place, 0, error_rate=40.0)
    after = invoke("trend", "bank", *AT).stdout.splitlines()
    assert after[1].endswith("; PASS PASS PASS FAIL")
    assert "  worse   verdict: FAIL, where most runs before passed" in after
    assert "  worse   errors, margin: -35 %; median of 3 before 4.5 %, tolerance 0.5 %" in after
    assert "  ok      recovery: 3.0 s; median of 3 before 3.0 s, tolerance 1.1 s" in after


def test_a_trend_counts_its_runs_in_words_that_agree(place: Place, invoke: Invoke) -> None:
    ran(place, 0)
    (head,) = [x for x in invoke("trend", "bank", *AT).stdout.splitlines() if "quality" in x]
    assert head.endswith(": 1 run, quality 100 %, freshness 100 %; PASS")


@pytest.mark.parametrize("width", [80, 120])
def test_on_a_terminal_a_trend_is_a_table_for_each_scenario(place: Place, width: int) -> None:
    for days in (3, 2, 1):
        ran(place, days)
    ran(place, 0, error_rate=40.0)
    found = trend_of("bank", place.history.of("bank", 50), time.time())
    drawn = io.StringIO()
    Console(file=drawn, width=width, color_system=None).print(*drawn_trend(found), sep="\n")
    told = [" ".join(line.split()) for line in drawn.getvalue().splitlines()]
    assert told[0] == "bank: resilience score 74 (of 100)"
    assert {
        "last run median before runs tolerance",
        "worse verdict FAIL mostly PASS 3",
        "worse errors, margin -35 % 4.5 % 3 0.5 %",
        "ok recovery 3.0 s 3.0 s 3 1.1 s",
    } <= set(told)


def test_a_trend_is_had_drawn_and_fetched_as_pdf(
    place: Place, invoke: Invoke, tmp_path: Path
) -> None:
    ran(place, 1)
    file = tmp_path / "trend.pdf"
    lost = invoke("trend", "bank", "--out", file, *AT)
    assert lost.exit_code == 3
    assert "the trend of bank is not in the bucket, though it was made" in lost.stderr
    client("s3").put_object(Bucket=place.bucket, Key="t.pdf", Body=b"%PDF")
    drawn = invoke("trend", "bank", "--out", file, "--language", "ko", *AT)
    assert (drawn.exit_code, file.read_bytes()) == (0, b"%PDF"), drawn.stderr
    assert drawn.stdout.startswith("bank: resilience score 98 (of 100)\n")
    both = invoke("trend", "bank", "--json", "--out", file, *AT)
    assert json.loads(both.stdout)["workload"] == "bank"


def test_a_trend_that_cannot_be_written_or_is_of_nothing_is_refused_first(
    place: Place, invoke: Invoke, tmp_path: Path
) -> None:
    file = tmp_path / "trend.pdf"
    ran(place, 1)
    for words in (["bank", "--out", tmp_path], ["bank", "--language", "fr", "--out", file]):
        assert invoke("trend", *words, *AT).exit_code == 64
    assert invoke("trend", "chat", "--json", "--out", file, *AT).exit_code == 64
    assert not file.exists()


def test_a_trend_as_json_is_the_same_trend(place: Place, invoke: Invoke) -> None:
    ran(place, 30)
    content = json.loads(invoke("trend", "bank", "--json", *AT).stdout)
    assert content["schema"] == "steadystate/trend/v1"
    assert round(content["score"]) == 50
    (scenario,) = content["scenarios"]
    assert scenario["runs"][0]["verdict"] == Verdict.PASS
    assert scenario["worse"] is False
    assert {c["what"] for c in scenario["comparisons"]} >= {"recovery", "errors", "capacity"}
    assert json.loads(invoke("trend", "chat", "--json", *AT).stdout)["score"] is None
