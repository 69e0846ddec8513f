"""The S3 adapters against moto, and against a service that fails."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber
from recsysops.adapters.s3_blobs import S3Blobs
from recsysops.adapters.s3_lake import S3Lake
from recsysops.errors import BadData, ConflictError, DependencyError, NotFound

NOW = datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=2)))


def test_objects_come_back_byte_for_byte(s3) -> None:
    blobs = S3Blobs(s3, "a-bucket")
    blobs.put("deltas/d-1.npz", bytes(range(256)))
    assert blobs.get("deltas/d-1.npz") == bytes(range(256))


def test_a_missing_object_is_not_found(s3) -> None:
    with pytest.raises(NotFound, match="s3://a-bucket/nothing: NoSuchKey"):
        S3Blobs(s3, "a-bucket").get("nothing")


def test_keys_below_a_prefix_are_listed_over_many_pages() -> None:
    client = boto3.client("s3")
    place = {"Bucket": "b", "Prefix": "a/"}
    with Stubber(client) as stubber:
        page = {"Contents": [{"Key": "a/2"}], "IsTruncated": True, "NextContinuationToken": "t"}
        stubber.add_response("list_objects_v2", page, place)
        last = {"Contents": [{"Key": "a/1"}], "IsTruncated": False}
        stubber.add_response("list_objects_v2", last, {**place, "ContinuationToken": "t"})
        assert S3Blobs(client, "b").list_keys("a/") == ["a/1", "a/2"]


def test_only_keys_below_the_prefix_are_listed(s3) -> None:
    blobs = S3Blobs(s3, "a-bucket")
    for key in ("a/1", "b/1"):
        blobs.put(key, b"")
    assert blobs.list_keys("a/") == ["a/1"]
    assert blobs.list_keys("c/") == []


def test_a_missing_bucket_and_a_timeout_are_dependency_errors(s3) -> None:
    with pytest.raises(DependencyError, match="NoSuchBucket"):
        S3Blobs(s3, "no-bucket").get("x")

    class Slow:
        def get_object(self, **_):
            raise ReadTimeoutError(endpoint_url="https://s3")

    with pytest.raises(DependencyError, match=r"read s3://b/x: Read timeout"):
        S3Blobs(Slow(), "b").get("x")


def test_a_refused_write_is_a_dependency_error() -> None:
    client = boto3.client("s3")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", "AccessDenied", "no")
        with pytest.raises(DependencyError, match="AccessDenied"):
            S3Blobs(client, "b").put("x", b"")


def test_lake_rows_land_under_the_utc_day_of_ingest_as_gzip_json_lines(s3) -> None:
    lake = S3Lake(s3, "a-bucket")
    lake.write_rows("choice_ranks", rows=[{"rank": 1}], ingest_time=NOW, name="w")
    rows = [{"rank": 2, "title": "é"}, {"rank": None, "title": "a\nb"}]
    key = lake.write_rows("choice_ranks", rows=rows, ingest_time=NOW, name="w")
    assert key == "choice_ranks/dt=2026-10-31/w.json.gz"
    assert NOW.astimezone(UTC).date().isoformat() == "2026-10-31"
    body = s3.get_object(Bucket="a-bucket", Key=key)["Body"].read()
    assert [json.loads(line) for line in gzip.decompress(body).splitlines()] == rows


def test_a_row_with_nan_is_bad_data_and_nothing_is_written(s3) -> None:
    with pytest.raises(BadData, match="cannot be written"):
        S3Lake(s3, "a-bucket").write_rows(
            "choice_ranks", rows=[{"rank": float("nan")}], ingest_time=NOW, name="w"
        )
    assert S3Blobs(s3, "a-bucket").list_keys("") == []


def append(text: bytes) -> Callable[[bytes | None], bytes | None]:
    return lambda body: (body or b"") + text


def test_an_object_is_made_then_replaced_by_what_a_change_makes_of_it(s3) -> None:
    blobs = S3Blobs(s3, "a-bucket")
    blobs.update("pointer", append(b"a"))
    blobs.update("pointer", append(b"b"))
    blobs.update("pointer", lambda _: None)
    assert blobs.get("pointer") == b"ab"


@pytest.mark.parametrize("before", [None, b"a"])
def test_a_write_in_between_is_seen_and_never_lost(s3, before: bytes | None) -> None:
    blobs = S3Blobs(s3, "a-bucket", sleep=lambda _: None)
    if before is not None:
        blobs.put("pointer", before)
    seen: list[bytes | None] = []

    def change(body: bytes | None) -> bytes:
        seen.append(body)
        if len(seen) == 1:
            blobs.put("pointer", b"another's")
        return (body or b"") + b" and mine"

    blobs.update("pointer", change)
    assert seen == [before, b"another's"]
    assert blobs.get("pointer") == b"another's and mine"


def test_an_object_that_vanishes_in_between_is_made_anew(s3) -> None:
    blobs = S3Blobs(s3, "a-bucket", sleep=lambda _: None)
    blobs.put("pointer", b"old")

    def change(body: bytes | None) -> bytes:
        if body is not None:
            s3.delete_object(Bucket="a-bucket", Key="pointer")
        return b"new" if body is None else b"from old"

    blobs.update("pointer", change)
    assert blobs.get("pointer") == b"new"


def test_others_who_never_stop_writing_are_a_conflict(s3) -> None:
    waits: list[float] = []
    blobs = S3Blobs(s3, "a-bucket", sleep=waits.append)
    count = iter(range(100))

    def change(_: bytes | None) -> bytes:
        blobs.put("pointer", str(next(count)).encode())
        return b"mine"

    with pytest.raises(ConflictError, match="changed during each of 6 tries"):
        blobs.update("pointer", change)
    assert len(waits) == 5
