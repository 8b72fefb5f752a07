"""What the platform measures of itself: metrics as lines of the log, in CloudWatch's EMF."""

import json
import time


class LogGauges:
    """The port Gauges. Each value is a metric of its own in the namespace Steadystate.

    The stack is its only dimension, as in the alarms: a metric with one more is another metric, and
    Powertools adds one of the service.
    """

    def __init__(self, stack: str) -> None:
        self._stack = stack

    def seconds(self, name: str, value: float) -> None:
        """Measure a time."""
        directive = {
            "Namespace": "Steadystate",
            "Dimensions": [["stack"]],
            "Metrics": [{"Name": name, "Unit": "Seconds"}],
        }
        about = {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [directive]}
        print(json.dumps({"_aws": about, "stack": self._stack, name: value}), flush=True)
