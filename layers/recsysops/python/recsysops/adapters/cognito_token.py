"""An access token for the HTTP API by client credentials, fetched once and kept until it is old."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.errors import BadInput, DependencyError

DEFAULT_SCOPES = ("recsysops/recommend", "recsysops/feedback")
_SPARE_SECONDS = 60.0
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


class CognitoToken:
    """Trades the client's secret, which only Cognito stores, for an access token."""

    def __init__(
        self,
        client: AwsClient,
        *,
        token_url: str,
        user_pool_id: str,
        client_id: str,
        scopes: Sequence[str] = DEFAULT_SCOPES,
        now: Callable[[], float] = time.time,
    ) -> None:
        if urlsplit(token_url).scheme not in ("http", "https"):
            raise BadInput(f"token_url {token_url!r} is no http(s) address")
        self._client = client
        self._token_url = token_url
        self._user_pool_id = user_pool_id
        self._client_id = client_id
        self._scopes = tuple(scopes)
        self._now = now
        self._token = ""
        self._expires_at = 0.0

    def token(self) -> str:
        """Return a token that is valid for at least a minute. Raises: DependencyError."""
        if self._now() >= self._expires_at - _SPARE_SECONDS:
            self._token, lifetime_seconds = self._fetch()
            self._expires_at = self._now() + lifetime_seconds
        return self._token

    def _fetch(self) -> tuple[str, float]:
        answer = _post(
            Request(  # noqa: S310 - the scheme was checked above
                self._token_url,
                data=urlencode(
                    {"grant_type": "client_credentials", "scope": " ".join(self._scopes)}
                ).encode(),
                headers={
                    "Authorization": f"Basic {self._credentials()}",
                    "Content-Type": "application/x-www-form-urlencoded",
                },
            )
        )
        try:
            granted = json.loads(answer)
            return str(granted["access_token"]), float(granted["expires_in"])
        except (KeyError, TypeError, ValueError) as error:
            raise DependencyError(f"{self._token_url} answered without a token") from error

    def _credentials(self) -> str:
        with translate_errors("read the API client"):
            answer = self._client.describe_user_pool_client(
                UserPoolId=self._user_pool_id, ClientId=self._client_id
            )
        secret = answer["UserPoolClient"].get("ClientSecret", "")
        return base64.b64encode(f"{self._client_id}:{secret}".encode()).decode()


def _opener_for(request: Request) -> OpenerDirector:
    # what runs on this machine is never behind the environment's proxy
    is_here = urlsplit(request.full_url).hostname in _THIS_MACHINE
    return build_opener(ProxyHandler({})) if is_here else build_opener()


def _post(request: Request) -> bytes:
    try:
        with _opener_for(request).open(request, timeout=10.0) as answer:
            body: bytes = answer.read()
    except HTTPError as error:
        with error:  # it holds the connection
            raise DependencyError(f"{request.full_url} refused with {error.code}") from error
    except (OSError, HTTPException) as error:
        raise DependencyError(f"{request.full_url} does not answer: {error}") from error
    return body
