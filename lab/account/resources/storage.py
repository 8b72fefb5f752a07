"""Buckets, tables, topics, parameters, secrets, keys, logs and alarms."""

from collections.abc import Callable, Mapping
from typing import Any

from lab.account.resources.calls import (
    Call,
    Client,
    Created,
    Creator,
    Properties,
    ResourceError,
    fitted,
    tags_of,
)

# What each property of a bucket becomes: an operation, and how its parameters are made of it.
_BUCKET: Mapping[str, tuple[str, Callable[[Any], Properties]]] = {
    "BucketEncryption": (
        "PutBucketEncryption",
        lambda v: {
            "ServerSideEncryptionConfiguration": {
                "Rules": [
                    {
                        ("ApplyServerSideEncryptionByDefault" if "ByDefault" in k else k): i
                        for k, i in rule.items()
                    }
                    for rule in v["ServerSideEncryptionConfiguration"]
                ]
            }
        },
    ),
    "PublicAccessBlockConfiguration": (
        "PutPublicAccessBlock",
        lambda v: {"PublicAccessBlockConfiguration": v},
    ),
    "VersioningConfiguration": (
        "PutBucketVersioning",
        lambda v: {"VersioningConfiguration": v},
    ),
    "OwnershipControls": ("PutBucketOwnershipControls", lambda v: {"OwnershipControls": v}),
}


def _bucket(client: Client, name: str, properties: Properties) -> Created:
    api = client("s3")
    bucket = properties.pop("BucketName", None) or name.lower()
    region = api.meta.region_name
    api.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    if tags := tags_of(properties):
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        api.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": pairs})
    if lifecycle := properties.pop("LifecycleConfiguration", None):
        rules = [_lifecycle_rule(rule) for rule in lifecycle["Rules"]]
        arguments = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": rules}}
        api.put_bucket_lifecycle_configuration(
            **fitted(api, "PutBucketLifecycleConfiguration", arguments)
        )
    for key, value in properties.items():
        if key not in _BUCKET:
            raise ResourceError(f"the account does not know the property {key}")
        operation, arguments_of = _BUCKET[key]
        arguments = fitted(api, operation, {"Bucket": bucket} | arguments_of(value))
        _call(api, operation)(**arguments)
    return Created(
        ref=bucket,
        attributes={
            "Arn": f"arn:aws:s3:::{bucket}",
            "DomainName": f"{bucket}.s3.amazonaws.com",
            "RegionalDomainName": f"{bucket}.s3.{region}.amazonaws.com",
        },
        delete=lambda: api.delete_bucket(Bucket=bucket),
    )


def _call(api: Any, operation: str) -> Any:
    names = {known: name for name, known in api.meta.method_to_api_mapping.items()}
    return getattr(api, names[operation])


def _lifecycle_rule(rule: Properties) -> Properties:
    """The template's spelling of a rule -> the API's."""
    result: Properties = {"ID": rule.pop("Id", "rule"), "Status": rule.pop("Status")}
    result["Filter"] = {"Prefix": rule.pop("Prefix", "")}
    if "ExpirationInDays" in rule:
        result["Expiration"] = {"Days": rule.pop("ExpirationInDays")}
    if "NoncurrentVersionExpirationInDays" in rule:
        days = rule.pop("NoncurrentVersionExpirationInDays")
        result["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if "Transitions" in rule:
        result["Transitions"] = [
            {"Days": item["TransitionInDays"], "StorageClass": item["StorageClass"]}
            for item in rule.pop("Transitions")
        ]
    return result | rule


def _table(client: Client, name: str, properties: Properties) -> Created:
    api = client("dynamodb")
    recovery = properties.pop("PointInTimeRecoverySpecification", None)
    expiry = properties.pop("TimeToLiveSpecification", None)
    stream = properties.get("StreamSpecification")
    if stream is not None:
        stream["StreamEnabled"] = True
    encryption = properties.get("SSESpecification")
    if encryption is not None:
        encryption["Enabled"] = encryption.pop("SSEEnabled")
    name = properties.setdefault("TableName", name)
    if "BillingMode" not in properties and "ProvisionedThroughput" not in properties:
        properties["BillingMode"] = "PAY_PER_REQUEST"
    made = api.create_table(**fitted(api, "CreateTable", properties))["TableDescription"]
    if expiry is not None:
        specification = fitted(
            api, "UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": expiry}
        )
        api.update_time_to_live(**specification)
    if recovery is not None:
        wanted = {"TableName": name, "PointInTimeRecoverySpecification": recovery}
        api.update_continuous_backups(**fitted(api, "UpdateContinuousBackups", wanted))
    return Created(
        ref=name,
        attributes={"Arn": made["TableArn"], "StreamArn": made.get("LatestStreamArn")},
        delete=lambda: api.delete_table(TableName=name),
    )


def _topic(client: Client, name: str, properties: Properties) -> Created:
    api = client("sns")
    name = properties.pop("TopicName", name)
    subscriptions = properties.pop("Subscription", [])
    tags = [{"Key": key, "Value": value} for key, value in tags_of(properties).items()]
    settings = {key: str(value) for key, value in properties.items()}
    arn = api.create_topic(Name=name, Tags=tags, Attributes=settings)["TopicArn"]
    for item in subscriptions:
        api.subscribe(TopicArn=arn, Protocol=item["Protocol"], Endpoint=item["Endpoint"])
    return Created(
        ref=arn,
        attributes={"TopicArn": arn, "TopicName": name},
        delete=lambda: api.delete_topic(TopicArn=arn),
    )


def _topic_policy(client: Client, name: str, properties: Properties) -> Created:
    api = client("sns")
    import json

    for arn in properties.pop("Topics"):
        api.set_topic_attributes(
            TopicArn=arn,
            AttributeName="Policy",
            AttributeValue=json.dumps(properties["PolicyDocument"]),
        )
    return Created(ref=name)


def _queue_policy(client: Client, name: str, properties: Properties) -> Created:
    import json

    for url in properties["Queues"]:
        policy = json.dumps(properties["PolicyDocument"])
        client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return Created(ref=name)


def _secret(client: Client, name: str, properties: Properties) -> Created:
    api = client("secretsmanager")
    generate = properties.pop("GenerateSecretString", None)
    properties.setdefault("Name", name)
    if generate is not None:
        properties["SecretString"] = _generated(api, generate)
    arn = api.create_secret(**fitted(api, "CreateSecret", properties))["ARN"]
    return Created(
        ref=arn,
        attributes={"Id": arn},
        delete=lambda: api.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True),
    )


def _generated(api: Any, wanted: Properties) -> str:
    import json

    template, key = wanted.pop("SecretStringTemplate", None), wanted.pop("GenerateStringKey", None)
    password: str = api.get_random_password(**fitted(api, "GetRandomPassword", wanted))[
        "RandomPassword"
    ]
    return password if template is None else json.dumps(json.loads(template) | {key: password})


def _parameter(client: Client, name: str, properties: Properties) -> Created:
    api = client("ssm")
    tags = [{"Key": key, "Value": value} for key, value in tags_of(properties).items()]
    properties.setdefault("Name", name)
    arguments = fitted(api, "PutParameter", properties)
    api.put_parameter(**arguments, Tags=tags)
    return Created(
        ref=arguments["Name"],
        attributes={"Type": arguments["Type"], "Value": arguments["Value"]},
        delete=lambda: api.delete_parameter(Name=arguments["Name"]),
    )


def _alarm(client: Client, name: str, properties: Properties) -> Created:
    api = client("cloudwatch")
    name = properties.setdefault("AlarmName", name)
    api.put_metric_alarm(**fitted(api, "PutMetricAlarm", properties))
    arn = api.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]
    return Created(
        ref=name, attributes={"Arn": arn}, delete=lambda: api.delete_alarms(AlarmNames=[name])
    )


def _key(client: Client, _: str, properties: Properties) -> Created:
    api = client("kms")
    days = int(properties.pop("PendingWindowInDays", 30))
    rotate = properties.pop("EnableKeyRotation", False)
    tags = [{"TagKey": k, "TagValue": v} for k, v in tags_of(properties).items()]
    if "KeyPolicy" in properties:
        properties["Policy"] = properties.pop("KeyPolicy")
    key = api.create_key(**fitted(api, "CreateKey", properties), Tags=tags)["KeyMetadata"]
    if str(rotate).lower() == "true":
        api.enable_key_rotation(KeyId=key["KeyId"])
    return Created(
        ref=key["KeyId"],
        attributes={"Arn": key["Arn"], "KeyId": key["KeyId"]},
        delete=lambda: api.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=days),
    )


def _log_group(client: Client, name: str, properties: Properties) -> Created:
    api = client("logs")
    name = properties.pop("LogGroupName", name)
    days = properties.pop("RetentionInDays", None)
    tags = tags_of(properties)
    arguments = {"logGroupName": name} | properties | ({"tags": tags} if tags else {})
    api.create_log_group(**fitted(api, "CreateLogGroup", arguments))
    if days is not None:
        api.put_retention_policy(logGroupName=name, retentionInDays=int(days))
    arn = f"arn:aws:logs:{api.meta.region_name}:123456789012:log-group:{name}:*"
    return Created(
        ref=name, attributes={"Arn": arn}, delete=lambda: api.delete_log_group(logGroupName=name)
    )


CREATORS: Mapping[str, Creator] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::DynamoDB::Table": _table,
    "AWS::KMS::Key": _key,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": Call(
        service="s3",
        create="PutBucketPolicy",
        ref="=Bucket",
        rename={"PolicyDocument": "Policy"},
        delete="DeleteBucketPolicy",
        delete_by={"Bucket": "=Bucket"},
    ),
    "AWS::SNS::Subscription": Call(
        service="sns",
        create="Subscribe",
        ref="SubscriptionArn",
        attributes={"Arn": "SubscriptionArn"},
        delete="Unsubscribe",
        delete_by={"SubscriptionArn": "SubscriptionArn"},
    ),
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SSM::Parameter": _parameter,
    "AWS::SecretsManager::Secret": _secret,
}
