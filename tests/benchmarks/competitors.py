"""The two other designs, at their best: items are fetched from DynamoDB and scored with numpy.

Both know the member's vector already, filter nothing, explain nothing and log nothing: what is
timed is fetching, decoding and scoring 500 candidates. They may ask for their five batches of 100
keys one after the other or at once; the faster of the two is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import numpy as np
from botocore.config import Config

from tests.benchmarks.loopback_aws import DIMENSION, LISTED_TABLE, PACKED_TABLE

BATCH = 100
"""The most keys that one BatchGetItem takes."""
TOP = 10

_CONFIG = Config(
    max_pool_connections=8, parameter_validation=False, retries={"total_max_attempts": 1}
)


class Conventional:
    """boto3's resource; one item per candidate, its vector a list of numbers."""

    def __init__(self, endpoint: str, *, at_once: bool) -> None:
        self._resource = boto3.resource("dynamodb", endpoint_url=endpoint, config=_CONFIG)
        self._pool = ThreadPoolExecutor(8) if at_once else None

    def rank(self, candidates: Sequence[str], vector: np.ndarray) -> list[str]:
        """Return the ten best candidates."""
        return _best(_each(self._pool, self._fetch, candidates), vector)

    def _fetch(self, item_ids: Sequence[str]) -> list[tuple[str, np.ndarray]]:
        keys = [{"item_id": item_id} for item_id in item_ids]
        answer = self._resource.batch_get_item(RequestItems={LISTED_TABLE: {"Keys": keys}})
        return [
            (item["item_id"], np.array(item["vector"], dtype=np.float32))
            for item in answer["Responses"][LISTED_TABLE]
        ]


class Batched:
    """boto3's client; one item per candidate, its vector packed into one binary attribute."""

    def __init__(self, endpoint: str, *, at_once: bool) -> None:
        self._client = boto3.client("dynamodb", endpoint_url=endpoint, config=_CONFIG)
        self._pool = ThreadPoolExecutor(8) if at_once else None

    def rank(self, candidates: Sequence[str], vector: np.ndarray) -> list[str]:
        """Return the ten best candidates."""
        return _best(_each(self._pool, self._fetch, candidates), vector)

    def _fetch(self, item_ids: Sequence[str]) -> list[tuple[str, bytes]]:
        keys = [{"item_id": {"S": item_id}} for item_id in item_ids]
        answer = self._client.batch_get_item(RequestItems={PACKED_TABLE: {"Keys": keys}})
        return [
            (item["item_id"]["S"], item["vector"]["B"])
            for item in answer["Responses"][PACKED_TABLE]
        ]


def _each(pool: ThreadPoolExecutor | None, fetch: Any, candidates: Sequence[str]) -> list[Any]:
    batches = [candidates[start : start + BATCH] for start in range(0, len(candidates), BATCH)]
    fetched = pool.map(fetch, batches) if pool else map(fetch, batches)
    return [pair for batch in fetched for pair in batch]


def _best(pairs: Sequence[tuple[str, Any]], vector: np.ndarray) -> list[str]:
    if isinstance(pairs[0][1], bytes):
        joined = b"".join(packed for _, packed in pairs)
        matrix = np.frombuffer(joined, dtype="<f4").reshape(len(pairs), DIMENSION)
    else:
        matrix = np.stack([row for _, row in pairs])
    scores = matrix @ vector
    return [pairs[row][0] for row in np.argsort(-scores)[:TOP].tolist()]
