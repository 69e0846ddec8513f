"""What a scorer reads before its first request, without importing botocore; see decision 0071."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import quote

from recsysops.adapters.aws_clients import AwsClient
from recsysops.adapters.lean_http import LeanHttp
from recsysops.adapters.sigv4 import Call

_JSON = {"content-type": "application/json"}
_NEXT_TOKEN = b"next-poll-configuration-token"


class LeanS3:
    """A boto3 S3 client whose `get_object` takes the short way when it can.

    bucket: the one bucket of the peer. folder: stands before the key, "" when the host names the
    bucket.
    """

    def __init__(self, client: AwsClient, http: LeanHttp, *, bucket: str, folder: str) -> None:
        self._client = client
        self._http = http
        self._bucket = bucket
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_object(self, **call: Any) -> dict[str, Any]:
        """Return body and ETag as boto3's get_object does. Raises: as boto3's."""
        answer = None
        if call.keys() == {"Bucket", "Key"} and call["Bucket"] == self._bucket:
            path = quote(f"{self._folder}/{call['Key']}", safe="/-_.~")
            answer = self._http.ask(Call("GET", path))
        if answer is None:
            found: dict[str, Any] = self._client.get_object(**call)
            return found
        return {"Body": io.BytesIO(answer.body), "ETag": answer.header(b"etag") or ""}


class LeanAppConfig:
    """A boto3 AppConfigData client whose two calls take the short way when they can."""

    def __init__(self, client: AwsClient, http: LeanHttp) -> None:
        self._client = client
        self._http = http

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def start_configuration_session(self, **call: Any) -> dict[str, Any]:
        """Return what boto3 returns, its metadata apart. Raises: as boto3's."""
        body = json.dumps(call, separators=(",", ":")).encode()
        answer = self._http.ask(Call("POST", "/configurationsessions", headers=_JSON, body=body))
        if answer is None:
            opened: dict[str, Any] = self._client.start_configuration_session(**call)
            return opened
        session: dict[str, Any] = json.loads(answer.body)
        return session

    def get_latest_configuration(self, *, ConfigurationToken: str) -> dict[str, Any]:  # noqa: N803 - boto3's word
        """Return the next token and the configuration's body. Raises: as boto3's."""
        query = f"configuration_token={quote(ConfigurationToken, safe='-_.~')}"
        answer = self._http.ask(Call("GET", "/configuration", query))
        token = None if answer is None else answer.header(_NEXT_TOKEN)
        if answer is None or token is None:
            found: dict[str, Any] = self._client.get_latest_configuration(
                ConfigurationToken=ConfigurationToken
            )
            return found
        return {"NextPollConfigurationToken": token, "Configuration": io.BytesIO(answer.body)}
