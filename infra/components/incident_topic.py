"""The SNS topic that pages people: incidents from audits, alarms from the machinery."""

from __future__ import annotations

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.components.python_function import PythonFunction


class IncidentTopic(Construct):
    """One topic over TLS only; messages carry ids and figures, never a member."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", display_name="recsysops incidents", enforce_ssl=True)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMayPublish",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )

    def allow_publishing(self, function: PythonFunction) -> None:
        """Let a function page people."""
        function.know("INCIDENT_TOPIC_ARN", self.topic.topic_arn)
        function.allow("sns:Publish", on=[self.topic.topic_arn])
