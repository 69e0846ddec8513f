"""Our own HTTP API as a client sees it: bearer token, JSON in, JSON out, errors in one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import urllib3

from recsysops.errors import BadInput, DependencyError

Method = Literal["GET", "POST", "PUT"]


@dataclass(slots=True)
class HttpApi:
    """One deployed API; safe to use from several threads.

    token returns a bearer token that is still valid; it is asked before every call.
    """

    api_url: str
    token: Callable[[], str]
    connections: int = 4
    timeout_seconds: float = 30.0
    _pool: urllib3.PoolManager = field(init=False)

    def __post_init__(self) -> None:
        """Open the connection pool."""
        self._pool = urllib3.PoolManager(
            maxsize=self.connections,
            timeout=self.timeout_seconds,
            # a POST is not repeated: the server may have acted on it
            retries=urllib3.Retry(total=2, read=0, status=0),
        )

    def call(
        self, method: Method, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        """Return the JSON answer of a 200.

        Raises: BadInput on a 4xx with the API's own words; DependencyError on everything else.
        """
        answer = self._send(method, path, body)
        if 400 <= answer.status < 500:
            raise BadInput(f"{method} {path}: {answer.status} {_words(answer.data)}")
        if answer.status != 200:
            raise DependencyError(f"{method} {path}: {answer.status} {_words(answer.data)}")
        return _document(answer.data, asked=f"{method} {path}")

    def _send(
        self, method: Method, path: str, body: Mapping[str, object] | None
    ) -> urllib3.BaseHTTPResponse:
        headers = {"authorization": f"Bearer {self.token()}"}
        if body is not None:
            headers["content-type"] = "application/json"
        try:
            return self._pool.request(
                method,
                self.api_url.rstrip("/") + path,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
            )
        except urllib3.exceptions.HTTPError as error:
            raise DependencyError(f"{method} {path}: {type(error).__name__}: {error}") from error


def _document(data: bytes, *, asked: str) -> dict[str, object]:
    try:
        document = json.loads(data)
    except ValueError as error:
        raise DependencyError(f"{asked}: 200 but no JSON: {_words(data)}") from error
    if not isinstance(document, dict):
        raise DependencyError(f"{asked}: 200 but no JSON object: {_words(data)}")
    return document


def _words(data: bytes) -> str:
    """Return what the API says was wrong; of an answer of another shape, its beginning."""
    try:
        return str(json.loads(data)["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return data[:300].decode(errors="replace")
