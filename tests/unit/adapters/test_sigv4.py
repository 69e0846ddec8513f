"""Signatures are botocore's own, for every service that is called without it."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote

from botocore import auth, compat
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from recsysops.adapters.sigv4 import Call, Keys, sign_call

moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1))  # noqa: DTZ001 - as botocore's
words = st.text("abcXYZ0123456789/+=", min_size=1, max_size=40)
calls = st.one_of(
    st.tuples(
        st.just("dynamodb"),
        st.builds(
            Call,
            st.just("POST"),
            headers=st.just(
                {"content-type": "application/x-amz-json-1.0", "x-amz-target": "T.Get"}
            ),
            body=st.binary(max_size=300),
        ),
    ),
    st.tuples(
        st.just("s3"),
        words.map(lambda key: Call("GET", quote(f"/bucket/{key}", safe="/-_.~"))),
    ),
    st.tuples(
        st.just("appconfig"),
        words.map(
            lambda token: Call(
                "GET", "/configuration", f"configuration_token={quote(token, safe='-_.~')}"
            )
        ),
    ),
)


def sign_as_botocore_does(
    call: Call, *, host: str, service: str, region: str, keys: Keys, now: datetime
) -> str:
    query = f"?{call.query}" if call.query else ""
    request = AWSRequest(
        method=call.method,
        url=f"https://{host}{call.path}{query}",
        data=call.body,
        headers={**call.headers, "Host": host},
    )
    signer = (auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth)(
        Credentials(keys.access_key, keys.secret_key, keys.token), service, region
    )
    request.context["client_config"] = Config(s3={"payload_signing_enabled": True})
    with (
        patch.object(auth, "get_current_datetime", lambda *_, **__: now),
        patch.object(compat, "get_current_datetime", lambda *_, **__: now),
    ):
        signer.add_auth(request)
    return str(request.headers["Authorization"])


@given(calls, words, words, st.none() | words, moments)
def test_a_signature_is_the_one_that_botocore_makes(
    call: tuple[str, Call], access: str, secret: str, token: str | None, now: datetime
) -> None:
    service, asked = call
    given = {
        "host": f"{service}.eu-central-1.amazonaws.com",
        "service": service,
        "region": "eu-central-1",
        "keys": Keys(access, secret, token),
        "now": now.replace(tzinfo=UTC),
    }
    headers = sign_call(asked, **given)
    assert headers["authorization"] == sign_as_botocore_does(asked, **given)
    assert headers.get("x-amz-security-token") == token
