"""What functions log and queues hold become metrics; an alarm that changes tells its topic."""

import json
from pathlib import Path
from typing import Any

from lab.account.cloudwatch import Metrics, key_of, statistic
from lab.account.watch import LogMetrics
from tests.lab.account.conftest import Account, wait_for

AT = 1_800_000_000_000
LINE = {
    "_aws": {
        "Timestamp": AT,
        "CloudWatchMetrics": [
            {
                "Namespace": "Wire",
                "Dimensions": [["service"], ["service", "outcome"]],
                "Metrics": [{"Name": "Tasks", "Unit": "Count"}, {"Name": "Seconds"}],
            }
        ],
    },
    "service": "s",
    "outcome": "good",
    "Tasks": [1.0, 2.0],
    "Seconds": 5,
}


def total(metrics: Metrics, name: str, **dimensions: str) -> float | None:
    key = key_of("Wire", name, [{"Name": n, "Value": v} for n, v in dimensions.items()])
    points = metrics.between(key, AT / 1000, AT / 1000 + 1)
    return statistic("Sum")(points) if points else None


def test_a_metric_in_a_log_is_counted_once_in_each_set_of_dimensions(tmp_path: Path) -> None:
    metrics = Metrics()
    logs, log = LogMetrics(tmp_path, metrics), tmp_path / "f.log"
    logs.look()
    whole = json.dumps(LINE)
    log.write_text(f"START\n{{not json\n{whole}\n{whole[:30]}", encoding="utf-8")
    logs.look()
    logs.look()
    assert total(metrics, "Tasks", service="s") == 3.0
    assert total(metrics, "Seconds", service="s", outcome="good") == 5.0
    assert total(metrics, "Seconds") is None
    with log.open("a", encoding="utf-8") as file:
        file.write(whole[30:] + "\n")
    logs.look()
    assert total(metrics, "Tasks", service="s") == 6.0


def test_metrics_that_two_processes_wrote_on_one_line_count_both(tmp_path: Path) -> None:
    (tmp_path / "f.log").write_text(f"{json.dumps(LINE) * 2}\n\n", encoding="utf-8")
    metrics = Metrics()
    LogMetrics(tmp_path, metrics).look()
    assert total(metrics, "Tasks", service="s") == 6.0


def test_a_line_that_is_no_metric_hides_no_other(tmp_path: Path) -> None:
    wrong: list[Any] = [
        {"_aws": 5},
        {"_aws": {"Timestamp": "now", "CloudWatchMetrics": []}},
        {**LINE, "Tasks": ["many"]},
        {k: v for k, v in LINE.items() if k != "service"},
    ]
    lines = [*map(json.dumps, wrong), '{"_aws": ', json.dumps(LINE)]
    (tmp_path / "f.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    metrics = Metrics()
    LogMetrics(tmp_path, metrics).look()
    assert total(metrics, "Tasks", service="s") == 3.0


def test_an_alarm_is_raised_by_a_queue_and_tells_its_topic(account: Account) -> None:
    sqs, sns, cloudwatch = (account.client(name) for name in ("sqs", "sns", "cloudwatch"))
    told = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=told, AttributeNames=["QueueArn"])["Attributes"]
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    cloudwatch.put_metric_alarm(
        AlarmName="dead",
        AlarmDescription="letters",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "dead"}],
        Statistic="Maximum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
        OKActions=[topic],
    )

    def message() -> Any:
        found = sqs.receive_message(QueueUrl=told).get("Messages", [])
        return json.loads(json.loads(found[0]["Body"])["Message"]) if found else None

    sqs.send_message(QueueUrl=dead, MessageBody="x")
    first = wait_for(message, "the alarm")
    assert (first["AlarmName"], first["NewStateValue"]) == ("dead", "ALARM")
    assert (first["OldStateValue"], first["AlarmDescription"]) == ("OK", "letters")
    sqs.purge_queue(QueueUrl=dead)
    assert wait_for(message, "the end of the alarm")["NewStateValue"] == "OK"
    state = cloudwatch.describe_alarms(AlarmNames=["dead"])["MetricAlarms"][0]["StateValue"]
    assert state == "OK"
    cloudwatch.delete_alarms(AlarmNames=["dead"])
