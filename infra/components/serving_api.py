"""The HTTP API: its routes, the scope each asks for, its throttle and its access log."""

from __future__ import annotations

import json

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_logs as logs
from constructs import Construct
from recsysops.serving.routes import Route

from infra.components.acknowledgements import acknowledge
from infra.components.log_groups import retention_of
from infra.components.python_function import PythonFunction
from infra.components.sign_in import RESOURCE_SERVER, SignIn
from infra.settings import StageSettings

ACCESS_LOG_FIELDS = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "latency_ms": "$context.responseLatency",
    "integration_latency_ms": "$context.integrationLatency",
    "error": "$context.error.message",
    "client_id": "$context.authorizer.claims.client_id",
}
"""What one line of the access log says; no address and no member."""


class ServingApi(Construct):
    """An HTTP API whose routes need a scope unless they are said to be open."""

    def __init__(
        self, scope: Construct, construct_id: str, *, sign_in: SignIn, settings: StageSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.HttpApi(self, "Api", create_default_stage=False)
        self.authorizer = authorizers.HttpJwtAuthorizer(
            "Jwt",
            f"https://cognito-idp.{Aws.REGION}.amazonaws.com/{sign_in.pool.user_pool_id}",
            jwt_audience=[sign_in.client.user_pool_client_id],
        )
        self.stage = self._make_stage(settings)

    @property
    def url(self) -> str:
        """The address the paths are appended to."""
        return self.api.api_endpoint

    def serve(self, route: Route, function: PythonFunction) -> None:
        """Serve a route to callers whose token holds its scope; to anybody when it is open."""
        added = self.api.add_routes(
            path=route.path,
            methods=[apigateway.HttpMethod(route.method)],
            integration=self._integrate(function),
            authorizer=self.authorizer if route.scope else None,
            authorization_scopes=[f"{RESOURCE_SERVER}/{route.scope}"] if route.scope else None,
        )
        if route.open_because:
            for open_route in added:
                acknowledge(open_route, "APIG4", because=route.open_because)

    def _integrate(self, function: PythonFunction) -> integrations.HttpLambdaIntegration:
        return integrations.HttpLambdaIntegration(function.node.id, function.callee)

    def _make_stage(self, settings: StageSettings) -> apigateway.HttpStage:
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            detailed_metrics_enabled=True,
            throttle=apigateway.ThrottleSettings(
                burst_limit=settings.api_burst, rate_limit=settings.api_rate
            ),
        )
        group = logs.LogGroup(
            self,
            "AccessLogs",
            retention=retention_of(settings.retention.logs_days),
            removal_policy=RemovalPolicy.DESTROY,
        )
        _log_access(stage, group)
        return stage


def _log_access(stage: apigateway.HttpStage, group: logs.ILogGroup) -> None:
    resource = stage.node.default_child
    if not isinstance(resource, apigateway.CfnStage):
        raise TypeError(f"{stage.node.path} has no CfnStage")
    resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
        destination_arn=group.log_group_arn, format=json.dumps(ACCESS_LOG_FIELDS)
    )
