"""Intervals for rare heavy weights on real logs: Open Bandit, if it lies beside the repository."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from recsysops.experiments.intervals import effective_sample_size, rare_sum_interval

DATA = Path(__file__).parents[4] / "shared" / "data" / "open-bandit"


def read_logs(policy: str, campaign: str) -> tuple[np.ndarray, np.ndarray, int]:
    path = DATA / policy / campaign / f"{campaign}.csv.gz"
    if not path.exists():
        pytest.skip("Open Bandit is not here")
    with gzip.open(path, "rt") as lines:
        rows = [
            (float(row["propensity_score"]), float(row["click"]), row["item_id"])
            for row in csv.DictReader(lines)
        ]
    items = len({item for _, _, item in rows})
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows]), items


@pytest.mark.parametrize("campaign", ["all", "men"])
def test_the_uniform_policys_clicks_are_covered_from_thompson_samplings_log(campaign: str) -> None:
    propensities, clicks, items = read_logs("bts", campaign)
    _, truth, _ = read_logs("random", campaign)
    weights = (1.0 / items) / propensities
    typical = float((weights**2).sum() / weights.sum())
    found = rare_sum_interval(weights * clicks, next_weight=typical).scaled(1.0 / len(weights))
    assert effective_sample_size(weights) < 0.1 * len(weights), "weights are heavy"
    assert found.contains(float(truth.mean()))
    assert found.high - found.value > found.value - found.low, "the interval knows its heavy tail"
