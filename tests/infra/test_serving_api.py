"""The HTTP API asks for the right scope on every route."""

from __future__ import annotations

from typing import Any

import pytest
from recsysops.serving.routes import ROUTES, SCOPES, Route

from .conftest import Assembly

pytestmark = pytest.mark.xdist_group("infra")


def routes(aws: Assembly) -> dict[str, dict[str, Any]]:
    found = (part["Properties"] for part in aws.resources("AWS::ApiGatewayV2::Route").values())
    return {route["RouteKey"]: route for route in found}


def camel(name: str) -> str:
    return "".join(map(str.title, name.split("_")))


def called(aws: Assembly, uri: dict[str, Any]) -> str:
    """Return the logical id of the function behind an integration, through its alias if any."""
    if "Ref" not in uri:
        return str(uri["Fn::GetAtt"][0])
    alias = aws.resources("AWS::Lambda::Alias")[uri["Ref"]]["Properties"]
    return str(alias["FunctionName"]["Ref"])


def test_every_declared_route_is_deployed_and_no_other(aws: Assembly) -> None:
    assert set(routes(aws)) == {route.key for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)
def test_a_route_asks_for_its_scope_and_reaches_its_function(aws: Assembly, route: Route) -> None:
    deployed = routes(aws)[route.key]
    if route.scope is None:
        assert route.open_because
        assert deployed["AuthorizationType"] == "NONE"
    else:
        assert deployed["AuthorizationType"] == "JWT"
        assert deployed["AuthorizationScopes"] == [f"recsysops/{route.scope}"]
    target = deployed["Target"]["Fn::Join"][1][1]["Ref"]
    integration = aws.resources("AWS::ApiGatewayV2::Integration")[target]["Properties"]
    assert called(aws, integration["IntegrationUri"]).startswith(f"{camel(route.function)}Function")


def test_only_health_and_the_document_are_open() -> None:
    assert [route.key for route in ROUTES if route.scope is None] == [
        "GET /health",
        "GET /v1/openapi.json",
    ]


def test_tokens_must_come_from_our_pool_and_for_our_client(aws: Assembly) -> None:
    configuration = aws.one("AWS::ApiGatewayV2::Authorizer")["Properties"]["JwtConfiguration"]
    (pool,) = aws.resources("AWS::Cognito::UserPool")
    (client,) = aws.resources("AWS::Cognito::UserPoolClient")
    assert configuration["Audience"] == [{"Ref": client}]
    assert {"Ref": pool} in configuration["Issuer"]["Fn::Join"][1]


def test_the_client_signs_in_with_a_secret_and_no_person_can_register(aws: Assembly) -> None:
    client = aws.one("AWS::Cognito::UserPoolClient")["Properties"]
    assert client["GenerateSecret"] is True
    assert client["AllowedOAuthFlows"] == ["client_credentials"]
    pool = aws.one("AWS::Cognito::UserPool")["Properties"]
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True


def test_the_scopes_are_those_declared(aws: Assembly) -> None:
    server = aws.one("AWS::Cognito::UserPoolResourceServer")["Properties"]
    assert server["Identifier"] == "recsysops"
    assert [scope["ScopeName"] for scope in server["Scopes"]] == list(SCOPES)


def test_the_api_is_throttled_and_leaves_an_access_log_without_addresses(aws: Assembly) -> None:
    stage = aws.one("AWS::ApiGatewayV2::Stage")["Properties"]
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert "identity" not in stage["AccessLogSettings"]["Format"]
