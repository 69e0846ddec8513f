"""Calls a Lambda function and returns what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.errors import DependencyError

_LONGEST_CAUSE = 300


class LambdaCalls:
    """Invokes functions by name and waits for them."""

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    def call(self, function: str, payload: Mapping[str, object]) -> dict[str, Any]:
        """Return the function's answer, {} when it answers nothing.

        Raises: DependencyError in one line when the function fails or cannot be called.
        """
        with translate_errors(f"call {function}"):
            answer = self._client.invoke(
                FunctionName=function, Payload=json.dumps(dict(payload)).encode()
            )
            body = answer["Payload"].read()
        document = json.loads(body or b"null")
        if "FunctionError" in answer:
            raise DependencyError(f"{function} failed: {_describe(document)}")
        return document if isinstance(document, dict) else {}


def _describe(document: object) -> str:
    if not isinstance(document, dict):
        return "no message"
    kind, message = document.get("errorType", "Error"), document.get("errorMessage", "no message")
    return " ".join(f"{kind}: {message}".split())[:_LONGEST_CAUSE]
