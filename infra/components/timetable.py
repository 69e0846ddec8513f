"""What starts by itself, when, and where a start that failed is kept."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.components.dead_letters import DeadLetters
from infra.components.python_function import PythonFunction
from infra.components.state_machine import Workflow

Schedule = scheduler.CfnSchedule


class Timetable(Construct):
    """EventBridge schedules with one role; a start that failed three times goes to the queue."""

    def __init__(
        self, scope: Construct, construct_id: str, *, enabled: bool, failures: DeadLetters
    ) -> None:
        super().__init__(scope, construct_id)
        self._state = "ENABLED" if enabled else "DISABLED"
        self._failures = failures.queue
        self.role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com")
        )
        self._allow("sqs:SendMessage", self._failures.queue_arn)

    def start(self, workflow: Workflow, *, when: str) -> None:
        """Start a workflow with an empty input."""
        arn = workflow.state_machine.state_machine_arn
        self._allow("states:StartExecution", arn)
        self._add(workflow.node.id, when=when, arn=arn)

    def invoke(self, function: PythonFunction, *, when: str) -> None:
        """Invoke a function with an empty event."""
        arn = function.lambda_function.function_arn
        self._allow("lambda:InvokeFunction", arn)
        self._add(function.node.id, when=when, arn=arn)

    def _allow(self, action: str, arn: str) -> None:
        self.role.add_to_principal_policy(iam.PolicyStatement(actions=[action], resources=[arn]))

    def _add(self, name: str, *, when: str, arn: str) -> None:
        schedule = Schedule(
            self,
            name,
            schedule_expression=when,
            state=self._state,
            flexible_time_window=Schedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=Schedule.TargetProperty(
                arn=arn,
                role_arn=self.role.role_arn,
                input="{}",
                dead_letter_config=Schedule.DeadLetterConfigProperty(arn=self._failures.queue_arn),
                retry_policy=Schedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=3600, maximum_retry_attempts=3
                ),
            ),
        )
        schedule.node.add_dependency(self.role)
