"""Bootstrap over members and Bernstein bounds: by hand, and against independent formulas."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
from recsysops.errors import CouldNotJudge
from recsysops.experiments.off_policy.bernstein import bernstein_interval
from recsysops.experiments.off_policy.cluster_bootstrap import (
    draw_clusters_again,
    percentile_interval,
)


def test_a_drawn_cluster_counts_with_all_its_decisions() -> None:
    cluster = np.array([0, 0, 1, 2, 2, 2])
    seen: list[np.ndarray] = []

    def remember(weight: np.ndarray) -> np.ndarray:
        seen.append(weight)
        return np.array([weight.sum()])

    draws = draw_clusters_again(remember, cluster, rounds=20, rng=np.random.default_rng(0))
    assert draws.shape == (20, 1)
    for weight in seen:
        assert weight[0] == weight[1]
        assert weight[3] == weight[4] == weight[5]
        assert weight[0] + weight[2] + weight[3] == 3, "as many clusters as there are"


def test_repeated_rows_of_a_member_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(3)
    reward = rng.random(60)

    def spread(copies: int) -> float:
        rewards, cluster = np.repeat(reward, copies), np.repeat(np.arange(60), copies)
        draws = draw_clusters_again(
            lambda weight: np.array([np.average(rewards, weights=weight)]),
            cluster, rounds=200, rng=np.random.default_rng(4),
        )  # fmt: skip
        found = percentile_interval(float(reward.mean()), draws[:, 0])
        return found.high - found.low

    assert spread(10) == pytest.approx(spread(1))
    plain = 2 * 1.645 * reward.std(ddof=1) / sqrt(60)
    assert spread(1) == pytest.approx(plain, rel=0.2)


def test_an_estimate_outside_its_draws_stretches_the_interval() -> None:
    found = percentile_interval(2.0, np.zeros(9))
    assert (found.low, found.value, found.high) == (0.0, 2.0, 2.0)


def test_a_bernstein_bound_by_hand() -> None:
    found = bernstein_interval(
        np.array([0.0, 1.0, 1.0, 0.0]), np.array([0, 1, 2, 3]), largest_term=1.0
    )
    log_term = log(40.0)
    reach = sqrt(2 * (1 / 3) * log_term / 4) + 7 * log_term / 9
    assert (found.low, found.value) == (0.0, 0.5)
    assert found.high == pytest.approx(0.5 + reach)


def test_a_bernstein_bound_counts_members_not_rows() -> None:
    terms = np.array([0.2, 0.6, 0.4, 0.8])
    alone = bernstein_interval(terms, np.arange(4), largest_term=1.0)
    paired = bernstein_interval(np.repeat(terms, 2), np.repeat(np.arange(4), 2), largest_term=1.0)
    assert paired.high == pytest.approx(alone.high)


def test_one_member_bounds_nothing() -> None:
    with pytest.raises(CouldNotJudge, match="two members"):
        bernstein_interval(np.ones(3), np.zeros(3, dtype=np.intp), largest_term=1.0)
