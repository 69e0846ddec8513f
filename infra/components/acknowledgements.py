"""How a finding of cdk-nag is acknowledged: one finding of one resource, with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Acknowledgment, CfnResource, Stack, Validations
from constructs import Construct, IConstruct

RULE_PACK = "AwsSolutions::AwsSolutions"


def acknowledge(construct: IConstruct, rule: str, *, because: str) -> None:
    """Acknowledge one rule (e.g. "SQS3") on one construct."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"{RULE_PACK}-{rule}", reason=because))


def acknowledge_wildcards(construct: IConstruct, resources: Sequence[str], *, because: str) -> None:
    """Acknowledge IAM5 for exactly these resource patterns, as `name_resource` spells them."""
    for resource in resources:
        acknowledge(construct, f"IAM5[Resource::{resource}]", because=because)


def name_resource(owner: Construct, attribute: str = "Arn", suffix: str = "") -> str:
    """Spell a resource's attribute as cdk-nag does: "<LogicalId.Arn>/prefix/*"."""
    resource = owner.node.default_child
    if not isinstance(resource, CfnResource):
        raise TypeError(f"{owner.node.path} has no CloudFormation resource of its own")
    logical_id = Stack.of(owner).resolve(resource.logical_id)
    return f"<{logical_id}.{attribute}>{suffix}"
