"""botocore clients as this house wants them, and botocore's errors in the words of our tree.

botocore is imported with the first client that is made: it is half of what a scorer would import,
and a scorer that is well asks it for nothing before its first answer has left (decision 0071).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from recsysops.adapters.sigv4 import Keys
from recsysops.errors import ConflictError, DeadlineError, DependencyError, NotFound
from recsysops.settings import Settings

if TYPE_CHECKING:
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import ClientError

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

_PLAIN_REGION = re.compile(r"(us|ca|mx|sa|eu|ap|me|af|il)-(gov-)?[a-z]+-\d$")
_SPECIAL_ADDRESSES = (
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "HTTPS_PROXY",
    "https_proxy",
)

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


class LazyClient:
    """A client that is made when it is first asked for something.

    Raises, then: DependencyError when AWS_PROFILE names no profile.
    """

    def __init__(self, make: Callable[[], AwsClient]) -> None:
        self._make = make
        self._made: AwsClient | None = None
        self._making = Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.make(), name)

    def make(self) -> AwsClient:
        """Make the client, unless it is made."""
        if self._made is None:
            with self._making:
                self._made = self._made or self._make()
        return self._made

    def close(self) -> None:
        """Close its connections, if it has any."""
        if self._made is not None:
            self._made.close()


def current_keys(settings: Settings) -> Keys | None:
    """Return the credentials that `make_client`'s clients sign with now, None without any."""
    if settings.endpoint is not None:
        return Keys(_EMULATOR_KEY, _EMULATOR_KEY)
    # a function's credentials are in its environment, where botocore looks first, too; not after
    # SnapStart: there botocore fetches them
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    access_key, secret_key, token = map(os.environ.get, names)
    if access_key and secret_key:
        return Keys(access_key, secret_key, token)
    return _session_keys()


def _session_keys() -> Keys | None:
    found = _session().get_credentials()
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
        from botocore.config import Config

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
    import botocore.session

    return botocore.session.Session()


@cache
def _emulator_session() -> botocore.session.Session:
    import botocore.session

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
    # a class is looked up only when something was raised: botocore need not be there before
    except _error_class("ClientError") as error:
        raise _translate(error, doing) from error
    except (_error_class("ConnectTimeoutError"), _error_class("ReadTimeoutError")) as error:
        raise DeadlineError(f"{doing}: {error}") from error
    except _error_class("BotoCoreError") as error:
        raise DependencyError(f"{doing}: {error}") from error


def _error_class(name: str) -> Any:
    import botocore.exceptions

    return getattr(botocore.exceptions, name)


def timeouts_of(patience: Patience, settings: Settings) -> tuple[float, float]:
    """Return how many seconds a connection may take, and an answer."""
    if patience == "member":
        # to connect and to be answered may each take half
        half = settings.member_deadline_ms / 2_000.0
        return half, half
    config = _CONFIGS[patience]
    return config["connect_timeout"], config["read_timeout"]


def plain_endpoint(service: str, settings: Settings) -> str | None:
    """Return a service's address where it needs no rules to be told, None where only botocore
    knows it: other partitions, FIPS, dual stack, a proxy, an address for this service alone."""
    if settings.endpoint is not None:
        return settings.endpoint
    special = (*_SPECIAL_ADDRESSES, f"AWS_ENDPOINT_URL_{service.upper()}")
    if any(os.environ.get(name) for name in special) or not _PLAIN_REGION.match(settings.region):
        return None
    return (
        os.environ.get("AWS_ENDPOINT_URL") or f"https://{service}.{settings.region}.amazonaws.com"
    )


def _config_of(patience: Patience, settings: Settings) -> Config:
    from botocore.config import Config

    connect_seconds, read_seconds = timeouts_of(patience, settings)
    waits = {"connect_timeout": connect_seconds, "read_timeout": read_seconds}
    return Config(**{**_CONFIGS[patience], **waits})


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
