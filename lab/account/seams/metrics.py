"""CloudWatch: the metrics API answers from the account's own store."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lab.account import cloudwatch
from lab.account.parts import Parts
from lab.account.seams.insides import replace

_MAX_QUERIES = 500
_MAX_DATAPOINTS = 100_800
_METRICS_PAGE = 500


def connect(parts: Parts) -> None:
    from moto.cloudwatch.exceptions import ValidationError
    from moto.cloudwatch.responses import CloudWatchResponse
    from moto.core.responses import ActionResult, EmptyResult

    store = parts.metrics

    def answered(method: Any) -> Any:
        def answer(self: Any) -> Any:
            try:
                result = method(store, self._get_params())
            except cloudwatch.MetricError as error:
                raise ValidationError(str(error)) from error
            return ActionResult(result) if result is not None else EmptyResult()

        return answer

    replace(CloudWatchResponse, "put_metric_data", answered(_put))
    replace(CloudWatchResponse, "get_metric_data", answered(_get))
    replace(CloudWatchResponse, "get_metric_statistics", answered(_statistics))
    replace(CloudWatchResponse, "list_metrics", answered(_list))


def _put(store: cloudwatch.Metrics, params: Mapping[str, Any]) -> None:
    data = [
        dict(datum) | {"Timestamp": _seconds(datum["Timestamp"]) if "Timestamp" in datum else None}
        for datum in params.get("MetricData", [])
    ]
    store.put(params["Namespace"], data, time.time())


def _get(store: cloudwatch.Metrics, params: Mapping[str, Any]) -> dict[str, Any]:
    queries = params.get("MetricDataQueries", [])
    if len(queries) > _MAX_QUERIES:
        raise cloudwatch.MetricError(f"at most {_MAX_QUERIES} queries are allowed")
    start, end = _seconds(params["StartTime"]), _seconds(params["EndTime"])
    if start >= end:
        raise cloudwatch.MetricError("StartTime must be before EndTime")
    newest_first = params.get("ScanBy", "TimestampDescending") != "TimestampAscending"
    found = [
        (query, _series(store, query, start, end, newest_first))
        for query in queries
        if query.get("ReturnData", True) is not False
    ]
    skip = _token(params.get("NextToken"))
    room = int(params.get("MaxDatapoints") or _MAX_DATAPOINTS)
    results, position = [], 0
    for query, pairs in found:
        first = max(0, skip - position)
        part = pairs[first : first + room]
        room -= len(part)
        position += len(pairs)
        label = query.get("Label") or query["MetricStat"]["Metric"]["MetricName"]
        results.append(
            {
                "Id": query["Id"],
                "Label": label,
                "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in part],
                "Values": [value for _, value in part],
                "StatusCode": "Complete" if first + len(part) >= len(pairs) else "PartialData",
            }
        )
    given = skip + sum(len(result["Values"]) for result in results)
    following = {"NextToken": str(given)} if given < position else {}
    return {"MetricDataResults": results, "Messages": []} | following


def _series(
    store: cloudwatch.Metrics,
    query: Mapping[str, Any],
    start: float,
    end: float,
    newest_first: bool,
) -> list[tuple[float, float]]:
    if "MetricStat" not in query:
        raise cloudwatch.MetricError(
            f"query {query.get('Id')}: the lab does not do metric math, give a MetricStat"
        )
    wanted = query["MetricStat"]
    metric = wanted["Metric"]
    key = cloudwatch.key_of(metric["Namespace"], metric["MetricName"], metric.get("Dimensions", []))
    compute = cloudwatch.statistic(wanted["Stat"])
    periods = store.datapoints(key, start, end, int(wanted["Period"]), wanted.get("Unit"))
    pairs = [(at, compute(points)) for at, points in periods.items()]
    known = [(at, float(value)) for at, value in pairs if value is not None]
    return known[::-1] if newest_first else known


def _statistics(store: cloudwatch.Metrics, params: Mapping[str, Any]) -> dict[str, Any]:
    names = params.get("Statistics") or []
    extended = params.get("ExtendedStatistics") or []
    if not names and not extended:
        raise cloudwatch.MetricError("Must specify either Statistics or ExtendedStatistics")
    key = cloudwatch.key_of(
        params["Namespace"], params["MetricName"], params.get("Dimensions") or []
    )
    start, end = _seconds(params["StartTime"]), _seconds(params["EndTime"])
    datapoints = []
    periods = store.datapoints(key, start, end, int(params["Period"]), params.get("Unit"))
    for at, points in periods.items():
        point = {"Timestamp": datetime.fromtimestamp(at, UTC), "Unit": points[0].unit}
        point |= _known({name: cloudwatch.statistic(name)(points) for name in names})
        if extended:
            point["ExtendedStatistics"] = _known(
                {name: cloudwatch.statistic(name)(points) for name in extended}
            )
        datapoints.append(point)
    return {"Label": params["MetricName"], "Datapoints": datapoints}


def _list(store: cloudwatch.Metrics, params: Mapping[str, Any]) -> dict[str, Any]:
    wanted = params.get("Dimensions") or []
    found = [
        {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions],
        }
        for namespace, name, dimensions in store.known()
        if params.get("Namespace") in (None, namespace)
        and params.get("MetricName") in (None, name)
        and all(
            any(n == d["Name"] and d.get("Value") in (None, v) for n, v in dimensions)
            for d in wanted
        )
    ]
    first = _token(params.get("NextToken"))
    last = first + _METRICS_PAGE
    following = {"NextToken": str(last)} if last < len(found) else {}
    return {"Metrics": found[first:last]} | following


def _known(values: Mapping[str, float | None]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _token(token: str | None) -> int:
    if token is not None and not token.isdigit():
        raise cloudwatch.MetricError("The NextToken is not valid")
    return int(token or 0)


def _seconds(moment: Any) -> float:
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return float(moment)
