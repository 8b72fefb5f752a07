"""Clusters, task definitions, services, and caches."""

from collections.abc import Mapping

from lab.account.resources.calls import Call, Client, Created, Creator, Properties, fitted

_PRIMARY = "ReplicationGroup.NodeGroups[0].PrimaryEndpoint"


def _service(client: Client, name: str, properties: Properties) -> Created:
    api = client("ecs")
    properties.setdefault("ServiceName", name)
    made = api.create_service(**fitted(api, "CreateService", properties))["service"]
    arn = made["serviceArn"]
    return Created(
        ref=arn,
        attributes={"Name": made["serviceName"], "ServiceArn": arn},
        delete=lambda: api.delete_service(cluster=made["clusterArn"], service=arn, force=True),
    )


CREATORS: Mapping[str, Creator] = {
    "AWS::ECS::Cluster": Call(
        service="ecs",
        create="CreateCluster",
        name="ClusterName",
        ref="cluster.clusterName",
        attributes={"Arn": "cluster.clusterArn"},
        delete="DeleteCluster",
        delete_by={"cluster": "cluster.clusterName"},
    ),
    "AWS::ECS::TaskDefinition": Call(
        service="ecs",
        create="RegisterTaskDefinition",
        name="Family",
        ref="taskDefinition.taskDefinitionArn",
        attributes={"TaskDefinitionArn": "taskDefinition.taskDefinitionArn"},
        delete="DeregisterTaskDefinition",
        delete_by={"taskDefinition": "taskDefinition.taskDefinitionArn"},
    ),
    "AWS::ECS::Service": _service,
    "AWS::ElastiCache::SubnetGroup": Call(
        service="elasticache",
        create="CreateCacheSubnetGroup",
        name="CacheSubnetGroupName",
        ref="CacheSubnetGroup.CacheSubnetGroupName",
        rename={"Description": "CacheSubnetGroupDescription"},
    ),
    "AWS::ElastiCache::ReplicationGroup": Call(
        service="elasticache",
        create="CreateReplicationGroup",
        name="ReplicationGroupId",
        max_name=40,
        ref="ReplicationGroup.ReplicationGroupId",
        attributes={
            "PrimaryEndPoint.Address": f"{_PRIMARY}.Address",
            "PrimaryEndPoint.Port": f"to_string({_PRIMARY}.Port)",
        },
        delete="DeleteReplicationGroup",
        delete_by={"ReplicationGroupId": "ReplicationGroup.ReplicationGroupId"},
    ),
}
