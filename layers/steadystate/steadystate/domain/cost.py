"""What a run costs in US dollars, item by item, before and after.

Prices are list prices of ap-northeast-2 (Seoul), read from the services' price pages in 2026; they
are arithmetic to plan with, not a bill.
"""

from dataclasses import dataclass

TRANSITION = 0.0271 / 1000
LAMBDA_GIGABYTE_SECOND = 0.0000133334
LAMBDA_REQUEST = 0.20 / 1_000_000
METRIC_QUERY = 0.01 / 1000
FIS_ACTION_MINUTE = 0.10
TABLE_WRITE = 0.6778 / 1_000_000
BUCKET_WRITE = 0.0045 / 1000

QUERIES_PER_METRIC = 4
"""How many metrics of a load balancer a canary reads for one of its own: two of each side."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run used, or is expected to use."""

    transitions: int
    function_gigabyte_seconds: float
    function_requests: int
    metric_queries: int
    fault_action_minutes: float
    table_writes: int
    bucket_writes: int


def price(usage: Usage) -> dict[str, float]:
    """Return dollars by item, and their `total`."""
    items = {
        "step_functions": usage.transitions * TRANSITION,
        "lambda": usage.function_gigabyte_seconds * LAMBDA_GIGABYTE_SECOND
        + usage.function_requests * LAMBDA_REQUEST,
        "cloudwatch": usage.metric_queries * METRIC_QUERY,
        "fis": usage.fault_action_minutes * FIS_ACTION_MINUTE,
        "dynamodb": usage.table_writes * TABLE_WRITE,
        "s3": usage.bucket_writes * BUCKET_WRITE,
    }
    return {name: round(value, 6) for name, value in items.items()} | {
        "total": round(sum(items.values()), 6)
    }


def usage_of(
    *,
    looks: int,
    window_seconds: float,
    slis: int,
    metric_looks: int,
    fault_action_minutes: float,
    function_gigabytes: float = 0.5,
) -> Usage:
    """Return the usage of a run with so many looks; around the looks stand about ten tasks."""
    tasks = 10
    return Usage(
        transitions=2 * looks + 2 * tasks,
        function_gigabyte_seconds=(looks * window_seconds + 2.0 * tasks) * function_gigabytes,
        function_requests=looks + tasks,
        metric_queries=metric_looks * slis,
        fault_action_minutes=fault_action_minutes,
        table_writes=3 * looks + 3 * tasks,
        bucket_writes=2,
    )
