"""Intervals of sums and ratios, repeated, hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.experiments.intervals import (
    rare_sum_interval,
    ratio_interval,
)
from scipy import optimize, stats


def test_a_ratio_covers_when_rows_of_a_cluster_go_together() -> None:
    """Members differ in how much they click and how often they come: rows are not independent."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        sizes = rng.poisson(rng.lognormal(1.5, 0.7, 150)) + 1.0
        totals = rng.poisson(sizes * rng.gamma(2.0, 0.15, 150)).astype(float)
        hits += ratio_interval(totals, sizes).contains(0.3)
    assert 0.85 <= hits / 400 <= 0.95


def scipy_mid_p(sums: np.ndarray, weight: float, probability: float) -> float:
    """Quantile of the even mixture of the two gammas, by scipy."""

    def gamma(mean: float, variance: float):
        return stats.gamma(mean**2 / variance, scale=variance / mean)

    seen = gamma(sums.sum(), (sums**2).sum())
    more = gamma(sums.sum() + weight, (sums**2).sum() + weight**2)
    return optimize.brentq(
        lambda x: (seen.cdf(x) + more.cdf(x)) / 2 - probability, 1e-9, 100 * more.mean()
    )


@given(
    sums=st.lists(st.floats(0.1, 50), min_size=1, max_size=30).map(np.array),
    weight=st.floats(0.1, 50),
)
@settings(max_examples=25, deadline=None)
def test_a_rare_sum_agrees_with_scipys_mixture_of_gammas(sums: np.ndarray, weight: float) -> None:
    found = rare_sum_interval(sums, next_weight=weight)
    assert found.low == pytest.approx(scipy_mid_p(sums, weight, 0.05), rel=1e-6)
    assert found.high == pytest.approx(scipy_mid_p(sums, weight, 0.95), rel=1e-6)


@pytest.mark.parametrize("mean_events", [0.5, 2.0, 5.0, 20.0])
def test_a_rare_sum_covers_its_expectation_with_heavy_unequal_weights(mean_events: float) -> None:
    rng = np.random.default_rng(7)
    weights = rng.lognormal(3.0, 0.6, 400)
    chance = mean_events / 400
    truth = float((weights * chance).sum())
    typical = float((weights**2).sum() / weights.sum())
    hits = sum(
        rare_sum_interval(weights * (rng.random(400) < chance), next_weight=typical).contains(truth)
        for _ in range(300)
    )
    assert hits / 300 >= 0.85
