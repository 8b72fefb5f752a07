"""What the platform measures of itself: metrics as lines of the log, in CloudWatch's EMF."""

from aws_lambda_powertools.metrics import MetricUnit, single_metric


class LogGauges:
    """The port Gauges. Each value is a metric of its own in the namespace Steadystate."""

    def __init__(self, stack: str) -> None:
        self._stack = stack

    def seconds(self, name: str, value: float) -> None:
        """Measure a time."""
        with single_metric(
            name=name, unit=MetricUnit.Seconds, value=value, namespace="Steadystate"
        ) as metric:
            metric.add_dimension(name="stack", value=self._stack)
