"""Networks: what moto's own resource types leave out."""

from collections.abc import Mapping

from lab.account.resources.calls import Call, Client, Created, Creator, Properties, fitted


def _tag(client: Client, resource: str, tags: list[Mapping[str, str]]) -> None:
    if tags:
        client("ec2").create_tags(Resources=[resource], Tags=tags)


def _tag_later(client: Client, resource: str, rest: Properties) -> None:
    _tag(client, resource, rest.get("Tags", []))


def _tag_address(client: Client, public_ip: str, rest: Properties) -> None:
    found = client("ec2").describe_addresses(PublicIps=[public_ip])["Addresses"]
    _tag(client, found[0]["AllocationId"], rest.get("Tags", []))


def _vpc(client: Client, _: str, properties: Properties) -> Created:
    api = client("ec2")
    tags = properties.pop("Tags", [])
    switches = {
        name: properties.pop(name)
        for name in ("EnableDnsHostnames", "EnableDnsSupport")
        if name in properties
    }
    vpc = api.create_vpc(**fitted(api, "CreateVpc", properties))["Vpc"]
    ref = vpc["VpcId"]
    for name, value in switches.items():
        api.modify_vpc_attribute(VpcId=ref, **{name: {"Value": str(value).lower() == "true"}})
    _tag(client, ref, tags)
    groups = api.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [ref]}])
    return Created(
        ref=ref,
        attributes={
            "VpcId": ref,
            "CidrBlock": vpc["CidrBlock"],
            "DefaultSecurityGroup": groups["SecurityGroups"][0]["GroupId"],
        },
        delete=lambda: api.delete_vpc(VpcId=ref),
    )


def _security_group(client: Client, name: str, properties: Properties) -> Created:
    api = client("ec2")
    tags = properties.pop("Tags", [])
    incoming = properties.pop("SecurityGroupIngress", [])
    outgoing = properties.pop("SecurityGroupEgress", None)
    arguments = {
        "GroupName": properties.pop("GroupName", name),
        "Description": properties.pop("GroupDescription"),
    }
    made = api.create_security_group(**fitted(api, "CreateSecurityGroup", arguments | properties))
    ref = made["GroupId"]
    _tag(client, ref, tags)
    if incoming:
        api.authorize_security_group_ingress(
            GroupId=ref, IpPermissions=[_permission(rule, "Source") for rule in incoming]
        )
    if outgoing is not None:  # then the rule that allows everything is gone
        everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        api.revoke_security_group_egress(GroupId=ref, IpPermissions=[everything])
        api.authorize_security_group_egress(
            GroupId=ref, IpPermissions=[_permission(rule, "Destination") for rule in outgoing]
        )
    return Created(
        ref=ref,
        attributes={"GroupId": ref, "Id": ref, "VpcId": properties.get("VpcId", "")},
        delete=lambda: api.delete_security_group(GroupId=ref),
    )


def _permission(rule: Properties, side: str) -> Properties:
    """A rule of the template as the API has it."""
    result: Properties = {"IpProtocol": str(rule["IpProtocol"])}
    for name in ("FromPort", "ToPort"):
        if name in rule:
            result[name] = int(rule[name])
    text = {"Description": rule["Description"]} if "Description" in rule else {}
    if "CidrIp" in rule:
        result["IpRanges"] = [{"CidrIp": rule["CidrIp"]} | text]
    if "CidrIpv6" in rule:
        result["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"]} | text]
    if f"{side}SecurityGroupId" in rule:
        result["UserIdGroupPairs"] = [{"GroupId": rule[f"{side}SecurityGroupId"]} | text]
    if f"{side}PrefixListId" in rule:
        result["PrefixListIds"] = [{"PrefixListId": rule[f"{side}PrefixListId"]} | text]
    return result


def _subnet(client: Client, _: str, properties: Properties) -> Created:
    api = client("ec2")
    tags = properties.pop("Tags", [])
    public = properties.pop("MapPublicIpOnLaunch", None)
    subnet = api.create_subnet(**fitted(api, "CreateSubnet", properties))["Subnet"]
    ref = subnet["SubnetId"]
    if public is not None:
        value = {"Value": str(public).lower() == "true"}
        api.modify_subnet_attribute(SubnetId=ref, MapPublicIpOnLaunch=value)
    _tag(client, ref, tags)
    return Created(
        ref=ref,
        attributes={
            "SubnetId": ref,
            "VpcId": subnet["VpcId"],
            "AvailabilityZone": subnet["AvailabilityZone"],
        },
        delete=lambda: api.delete_subnet(SubnetId=ref),
    )


CREATORS: Mapping[str, Creator] = {
    "AWS::EC2::EIP": Call(
        service="ec2",
        create="AllocateAddress",
        ref="PublicIp",
        attributes={"AllocationId": "AllocationId", "PublicIp": "PublicIp"},
        later=("Tags",),
        after=_tag_address,
        delete="ReleaseAddress",
        delete_by={"AllocationId": "AllocationId"},
    ),
    "AWS::EC2::InternetGateway": Call(
        service="ec2",
        create="CreateInternetGateway",
        ref="InternetGateway.InternetGatewayId",
        attributes={"InternetGatewayId": "InternetGateway.InternetGatewayId"},
        later=("Tags",),
        after=_tag_later,
        delete="DeleteInternetGateway",
        delete_by={"InternetGatewayId": "InternetGateway.InternetGatewayId"},
    ),
    "AWS::EC2::NatGateway": Call(
        service="ec2",
        create="CreateNatGateway",
        ref="NatGateway.NatGatewayId",
        attributes={"NatGatewayId": "NatGateway.NatGatewayId"},
        later=("Tags",),
        after=_tag_later,
        delete="DeleteNatGateway",
        delete_by={"NatGatewayId": "NatGateway.NatGatewayId"},
    ),
    "AWS::EC2::Route": Call(
        service="ec2",
        create="CreateRoute",
        ref="=RouteTableId",
        delete="DeleteRoute",
        delete_by={
            "RouteTableId": "=RouteTableId",
            "DestinationCidrBlock": "=DestinationCidrBlock",
        },
    ),
    "AWS::EC2::RouteTable": Call(
        service="ec2",
        create="CreateRouteTable",
        ref="RouteTable.RouteTableId",
        attributes={"RouteTableId": "RouteTable.RouteTableId"},
        later=("Tags",),
        after=_tag_later,
        delete="DeleteRouteTable",
        delete_by={"RouteTableId": "RouteTable.RouteTableId"},
    ),
    "AWS::EC2::SecurityGroup": _security_group,
    "AWS::EC2::Subnet": _subnet,
    "AWS::EC2::SubnetRouteTableAssociation": Call(
        service="ec2",
        create="AssociateRouteTable",
        ref="AssociationId",
        attributes={"Id": "AssociationId"},
        delete="DisassociateRouteTable",
        delete_by={"AssociationId": "AssociationId"},
    ),
    "AWS::EC2::VPC": _vpc,
    "AWS::EC2::VPCEndpoint": Call(
        service="ec2",
        create="CreateVpcEndpoint",
        ref="VpcEndpoint.VpcEndpointId",
        attributes={"Id": "VpcEndpoint.VpcEndpointId"},
        later=("Tags",),
        after=_tag_later,
        delete="DeleteVpcEndpoints",
        delete_by={"VpcEndpointIds": "[VpcEndpoint.VpcEndpointId]"},
    ),
    "AWS::EC2::VPCGatewayAttachment": Call(
        service="ec2",
        create="AttachInternetGateway",
        ref="=InternetGatewayId",
        delete="DetachInternetGateway",
        delete_by={"InternetGatewayId": "=InternetGatewayId", "VpcId": "=VpcId"},
    ),
}
