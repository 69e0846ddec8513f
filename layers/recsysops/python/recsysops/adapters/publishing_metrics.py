"""What a publication tells CloudWatch: how many item rows could not be read, and which."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

from recsysops.observability import Metrics

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

REJECTED_ITEMS = "RejectedItems"
_NAMED = 20
"""Rows named in one log line: an upstream job that mistypes all of them is one mistake."""


def tell_published(
    metrics: Metrics, logger: Logger, *, delta_id: str | None, rejected: Mapping[str, str]
) -> None:
    """Log a publication and count its rejected rows; None: no model was approved yet."""
    logger.info("items published", delta_id=delta_id)
    if not rejected:
        return
    rows = dict(islice(rejected.items(), _NAMED))
    logger.error("item rows cannot be read", count=len(rejected), rows=rows)
    metrics.add_metric(REJECTED_ITEMS, "Count", len(rejected))
    metrics.flush_metrics()
