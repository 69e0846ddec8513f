"""boto3 clients as this house wants them, and botocore's errors in the words of our tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from recsysops.errors import ConflictError, DependencyError, NotFound
from recsysops.settings import Settings

AwsClient = Any
"""A boto3 client; boto3 ships no types."""

Patience = Literal["request", "batch"]

# botocore's parameter validation stays on: 0.05 of the 0.46 ms CPU that one GetItem costs
_CONFIGS: dict[Patience, dict[str, Any]] = {
    # a member waits: one retry, and a fallback rather than a third try
    "request": {
        "connect_timeout": 1.0,
        "read_timeout": 2.0,
        "retries": {"mode": "standard", "total_max_attempts": 2},
        "tcp_keepalive": True,
    },
    "batch": {
        "connect_timeout": 3.0,
        "read_timeout": 60.0,
        "retries": {"mode": "standard", "total_max_attempts": 5},
        "tcp_keepalive": True,
        "max_pool_connections": 16,
    },
}

_MISSING_CODES = ("NoSuchKey", "404")
_CONFLICT_CODES = ("ConflictException", "ConditionalCheckFailedException")


def make_client(service: str, settings: Settings, *, patience: Patience = "batch") -> AwsClient:
    """Make a client of one service.

    On the laptop the command line names the emulator's endpoint; then the emulator's own
    well-known keys are used, so that real credentials never travel there.
    """
    local = settings.endpoint is not None
    return boto3.client(
        service,
        region_name=settings.region,
        endpoint_url=settings.endpoint,
        aws_access_key_id="test" if local else None,
        aws_secret_access_key="test" if local else None,
        config=Config(**_CONFIGS[patience]),
    )


@contextmanager
def translate_errors(doing: str) -> Iterator[None]:
    """Turn botocore's errors into ours; `doing` opens the message.

    Raises: NotFound when an object is missing, ConflictError when a condition failed or a
    deployment runs, DependencyError for everything else: throttling, timeouts, missing rights.
    """
    try:
        yield
    except ClientError as error:
        raise _translate(error, doing) from error
    except BotoCoreError as error:
        raise DependencyError(f"{doing}: {error}") from error


def error_code(error: ClientError) -> str:
    """Return AWS's code of an error, e.g. 'ThrottlingException'."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def _translate(error: ClientError, doing: str) -> NotFound | ConflictError | DependencyError:
    code = error_code(error)
    message = error.response.get("Error", {}).get("Message", "no message")
    line = f"{doing}: {code}: {message}"
    if code in _MISSING_CODES:
        return NotFound(line)
    if code in _CONFLICT_CODES:
        return ConflictError(line)
    return DependencyError(line)
