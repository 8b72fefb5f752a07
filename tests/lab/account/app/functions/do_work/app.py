"""Does what the event says, so that the tests see how the account takes it."""

import os
import time
from pathlib import Path
from typing import Any

import boto3
from greeting import WORD  # type: ignore[import-not-found]


class InvalidDocument(Exception):  # noqa: N818 - the name is what a state machine catches
    """An error with a name of its own."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    what = event.get("do", "write")
    if what == "write":
        table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
        table.put_item(
            Item={"id": event["id"], "run": event.get("run", ""), "at": str(time.time())}
        )
    elif what == "forbidden":
        boto3.client("dynamodb").delete_item(
            TableName=os.environ["TABLE"], Key={"id": {"S": event["id"]}}
        )
    elif what == "raise":
        raise InvalidDocument("the field steps is missing")
    elif what == "crash":
        os._exit(3)
    elif what == "sleep":
        time.sleep(event["seconds"])
    elif what == "hold":  # say that it has begun, go on when the test says so
        Path(event["begun"]).touch()
        while not Path(event["go"]).exists():
            time.sleep(0.02)
        if "id" in event:
            handler({"id": event["id"], "run": event["run"]}, context)
    return {
        "word": WORD,
        "pid": os.getpid(),
        "role": boto3.client("sts").get_caller_identity()["Arn"],
        "text": event.get("text"),
        "stage": os.environ["STAGE"],
        "schemas": os.environ["SCHEMAS"],
        "log_group": os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
    }
