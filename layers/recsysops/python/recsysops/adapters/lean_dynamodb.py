"""GetItem without botocore's 0.4 ms of machinery; see decision 0051."""

from __future__ import annotations

import base64
import json
from typing import Any

from recsysops.adapters.aws_clients import AwsClient
from recsysops.adapters.lean_http import LeanHttp
from recsysops.adapters.sigv4 import Call

_HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "DynamoDB_20120810.GetItem",
}


class LeanDynamoDb:
    """A boto3 DynamoDB client whose `get_item` takes the short way when it can."""

    def __init__(self, client: AwsClient, http: LeanHttp) -> None:
        self._client = client
        self._http = http

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_item(self, **call: Any) -> dict[str, Any]:
        """Return what boto3's get_item returns, its metadata apart. Raises: as boto3's."""
        body = _encode(call).encode()
        answer = self._http.ask(Call("POST", headers=_HEADERS, body=body))
        if answer is None:
            found: dict[str, Any] = self._client.get_item(**call)
            return found
        item: dict[str, Any] = _decode(answer.body.decode())
        return item


def _decode_binary(attribute: dict[str, Any]) -> dict[str, Any]:
    """Turn {"B": text} into {"B": bytes}, as boto3 does; other objects stay as they are."""
    binary = attribute.get("B")
    if len(attribute) == 1 and isinstance(binary, str):
        return {"B": base64.b64decode(binary)}
    return attribute


# made once: json.dumps and json.loads make one for every call that is not their default
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder(object_hook=_decode_binary).decode
