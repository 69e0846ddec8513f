from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch

from botocore import auth, compat
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from recsysops.adapters.sigv4 import CONTENT_TYPE, Keys, sign_request

moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1))  # noqa: DTZ001 - as botocore's
words = st.text("abcXYZ0123456789/+=", min_size=1, max_size=40)


def sign_as_botocore_does(
    body: bytes, *, host: str, region: str, target: str, keys: Keys, now: datetime
) -> str:
    request = AWSRequest(
        method="POST",
        url=f"https://{host}/",
        data=body,
        headers={"Content-Type": CONTENT_TYPE, "X-Amz-Target": target, "Host": host},
    )
    signer = auth.SigV4Auth(
        Credentials(keys.access_key, keys.secret_key, keys.token), "dynamodb", region
    )
    with (
        patch.object(auth, "get_current_datetime", lambda *_, **__: now),
        patch.object(compat, "get_current_datetime", lambda *_, **__: now),
    ):
        signer.add_auth(request)
    return str(request.headers["Authorization"])


@given(st.binary(max_size=300), words, words, st.none() | words, moments)
def test_a_signature_is_the_one_that_botocore_makes(
    body: bytes, access: str, secret: str, token: str | None, now: datetime
) -> None:
    call = {
        "host": "dynamodb.eu-central-1.amazonaws.com",
        "region": "eu-central-1",
        "target": "DynamoDB_20120810.GetItem",
        "keys": Keys(access, secret, token),
        "now": now.replace(tzinfo=UTC),
    }
    headers = sign_request(body, **call)
    assert headers["authorization"] == sign_as_botocore_does(body, **call)
    assert headers.get("x-amz-security-token") == token
