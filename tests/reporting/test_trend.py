"""What the report of a trend shows, read back from the PDF."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting.trend import render_trend
from reporting.words import words_of
from steadystate.documents.fields import Language
from steadystate.domain.trend import RunRecord, trend_of
from steadystate.domain.verdict import Verdict
from tests.domain.records import NOW, RECORDS, record
from tests.reporting.papers import outline, page, read, text
from tests.reporting.trends import usual_trend


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_first_page_has_score_runs_and_what_got_worse(language: Language) -> None:
    trend = usual_trend()
    assert trend.score is not None
    paper = read(render_trend(trend, language))
    words = words_of(language)
    first = page(paper, 0)
    wanted = [f"{trend.score:.0f} / 100", words["trend.poor"], "15", "16", "bank-cpu-stress"]
    wanted.append(words["trend.worse"].format(names="bank-instance-loss, bank-latency"))
    assert [w for w in wanted if w not in first] == []
    assert paper.trailer["/Root"]["/Lang"] == language


def test_every_scenario_has_its_part_with_its_numbers_and_its_runs() -> None:
    paper = read(render_trend(usual_trend(), "en"))
    titles = outline(paper)
    whole = text(paper)
    for name in ("bank-instance-loss", "bank-latency", "bank-cpu-stress"):
        assert name in titles
    assert "▼ worse" in whole
    assert words_of("en")["trend.verdict_worse"] in whole
    assert words_of("en")["trend.no_compare"] in whole
    assert "errors: observed" in whole
    assert "bank-latency-2" in whole


def test_a_workload_that_holds_says_so() -> None:
    trend = trend_of("bank", [record(k) for k in range(5)], NOW)
    first = page(read(render_trend(trend, "en")), 0)
    assert words_of("en")["trend.fine"] in first
    assert words_of("en")["trend.steady"] in first


def test_without_a_run_that_counts_there_is_no_score() -> None:
    for runs in ([], [record(1, Verdict.ERROR)]):
        first = page(read(render_trend(trend_of("bank", runs, NOW), "en")), 0)
        assert "– / 100" in first
        assert words_of("en")["trend.nothing"] in first


def test_five_hundred_runs_of_many_scenarios_stay_readable() -> None:
    workload = "w" * 200
    runs = [
        record(k / 4, scenario=f"scenario-{k % 20}-" + "x" * 60, workload=workload)
        for k in range(500)
    ]
    content = render_trend(trend_of(workload, runs, NOW), "ko")
    paper = read(content)
    assert len(content) <= 1_000_000
    assert words_of("ko")["trend.lanes_more"].format(count=5) in page(paper, 0)
    assert render_trend(trend_of(workload, runs, NOW), "ko") == content


@settings(max_examples=15)
@given(RECORDS, st.sampled_from(["en", "ko"]))
def test_any_history_becomes_a_document(records: list[RunRecord], language: Language) -> None:
    first = page(read(render_trend(trend_of("bank", records, NOW), language)), 0)
    assert "/ 100" in first
