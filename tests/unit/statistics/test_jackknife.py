"""The delete-a-group jackknife against brute force, and against what it must survive."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from recsysops.statistics.jackknife import (
    Estimates,
    jackknife_difference,
    jackknife_error,
    leave_one_group_out,
    ratio,
)
from recsysops.statistics.shares import Weighted, compare_means, compare_shares, effective_rows


def against_nothing(numerator: np.ndarray, denominator: np.ndarray) -> Estimates:
    """A ratio of group sums as its difference from a window in which it was nought."""
    nothing = (np.zeros_like(numerator), denominator)
    return jackknife_difference(ratio, reference=nothing, window=(numerator, denominator))


def test_with_one_row_a_group_the_error_is_the_textbook_one() -> None:
    rows = np.random.default_rng(1).normal(5.0, 2.0, size=32)
    found = against_nothing(rows, np.ones(32))
    assert found.value == pytest.approx(rows.mean())
    assert found.error == pytest.approx(rows.std(ddof=1) / np.sqrt(32))


def test_a_hajek_mean_and_its_error_equal_brute_force() -> None:
    rng = np.random.default_rng(2)
    group, weight = rng.integers(0, 8, size=200), rng.uniform(1, 20, size=200)
    value = rng.normal(size=200)
    leave_out = [np.average(value[group != g], weights=weight[group != g]) for g in range(8)]
    expected = np.sqrt(7 / 8 * ((leave_out - np.mean(leave_out)) ** 2).sum())
    sums = np.bincount(group, weights=weight * value), np.bincount(group, weights=weight)
    found = against_nothing(*sums)
    assert found.value == pytest.approx(np.average(value, weights=weight))
    assert found.error == pytest.approx(expected)


@given(
    hnp.arrays(np.float64, (3, 16), elements=st.floats(0, 1e6, allow_subnormal=False)),
    st.floats(1e-3, 1e3),
)
def test_scaling_all_weights_changes_neither_share_nor_p_value(
    sums: np.ndarray, scale: float
) -> None:
    whole = sums + 1.0
    one = against_nothing(sums, whole)
    two = against_nothing(sums * scale, whole * scale)
    assert two.value == pytest.approx(one.value)
    assert two.p_value == pytest.approx(one.p_value, abs=1e-6)


def test_no_weight_gives_nan_rather_than_a_share() -> None:
    found = against_nothing(np.zeros(32), np.zeros(32))
    assert np.isnan(found.value)
    assert np.isnan(found.p_value)


def test_constant_replicates_have_no_error() -> None:
    assert jackknife_error(np.full((2, 32), 3.0)) == pytest.approx([0.0, 0.0])
    assert leave_one_group_out(np.array([1.0, 2.0])).tolist() == [2.0, 1.0]


def test_all_against_none_is_significant_although_nothing_varies() -> None:
    groups = np.full(32, 30.0)
    none = Weighted(np.zeros(32), groups, 960.0)
    everything = Weighted(groups, groups, 960.0)
    found = compare_shares(none, everything)
    assert found.value == 1.0
    assert found.p_value < 1e-20


def test_with_three_rows_all_against_none_proves_little() -> None:
    groups = np.zeros(32)
    groups[:3] = 1.0
    found = compare_shares(Weighted(np.zeros(32), groups, 3.0), Weighted(groups, groups, 3.0))
    assert found.p_value > 0.01


def test_effective_rows_are_kishs_but_no_more_than_the_weight() -> None:
    assert effective_rows(300.0, 300.0) == 300.0
    assert effective_rows(300.0, 3000.0) == pytest.approx(30.0)
    # nine sightings of 100 items, each weighing a ninth: 100 items, not 900
    assert effective_rows(100.0, 900 / 81) == pytest.approx(100.0)
    assert effective_rows(0.0, 0.0) == 0.0


def test_items_common_to_both_windows_make_the_comparison_sharper() -> None:
    rng = np.random.default_rng(5)
    group = rng.integers(0, 32, size=2_000)
    price = rng.lognormal(2, 1, size=2_000)
    whole = np.bincount(group, minlength=32).astype(float)
    before = Weighted(np.bincount(group, weights=price), whole, 2_000.0)
    after = Weighted(np.bincount(group, weights=price * 1.01), whole, 2_000.0)
    strangers = rng.permutation(group)
    other = Weighted(
        np.bincount(strangers, weights=price * 1.01),
        np.bincount(strangers, minlength=32).astype(float),
        2_000.0,
    )
    assert compare_means(before, after).error < 0.2 * compare_means(before, other).error
