"""Cost: the arithmetic against figures worked out by hand from the price list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadystate.domain.cost import Usage, price, usage_of


def test_each_item_is_priced_by_its_own_list_price() -> None:
    cost = price(
        Usage(
            transitions=10_000,
            function_gigabyte_seconds=10_000,
            function_requests=1_000_000,
            metric_queries=5_000,
            fault_action_minutes=30,
            table_writes=1_000_000,
            bucket_writes=2_000,
        )
    )
    assert cost == {
        "step_functions": 0.271,
        "lambda": pytest.approx(0.133334 + 0.20),
        "cloudwatch": 0.05,
        "fis": 3.0,
        "dynamodb": 0.6778,
        "s3": 0.009,
        "total": pytest.approx(0.271 + 0.333334 + 0.05 + 3.0 + 0.6778 + 0.009, abs=1e-6),
    }


def test_a_run_of_half_an_hour_costs_about_three_dollars_most_of_it_for_faults() -> None:
    usage = usage_of(
        looks=180, window_seconds=10, slis=10, metric_looks=30, fault_action_minutes=30
    )
    cost = price(usage)
    assert cost["fis"] == 3.0
    assert 3.0 < cost["total"] < 3.05
    assert cost["step_functions"] == pytest.approx(380 * 0.0271 / 1000, abs=1e-6)


@given(
    looks=st.integers(0, 10_000),
    window=st.floats(1, 60),
    slis=st.integers(0, 50),
    metric_looks=st.integers(0, 10_000),
    minutes=st.floats(0, 1000),
)
def test_the_total_is_the_sum_and_never_falls_with_more_looks(
    looks: int, window: float, slis: int, metric_looks: int, minutes: float
) -> None:
    def cost(n: int) -> dict[str, float]:
        return price(
            usage_of(
                looks=n,
                window_seconds=window,
                slis=slis,
                metric_looks=metric_looks,
                fault_action_minutes=minutes,
            )
        )

    one, more = cost(looks), cost(looks + 1)
    assert one["total"] == pytest.approx(sum(v for k, v in one.items() if k != "total"), abs=1e-5)
    assert all(more[item] >= one[item] >= 0 for item in one)
