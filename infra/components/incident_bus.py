"""The EventBridge bus that tells machines of incidents, and what listens to it."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct
from recsysops.adapters.eventbridge_notifier import DETAIL_TYPE, SOURCE

from infra.components.dead_letters import DeadLetters
from infra.components.python_function import PythonFunction


class IncidentBus(Construct):
    """One bus for events of incidents; an event that reaches nobody is kept in a queue."""

    def __init__(self, scope: Construct, construct_id: str, *, failures: DeadLetters) -> None:
        super().__init__(scope, construct_id)
        self._failures = failures.queue
        self.bus = events.EventBus(self, "Bus", event_bus_name="recsysops-incidents")

    def allow_publishing(self, function: PythonFunction) -> None:
        """Let a function tell of incidents."""
        function.know("INCIDENT_BUS_NAME", self.bus.event_bus_name)
        function.allow("events:PutEvents", on=[self.bus.event_bus_arn])

    def tell(self, function: PythonFunction, *, enabled: bool) -> None:
        """Invoke a function with every incident that is paged."""
        rule = events.Rule(
            self,
            "Paged",
            event_bus=self.bus,
            enabled=enabled,
            event_pattern=events.EventPattern(source=[SOURCE], detail_type=[DETAIL_TYPE]),
        )
        rule.add_target(
            targets.LambdaFunction(
                function.lambda_function,
                dead_letter_queue=self._failures,
                max_event_age=Duration.hours(1),
                retry_attempts=3,
            )
        )
