"""AWS Signature Version 4 of one request, with the day's signing key kept.

Source: AWS General Reference, "Create a signed AWS API request". Tested against botocore's own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials as they are right now; token None for those that do not expire."""

    access_key: str
    secret_key: str
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked: path and query are quoted already; header names are in lower case."""

    method: str
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def sign_call(
    call: Call, *, host: str, service: str, region: str, keys: Keys, now: datetime
) -> dict[str, str]:
    """Return the headers of a signed call, its own among them; `now` in UTC."""
    moment, digest = _stamp(int(now.timestamp())), hashlib.sha256(call.body).hexdigest()
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    given = {**call.headers, "host": host, "x-amz-date": moment}
    if keys.token is not None:
        given["x-amz-security-token"] = keys.token
    if service == "s3":
        given["x-amz-content-sha256"] = digest
    headers = dict(sorted(given.items()))
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"{call.method}\n{call.path}\n{call.query}\n{lines}\n{names}\n{digest}"
    text = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _signing_key(keys.secret_key, moment[:8], region, service)
    credential = f"Credential={keys.access_key}/{scope}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


@lru_cache(maxsize=2)
def _stamp(second: int) -> str:
    """Return a second as 20260302T000000Z."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=8)
def _signing_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
