"""The HTTP API asks for the right scope on every route."""

from __future__ import annotations

import pytest

from .conftest import Assembly

pytestmark = pytest.mark.xdist_group("infra")

SCOPES = {
    "POST /v1/recommendations": ["recsysops/recommend"],
    "POST /v1/feedback": ["recsysops/feedback"],
}


def routes(aws: Assembly) -> dict[str, dict[str, object]]:
    found = (part["Properties"] for part in aws.resources("AWS::ApiGatewayV2::Route").values())
    return {route["RouteKey"]: route for route in found}


def test_every_route_but_health_needs_a_scope(aws: Assembly) -> None:
    assert set(routes(aws)) == {*SCOPES, "GET /health"}
    for key, scopes in SCOPES.items():
        assert routes(aws)[key]["AuthorizationType"] == "JWT"
        assert routes(aws)[key]["AuthorizationScopes"] == scopes


def test_health_is_open(aws: Assembly) -> None:
    assert routes(aws)["GET /health"]["AuthorizationType"] == "NONE"


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


def test_the_scopes_are_recommend_feedback_and_operate(aws: Assembly) -> None:
    server = aws.one("AWS::Cognito::UserPoolResourceServer")["Properties"]
    assert server["Identifier"] == "recsysops"
    assert [scope["ScopeName"] for scope in server["Scopes"]] == [
        "recommend",
        "feedback",
        "operate",
    ]


def test_the_api_is_throttled_and_leaves_an_access_log_without_addresses(aws: Assembly) -> None:
    stage = aws.one("AWS::ApiGatewayV2::Stage")["Properties"]
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert "identity" not in stage["AccessLogSettings"]["Format"]
