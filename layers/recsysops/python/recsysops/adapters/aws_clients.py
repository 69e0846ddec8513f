"""botocore clients as this house wants them, and botocore's errors in the words of our tree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    ReadTimeoutError,
)

from recsysops.adapters.sigv4 import Keys
from recsysops.errors import ConflictError, DeadlineError, DependencyError, NotFound
from recsysops.settings import Settings

AwsClient = Any
"""A boto3 client, made by botocore: `import boto3` adds uploads and resources, which nobody here
uses, and a third to the import. Neither ships types."""

Patience = Literal["member", "request", "poll", "batch"]

# botocore's parameter validation stays on: 0.05 of the 0.46 ms CPU that one GetItem costs
_CONFIGS: dict[Patience, dict[str, Any]] = {
    # a page waits for one read: its time-outs are the stage's deadline, a fallback is the retry
    "member": {"retries": {"mode": "standard", "total_max_attempts": 1}, "tcp_keepalive": True},
    # a member waits: one retry, and a fallback rather than a third try
    "request": {
        "connect_timeout": 1.0,
        "read_timeout": 2.0,
        "retries": {"mode": "standard", "total_max_attempts": 2},
        "tcp_keepalive": True,
    },
    # a member may wait, and the next poll is the retry
    "poll": {
        "connect_timeout": 0.5,
        "read_timeout": 1.5,
        "retries": {"mode": "standard", "total_max_attempts": 1},
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

_EMULATOR_KEY = "test"
_NOT_THE_USERS: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""Where botocore would look for the user's own account, replaced by nothing."""

_MISSING_CODES = ("NoSuchKey", "404")
_CONFLICT_CODES = (
    "ConflictException",
    "ConditionalCheckFailedException",
    # S3: the condition of a write does not hold, or another such write is under way
    "PreconditionFailed",
    "ConditionalRequestConflict",
    "ExecutionAlreadyExists",
)


def current_keys(settings: Settings) -> Keys | None:
    """Return the credentials that `make_client`'s clients sign with now, None without any."""
    session = _emulator_session() if settings.endpoint is not None else _session()
    found = session.get_credentials()
    if found is None:
        return None
    frozen = found.get_frozen_credentials()
    return Keys(frozen.access_key, frozen.secret_key, frozen.token)


def make_client(service: str, settings: Settings, *, patience: Patience = "batch") -> AwsClient:
    """Make a client of one service.

    On the laptop the command line names the emulator's endpoint; then the emulator's own
    well-known keys are used, so that real credentials never travel there, and neither the
    user's AWS profile nor a proxy has a say.

    Raises: DependencyError when AWS_PROFILE names no profile.
    """
    config = _config_of(patience, settings)
    if settings.endpoint is not None:
        return _emulator_session().create_client(
            service,
            region_name=settings.region,
            endpoint_url=settings.endpoint,
            config=config.merge(Config(proxies={})),
        )
    with translate_errors(f"make a client of {service}"):
        return _session().create_client(service, region_name=settings.region, config=config)


@cache
def _session() -> botocore.session.Session:
    return botocore.session.Session()


@cache
def _emulator_session() -> botocore.session.Session:
    session = botocore.session.Session(session_vars=_NOT_THE_USERS)
    session.set_credentials(_EMULATOR_KEY, _EMULATOR_KEY)
    return session


@contextmanager
def translate_errors(doing: str) -> Iterator[None]:
    """Turn botocore's errors into ours; `doing` opens the message.

    Raises: NotFound when an object is missing, ConflictError when a condition failed or a
    deployment runs, DeadlineError when a time-out passed, DependencyError for everything else:
    throttling, missing rights.
    """
    try:
        yield
    except ClientError as error:
        raise _translate(error, doing) from error
    except (ConnectTimeoutError, ReadTimeoutError) as error:
        raise DeadlineError(f"{doing}: {error}") from error
    except BotoCoreError as error:
        raise DependencyError(f"{doing}: {error}") from error


def _config_of(patience: Patience, settings: Settings) -> Config:
    config = Config(**_CONFIGS[patience])
    if patience != "member":
        return config
    # to connect and to be answered may each take half
    half = settings.member_deadline_ms / 2_000.0
    return config.merge(Config(connect_timeout=half, read_timeout=half))


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
