"""Published list prices, one region, and what a million requests cost at measured durations."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.rows import Row

_GB_PER_MB = 1 / 1_024


@dataclass(frozen=True)
class Prices:
    """US dollars, us-east-1, without free tiers; as noted in the project's methods."""

    read_on: str = "2026-11-22, from the project's methods notes; check before you budget"
    lambda_arm_gb_second: float = 0.0000133334
    lambda_million_requests: float = 0.20
    http_api_million: float = 1.00
    dynamodb_million_read_units: float = 0.125
    """Two eventually consistent reads of up to 4 KB share one unit."""
    firehose_gb: float = 0.029
    firehose_record_kb: float = 5.0
    """Each record is billed rounded up to so much."""


PRICES = Prices()
MEMORY_MB = 1_769
"""One vCPU: what infra/settings.py gives the scoring function."""


def price_a_million(
    *, handler_ms: float, after_ms: float, log_kb: float, prices: Prices = PRICES
) -> list[Row]:
    """Return the parts of the cost of a million requests and their sum.

    Args:
        handler_ms: until the response, measured.
        after_ms: log work after it, billed too.
        log_kb: slim lines and the sampled share of full records, per request.
    """
    seconds = (handler_ms + after_ms) / 1_000.0
    compute = 1e6 * seconds * MEMORY_MB * _GB_PER_MB * prices.lambda_arm_gb_second
    parts = {
        "HTTP API": prices.http_api_million,
        "Lambda requests": prices.lambda_million_requests,
        f"Lambda compute, arm64, {MEMORY_MB} MB": compute,
        "DynamoDB, one member read of <= 4 KB": 0.5 * prices.dynamodb_million_read_units,
        "Firehose, a record per request at worst": _firehose(log_kb, prices),
    }
    rows = [Row(f"$ per million: {name}", dollars, "$") for name, dollars in parts.items()]
    total = Row("$ per million requests", sum(parts.values()), "$", note=f"prices {prices.read_on}")
    wide = Row(
        "$ per million: reading 500 items one by one instead",
        500 * 0.5 * prices.dynamodb_million_read_units,
        "$",
        note="the conventional design's reads alone",
    )
    return [*rows, total, wide]


def _firehose(log_kb: float, prices: Prices) -> float:
    billed_kb = prices.firehose_record_kb * max(1.0, -(-log_kb // prices.firehose_record_kb))
    return 1e6 * billed_kb / 2**20 * prices.firehose_gb
