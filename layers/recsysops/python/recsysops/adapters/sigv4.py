"""AWS Signature Version 4 of one DynamoDB request, with the day's signing key kept.

Source: AWS General Reference, "Create a signed AWS API request". Tested against botocore's own.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

CONTENT_TYPE = "application/x-amz-json-1.0"
_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials as they are right now; token None for those that do not expire."""

    access_key: str
    secret_key: str
    token: str | None = None


def sign_request(
    body: bytes, *, host: str, region: str, target: str, keys: Keys, now: datetime
) -> dict[str, str]:
    """Return the headers of a signed POST of `body` to / of DynamoDB, `now` in UTC."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region}/dynamodb/aws4_request"
    headers = {"content-type": CONTENT_TYPE, "host": host, "x-amz-date": moment}
    if keys.token is not None:
        headers["x-amz-security-token"] = keys.token
    headers["x-amz-target"] = target
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}".encode()
    signature = hmac.digest(_signing_key(keys.secret_key, moment[:8], region), text, "sha256").hex()
    credential = f"Credential={keys.access_key}/{scope}"
    headers["authorization"] = (
        f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


@lru_cache(maxsize=4)
def _signing_key(secret_key: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, "dynamodb", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
