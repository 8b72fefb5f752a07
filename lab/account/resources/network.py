"""Load balancers, launch templates, auto-scaling groups and databases."""

from collections.abc import Mapping
from typing import Any

from lab.account.resources.calls import Call, Client, Created, Creator, Properties, fitted

_ARN = ":loadbalancer/"


def _attributes(operation: str, parameter: str) -> Any:
    def put(client: Client, arn: str, rest: Properties) -> None:
        api = client("elbv2")
        for key, values in rest.items():
            if key == "Targets":
                api.register_targets(TargetGroupArn=arn, Targets=values)
            else:
                given = [{"Key": a["Key"], "Value": str(a["Value"])} for a in values]
                getattr(api, operation)(**{parameter: arn, "Attributes": given})

    return put


def _launch_template(client: Client, name: str, properties: Properties) -> Created:
    api = client("ec2")
    properties.setdefault("LaunchTemplateName", name)
    made = api.create_launch_template(**fitted(api, "CreateLaunchTemplate", properties))
    template = made["LaunchTemplate"]
    return Created(
        ref=template["LaunchTemplateId"],
        attributes={
            "LaunchTemplateId": template["LaunchTemplateId"],
            "LatestVersionNumber": str(template["LatestVersionNumber"]),
            "DefaultVersionNumber": str(template["DefaultVersionNumber"]),
        },
        delete=lambda: api.delete_launch_template(LaunchTemplateId=template["LaunchTemplateId"]),
    )


def _group(client: Client, name: str, properties: Properties) -> Created:
    api = client("autoscaling")
    name = properties.setdefault("AutoScalingGroupName", name)
    metrics = properties.pop("MetricsCollection", [])
    zones = properties.get("VPCZoneIdentifier")
    if isinstance(zones, list):
        properties["VPCZoneIdentifier"] = ",".join(zones)
    for tag in properties.get("Tags", []):
        tag |= {"ResourceId": name, "ResourceType": "auto-scaling-group"}
    api.create_auto_scaling_group(**fitted(api, "CreateAutoScalingGroup", properties))
    for wanted in metrics:
        api.enable_metrics_collection(AutoScalingGroupName=name, **wanted)
    return Created(
        ref=name,
        attributes={"AutoScalingGroupARN": _group_arn(api, name)},
        delete=lambda: api.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True),
    )


def _group_arn(api: Any, name: str) -> str:
    groups = api.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    arn: str = groups[0]["AutoScalingGroupARN"]
    return arn


CREATORS: Mapping[str, Creator] = {
    "AWS::AutoScaling::AutoScalingGroup": _group,
    "AWS::AutoScaling::ScalingPolicy": Call(
        service="autoscaling",
        create="PutScalingPolicy",
        name="PolicyName",
        ref="PolicyARN",
        attributes={"Arn": "PolicyARN", "PolicyName": "=PolicyName"},
        delete="DeletePolicy",
        delete_by={
            "AutoScalingGroupName": "=AutoScalingGroupName",
            "PolicyName": "=PolicyName",
        },
    ),
    "AWS::EC2::LaunchTemplate": _launch_template,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Call(
        service="elbv2",
        create="CreateLoadBalancer",
        name="Name",
        max_name=32,
        ref="LoadBalancers[0].LoadBalancerArn",
        attributes={
            "LoadBalancerArn": "LoadBalancers[0].LoadBalancerArn",
            "DNSName": "LoadBalancers[0].DNSName",
            "LoadBalancerName": "LoadBalancers[0].LoadBalancerName",
            "LoadBalancerFullName": f"LoadBalancers[0].LoadBalancerArn after {_ARN}",
            "CanonicalHostedZoneID": "LoadBalancers[0].CanonicalHostedZoneId",
            "SecurityGroups": "LoadBalancers[0].SecurityGroups",
        },
        later=("LoadBalancerAttributes",),
        after=_attributes("modify_load_balancer_attributes", "LoadBalancerArn"),
        delete="DeleteLoadBalancer",
        delete_by={"LoadBalancerArn": "LoadBalancers[0].LoadBalancerArn"},
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": Call(
        service="elbv2",
        create="CreateTargetGroup",
        name="Name",
        max_name=32,
        ref="TargetGroups[0].TargetGroupArn",
        attributes={
            "TargetGroupArn": "TargetGroups[0].TargetGroupArn",
            "TargetGroupName": "TargetGroups[0].TargetGroupName",
            "TargetGroupFullName": "TargetGroups[0].TargetGroupArn as targetgroup/",
        },
        later=("TargetGroupAttributes", "Targets"),
        after=_attributes("modify_target_group_attributes", "TargetGroupArn"),
        delete="DeleteTargetGroup",
        delete_by={"TargetGroupArn": "TargetGroups[0].TargetGroupArn"},
    ),
    "AWS::ElasticLoadBalancingV2::Listener": Call(
        service="elbv2",
        create="CreateListener",
        ref="Listeners[0].ListenerArn",
        attributes={"ListenerArn": "Listeners[0].ListenerArn"},
        later=("ListenerAttributes",),
        after=_attributes("modify_listener_attributes", "ListenerArn"),
        delete="DeleteListener",
        delete_by={"ListenerArn": "Listeners[0].ListenerArn"},
    ),
    "AWS::ElasticLoadBalancingV2::ListenerRule": Call(
        service="elbv2",
        create="CreateRule",
        ref="Rules[0].RuleArn",
        attributes={"RuleArn": "Rules[0].RuleArn"},
        delete="DeleteRule",
        delete_by={"RuleArn": "Rules[0].RuleArn"},
    ),
    "AWS::RDS::DBInstance": Call(
        service="rds",
        create="CreateDBInstance",
        name="DBInstanceIdentifier",
        max_name=63,
        ref="DBInstance.DBInstanceIdentifier",
        attributes={
            "DBInstanceArn": "DBInstance.DBInstanceArn",
            "Endpoint.Address": "DBInstance.Endpoint.Address",
            "Endpoint.Port": "to_string(DBInstance.Endpoint.Port)",
            "DbiResourceId": "DBInstance.DbiResourceId",
            "MasterUserSecret.SecretArn": "DBInstance.MasterUserSecret.SecretArn",
        },
        rename={"VPCSecurityGroups": "VpcSecurityGroupIds"},
        ignore=frozenset({"DeleteAutomatedBackups"}),  # a parameter of the deletion
        delete="DeleteDBInstance",
        delete_by={"DBInstanceIdentifier": "DBInstance.DBInstanceIdentifier"},
    ),
    "AWS::RDS::DBSubnetGroup": Call(
        service="rds",
        create="CreateDBSubnetGroup",
        name="DBSubnetGroupName",
        ref="DBSubnetGroup.DBSubnetGroupName",
        delete="DeleteDBSubnetGroup",
        delete_by={"DBSubnetGroupName": "DBSubnetGroup.DBSubnetGroupName"},
    ),
}
