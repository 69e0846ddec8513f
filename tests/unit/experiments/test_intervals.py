from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.experiments.intervals import (
    Interval,
    add_intervals,
    effective_sample_size,
    rare_sum_interval,
    ratio_interval,
)
from scipy import stats


def test_a_ratio_over_clusters_is_as_computed_by_hand() -> None:
    """Totals 2, 4 over sizes 1, 3: ratio 1.5, residuals 0.5 and -0.5, error sqrt(2 · 0.5) / 4."""
    found = ratio_interval(np.array([2.0, 4.0]), np.array([1.0, 3.0]))
    assert found.value == 1.5
    reach = stats.t.ppf(0.95, 3) * sqrt(2 * 0.5) / 4
    assert found.high == pytest.approx(1.5 + reach, rel=0.005)
    assert found.low == pytest.approx(1.5 - reach, rel=0.005)


def test_a_ratio_without_spread_or_with_one_cluster_is_a_point() -> None:
    assert ratio_interval(np.array([2.0, 4.0]), np.array([1.0, 2.0])) == Interval(2, 2, 2)
    assert ratio_interval(np.array([3.0]), np.array([2.0])) == Interval(1.5, 1.5, 1.5)


def test_no_event_at_all_still_leaves_room_above() -> None:
    """With weight 10 and nothing seen: half of the gamma(1) tail, 10 · -ln(0.1)."""
    found = rare_sum_interval(np.zeros(50), next_weight=10.0)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(10 * np.log(10), rel=1e-6)


def test_no_event_of_no_weight_is_nought() -> None:
    assert rare_sum_interval(np.zeros(3), next_weight=0.0) == Interval(0, 0, 0)


def test_parts_add_in_quadrature_side_by_side() -> None:
    found = add_intervals([Interval(10, 7, 14), Interval(1, -3, 4)])
    assert found == Interval(11, 11 - 5, 11 + 5)


@given(
    value=st.floats(-100, 100),
    below=st.floats(0, 10),
    above=st.floats(0, 10),
    factor=st.floats(0, 10),
)
def test_moving_an_interval_keeps_its_order(
    value: float, below: float, above: float, factor: float
) -> None:
    interval = Interval(value, value - below, value + above)
    for moved in (
        interval.scaled(factor),
        interval.negated(),
        interval.shifted(factor),
        interval.widened(below=factor, above=0.0),
        add_intervals([interval]),
    ):
        assert moved.low <= moved.value + 1e-9
        assert moved.value <= moved.high + 1e-9


def test_equal_weights_count_fully_and_one_heavy_weight_counts_as_one() -> None:
    assert effective_sample_size(np.full(7, 3.0)) == pytest.approx(7.0)
    assert effective_sample_size(np.array([1e9, 1.0, 1.0])) == pytest.approx(1.0)
    assert effective_sample_size(np.array([])) == 0.0
