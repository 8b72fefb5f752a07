"""Trends as JSON documents."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from steadystate.domain.trend import Trend

RUNS_READ: Final = 500
"""How many runs of a workload a trend looks back on."""

SCHEMA: Final = "steadystate/trend/v1"


def document_of(trend: Trend) -> str:
    """Return a trend as a JSON document; `at` is ISO 8601 UTC, instants of runs epoch seconds."""
    content = {"schema": SCHEMA, **asdict(trend)}
    content["at"] = datetime.fromtimestamp(trend.at, UTC).isoformat()
    for shown, scenario in zip(content["scenarios"], trend.scenarios, strict=True):
        shown["worse"] = scenario.worse
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
