"""One Step Functions workflow: its definition, its role, its log and its trace."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.components.acknowledgements import acknowledge_wildcards
from infra.components.log_groups import retention_of
from infra.components.python_function import PythonFunction
from infra.settings import StageSettings


class Workflow(Construct):
    """A standard state machine written in Amazon States Language with ${Names} filled in."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        definition: Mapping[str, object],
        functions: Mapping[str, PythonFunction],
        names: Mapping[str, str] | None = None,
        timeout_hours: int = 2,
        settings: StageSettings,
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        arns = {name: part.lambda_function.function_arn for name, part in functions.items()}
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            definition_body=sfn.DefinitionBody.from_string(json.dumps(definition)),
            definition_substitutions={**arns, **(names or {})},
            role=self.role,
            timeout=Duration.hours(timeout_hours),
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=self._make_log_group(settings),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,  # payloads name members' choices
            ),
        )
        self.allow("lambda:InvokeFunction", on=list(arns.values()))
        self._acknowledge_delivery()

    def allow(self, *actions: str, on: Sequence[str]) -> None:
        """Let the workflow do exactly these actions on these ARNs."""
        self.role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(on))
        )

    def _make_log_group(self, settings: StageSettings) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "Logs",
            # Step Functions keeps its own resource policy small under this prefix
            log_group_name=f"/aws/vendedlogs/states/recsysops-{self.node.id.lower()}",
            retention=retention_of(settings.retention.logs_days),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _acknowledge_delivery(self) -> None:
        acknowledge_wildcards(
            self.role,
            ["*"],
            because="X-Ray segments and vended log delivery cannot be limited to a resource.",
        )
