"""The client-credentials token: a stubbed user pool and a token endpoint on this machine."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.stub import Stubber
from recsysops.adapters.cognito_token import CognitoToken
from recsysops.errors import BadInput, DependencyError

SECRET = "hush" * 8


class TokenEndpoint:
    """Answers POST /oauth2/token with what `answer` says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] = (200, b"")
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                endpoint.asked.append((self.headers["Authorization"], parse_qs(form)))
                status, body = endpoint.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/oauth2/token"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def grant(self, token: str) -> None:
        self.answer = (200, json.dumps({"access_token": token, "expires_in": 3600}).encode())


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    running = TokenEndpoint()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def pool() -> Iterator[object]:
    client = boto3.client("cognito-idp")
    with Stubber(client) as stubber:
        for _ in range(2):
            stubber.add_response(
                "describe_user_pool_client",
                {"UserPoolClient": {"ClientId": "client-1", "ClientSecret": SECRET}},
                {"UserPoolId": "us-east-1_pool", "ClientId": "client-1"},
            )
        yield client


def make_token(pool: object, url: str, now: list[float]) -> CognitoToken:
    return CognitoToken(
        pool,
        token_url=url,
        user_pool_id="us-east-1_pool",
        client_id="client-1",
        now=lambda: now[0],
    )


def test_a_token_is_asked_for_with_the_clients_secret_and_kept_until_it_is_old(
    endpoint, pool
) -> None:
    now = [1000.0]
    token = make_token(pool, endpoint.url, now)
    endpoint.grant("first")
    assert token.token() == "first"
    endpoint.grant("second")
    now[0] += 3539
    assert token.token() == "first"
    now[0] += 1
    assert token.token() == "second"
    authorization, form = endpoint.asked[0]
    pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
    assert pair == f"client-1:{SECRET}"
    assert form == {
        "grant_type": ["client_credentials"],
        "scope": ["recsysops/recommend recsysops/feedback"],
    }


def test_the_token_of_the_laptop_does_not_travel_through_a_proxy(
    endpoint, pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    endpoint.grant("direct")
    assert make_token(pool, endpoint.url, [1000.0]).token() == "direct"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((400, b"{}"), "refused with 400"),
        ((200, b"{}"), "without a token"),
        ((200, b"<html>"), "without a token"),
    ],
)
def test_a_refusal_is_a_dependency_error_without_the_secret(endpoint, pool, answer, words) -> None:
    endpoint.answer = answer
    with pytest.raises(DependencyError, match=words) as caught:
        make_token(pool, endpoint.url, [0.0]).token()
    assert SECRET not in str(caught.value)


def test_an_endpoint_that_is_not_there_is_a_dependency_error(pool) -> None:
    with pytest.raises(DependencyError, match="does not answer"):
        make_token(pool, "http://127.0.0.1:1/oauth2/token", [0.0]).token()


def test_only_web_addresses_are_asked(pool) -> None:
    with pytest.raises(BadInput, match="file:///etc/passwd"):
        make_token(pool, "file:///etc/passwd", [0.0])
