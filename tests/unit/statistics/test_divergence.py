"""Distances of binned distributions against hand-computed values and scipy."""

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from recsysops.statistics.divergence import (
    jensen_shannon,
    kolmogorov_smirnov,
    population_stability_index,
)

COUNTS = hnp.arrays(np.float64, 6, elements=st.floats(0.5, 1e4))


def test_psi_of_a_hand_computed_shift() -> None:
    # (0.6 - 0.5) ln(0.6 / 0.5) + (0.4 - 0.5) ln(0.4 / 0.5) = 0.1 ln 1.5
    found = population_stability_index(np.array([50.0, 50.0]), np.array([60.0, 40.0]))
    assert found == pytest.approx(0.1 * np.log(1.5))


def test_psi_with_an_empty_bin_is_large_and_finite() -> None:
    found = population_stability_index(np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    assert 3.0 < found < 10.0


@given(COUNTS, COUNTS)
def test_distances_are_symmetric_where_they_must_be_and_zero_on_themselves(
    one: np.ndarray, two: np.ndarray
) -> None:
    for distance in (
        population_stability_index,
        kolmogorov_smirnov,
        jensen_shannon,
    ):
        assert distance(one, two) == pytest.approx(distance(two, one))
        assert distance(one, one * 3.0) == pytest.approx(0.0, abs=1e-7)
        assert distance(one, two) >= 0.0


@given(COUNTS, COUNTS)
def test_jensen_shannon_equals_scipys_in_base_2(one: np.ndarray, two: np.ndarray) -> None:
    with np.errstate(invalid="ignore"):  # scipy takes the root of a rounding error below zero
        expected = np.nan_to_num(scipy.spatial.distance.jensenshannon(one, two, base=2))
    assert jensen_shannon(one, two) == pytest.approx(expected, abs=1e-7)


def test_disjoint_categories_are_one_apart() -> None:
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 9.0])) == pytest.approx(1.0)


def test_binned_ks_equals_scipys_when_every_value_is_a_bin() -> None:
    rng = np.random.default_rng(3)
    before, after = rng.integers(0, 30, 400), rng.integers(3, 33, 300)
    expected = scipy.stats.ks_2samp(before, after).statistic
    bins = np.bincount(before, minlength=33), np.bincount(after, minlength=33)
    assert kolmogorov_smirnov(*map(np.float64, bins)) == pytest.approx(expected)


def test_no_weight_on_a_side_gives_nan_rather_than_agreement() -> None:
    some, none = np.array([1.0, 2.0]), np.zeros(2)
    assert np.isnan(kolmogorov_smirnov(some, none))
    assert np.isnan(jensen_shannon(none, some))
    assert np.isnan(population_stability_index(none, some))


def test_decile_psi_alone_misses_a_ten_percent_zero_fill_that_ks_sees() -> None:
    before = np.full(10, 100.0)
    after = before * 0.9
    after[0] += 100.0
    assert population_stability_index(before, after) < 0.1
    assert kolmogorov_smirnov(before, after) == pytest.approx(0.09)
