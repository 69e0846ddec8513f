"""Objects in one S3 bucket."""

from __future__ import annotations

from recsysops.adapters.aws_clients import AwsClient, translate_errors


class S3Blobs:
    """BlobStore on a bucket."""

    def __init__(self, client: AwsClient, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def get(self, key: str) -> bytes:
        """Return the object. Raises: NotFound, DependencyError."""
        with translate_errors(f"read s3://{self._bucket}/{key}"):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            body: bytes = answer["Body"].read()
        return body

    def put(self, key: str, body: bytes) -> None:
        """Write the object; S3 checks the bytes on arrival. Raises: DependencyError."""
        with translate_errors(f"write s3://{self._bucket}/{key}"):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)

    def list_keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix, sorted. Raises: DependencyError."""
        with translate_errors(f"list s3://{self._bucket}/{prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            return sorted(entry["Key"] for page in pages for entry in page.get("Contents", ()))
