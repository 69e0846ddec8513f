"""Queues that keep what could not be handled, until a person looks."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.components.acknowledgements import acknowledge
from infra.settings import StageSettings


class DeadLetters(Construct):
    """One encrypted queue for the failures of one source."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: StageSettings) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(settings.retention.dead_letters_days),
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge(
            self.queue, "SQS3", because="This is the dead-letter queue; an alarm watches its depth."
        )
