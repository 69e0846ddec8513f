"""Objects in one S3 bucket."""

from __future__ import annotations

import time
from collections.abc import Callable

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.backoff import Sleep, wait_between
from recsysops.errors import ConflictError, NotFound

_ATTEMPTS = 6


class S3Blobs:
    """BlobStore on a bucket."""

    def __init__(self, client: AwsClient, bucket: str, *, sleep: Sleep = time.sleep) -> None:
        self._client = client
        self._bucket = bucket
        self._sleep = sleep

    def get(self, key: str) -> bytes:
        """Return the object. Raises: NotFound, DependencyError."""
        body, _ = self._read(key)
        return body

    def put(self, key: str, body: bytes) -> None:
        """Write the object; S3 checks the bytes on arrival. Raises: DependencyError."""
        with translate_errors(f"write s3://{self._bucket}/{key}"):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)

    def update(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Replace an object by what `change` makes of it (None: leave it); nobody's write is lost.

        S3 compares the ETag that was read (If-Match; without an object If-None-Match: *), so a
        write in between is noticed, and `change` asked again.

        Raises: ConflictError when others kept writing in between, DependencyError.
        """
        for _ in wait_between(
            _ATTEMPTS, first_seconds=0.05, longest_seconds=1.0, sleep=self._sleep
        ):
            try:
                return self._replace(key, change)
            except ConflictError:
                continue
        raise ConflictError(f"s3://{self._bucket}/{key} changed during each of {_ATTEMPTS} tries")

    def list_keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix, sorted. Raises: DependencyError."""
        with translate_errors(f"list s3://{self._bucket}/{prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            return sorted(entry["Key"] for page in pages for entry in page.get("Contents", ()))

    def _replace(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        try:
            body, etag = self._read(key)
            new, condition = change(body), {"IfMatch": etag}
        except NotFound:
            new, condition = change(None), {"IfNoneMatch": "*"}
        if new is None:
            return
        try:
            with translate_errors(f"replace s3://{self._bucket}/{key}"):
                self._client.put_object(Bucket=self._bucket, Key=key, Body=new, **condition)
        except NotFound as error:
            # If-Match of an object that was deleted since it was read
            raise ConflictError(str(error)) from error

    def _read(self, key: str) -> tuple[bytes, str]:
        """Return the object and its ETag, which only a conditional write needs."""
        with translate_errors(f"read s3://{self._bucket}/{key}"):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            return answer["Body"].read(), str(answer.get("ETag", ""))
