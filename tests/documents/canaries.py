"""A canary document that is right, to be changed."""

from typing import Any

CANARY: dict[str, Any] = {
    "document": "steadystate/canary/v1",
    "name": "bank-shift",
    "workload": "bank",
    "steps": [
        10,
        {"weight": 50, "bake": "2m", "experiment": "bank-instance-loss"},
        {"weight": 90, "approve": True},
        100,
    ],
    "metrics": {
        "errors": {"measure": "errors"},
        "slow": {"measure": "slow", "threshold": "500 ms"},
    },
    "promotion": {"acceptable_rate": "1 %"},
    "guardrails": {"too-many-errors": {"sli": "probe_errors", "bound": "< 90 %", "points": 20}},
}
