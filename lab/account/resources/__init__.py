"""CloudFormation resources that the account creates itself; the rest is moto's."""

from collections.abc import Mapping

from lab.account.resources import containers, network, serverless, storage, vpc
from lab.account.resources.calls import Client, Created, Creator, Properties, ResourceError

__all__ = ["CREATORS", "SKIPPED", "Client", "Created", "Creator", "Properties", "ResourceError"]

CREATORS: Mapping[str, Creator] = {
    **containers.CREATORS,
    **network.CREATORS,
    **serverless.CREATORS,
    **storage.CREATORS,
    **vpc.CREATORS,
}

# Types without a use in the lab, and why. `deploy` lists what it skipped.
SKIPPED: Mapping[str, str] = {
    "AWS::CloudWatch::Dashboard": "dashboards are looked at on AWS only",
    "AWS::CloudWatch::AnomalyDetector": "the lab detects no anomalies",
    "AWS::Logs::MetricFilter": "functions log to files in the lab",
    "AWS::Logs::ResourcePolicy": "functions log to files in the lab",
    "AWS::Logs::QueryDefinition": "functions log to files in the lab",
    "AWS::XRay::Group": "the lab does not trace",
    "AWS::Budgets::Budget": "the lab costs nothing",
    "AWS::ApplicationInsights::Application": "dashboards are looked at on AWS only",
    "AWS::ResourceGroups::Group": "only shown on AWS's console",
}

_WITHOUT_EFFECT: Mapping[str, frozenset[str]] = {
    "AWS::Lambda::Permission": frozenset({"SourceAccount", "EventSourceToken"}),
}


def without_effect(kind: str) -> frozenset[str]:
    """Properties of moto's own types that change nothing in the lab when they are left out."""
    return _WITHOUT_EFFECT.get(kind, frozenset())
