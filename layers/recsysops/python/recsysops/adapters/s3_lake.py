"""Result tables of batch jobs, written into the lake as gzip JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.lake_objects import encode_rows, lake_key
from recsysops.ports import Row


class S3Lake:
    """LakeWriter on the lake's bucket."""

    def __init__(self, client: AwsClient, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def write_rows(
        self, table: str, *, rows: Sequence[Row], ingest_time: datetime, name: str
    ) -> str:
        """Write one object; the same name on the same day replaces itself; returns its key.

        Raises: BadData when a row holds NaN, infinity or no JSON; DependencyError.
        """
        key = lake_key(table, ingest_time=ingest_time, name=name)
        body = encode_rows(rows)
        with translate_errors(f"write s3://{self._bucket}/{key}"):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
        return key
