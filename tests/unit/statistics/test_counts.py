import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.statistics.counts import (
    binomial_tail,
    compare_common_shares,
    compare_counted_shares,
    compare_kept_shares,
    compare_with_tolerated,
)
from recsysops.statistics.shares import Weighted
from scipy.stats import binom, norm

GROUPS = 32


def counted(part: float, whole: float) -> Weighted:
    """Rows spread evenly over the groups."""
    even = np.full(GROUPS, 1.0 / GROUPS)
    return Weighted(part * even, whole * even, whole)


def test_a_binomial_tail_is_scipys() -> None:
    counts, rows, shares = np.array([1, 5, 32, 30]), np.array([10, 10, 32, 300]), 0.3
    expected = binom.sf(counts - 1, rows, shares)
    assert binomial_tail(counts, rows, shares) == pytest.approx(expected, rel=1e-9)


def test_nothing_counted_is_no_evidence_and_everything_is_the_power_of_the_share() -> None:
    assert float(binomial_tail(0.0, 10.0, 0.2)) == 1.0
    assert float(binomial_tail(4.0, 4.0, 0.5)) == pytest.approx(0.5**4)


def test_eight_in_one_window_and_none_in_the_other_is_a_coin_that_fell_eight_times() -> None:
    found = compare_counted_shares(counted(0, 100), counted(8, 100))
    assert float(found) == pytest.approx(2 * 0.5**8)


def test_a_tenth_of_one_suppliers_items_is_sure_among_thousands_of_tests() -> None:
    assert float(compare_counted_shares(counted(0, 320), counted(32, 320))) < 1e-8


@given(st.integers(0, 100), st.integers(0, 100))
def test_what_is_left_of_a_share_says_the_same_as_the_share(before: int, now: int) -> None:
    share = compare_counted_shares(counted(before, 100), counted(now, 100))
    rest = compare_counted_shares(counted(100 - before, 100), counted(100 - now, 100))
    assert float(share) == pytest.approx(float(rest))


def test_independent_rows_that_only_chance_moves_are_found_no_more_often_than_the_level() -> None:
    rng = np.random.default_rng(3)
    parts = rng.binomial(400, 0.05, (2, 20_000)).astype(float)
    sides = [Weighted(part[:, None], np.full(1, 400.0), np.full(20_000, 400.0)) for part in parts]
    p_values = compare_counted_shares(*sides)
    assert 0.01 <= float((p_values < 0.05).mean()) <= 0.05
    assert float((p_values < 0.001).mean()) <= 0.001


def test_a_share_below_what_is_tolerated_is_no_evidence() -> None:
    assert float(compare_with_tolerated(counted(5, 1_000), tolerated=0.005).p_value) > 0.3


def test_rows_of_a_few_members_are_worth_fewer_rows() -> None:
    everybodys = counted(32, 640)
    one_members = Weighted(np.eye(GROUPS)[0] * 20.0, np.full(GROUPS, 20.0), 640.0)
    spread, clustered = (
        float(compare_with_tolerated(one, tolerated=0.01).p_value)
        for one in (everybodys, one_members)
    )
    assert spread < 1e-6
    assert clustered > 1e-2


def test_an_empty_window_has_no_share() -> None:
    assert np.isnan(compare_with_tolerated(counted(0, 0), tolerated=0.01).value)


def test_a_common_share_of_many_items_is_tested_as_two_proportions() -> None:
    before, now = counted(2_000, 4_000), counted(1_720, 4_000)
    # 280 of 4,000 around a share of 0.465: six standard errors, where Poisson counts say four
    expected = 2 * norm.sf(0.07 / math.sqrt(0.465 * 0.535 * 2 / 4_000))
    assert float(compare_common_shares(before, now)) == pytest.approx(expected, rel=1e-6)
    assert float(compare_counted_shares(before, now)) > 1e3 * expected


def test_few_items_are_counted_and_none_are_no_evidence() -> None:
    few = (counted(3, 60), counted(9, 60))
    assert float(compare_common_shares(*few)) == float(compare_counted_shares(*few))
    assert float(compare_common_shares(counted(0, 0), counted(0, 0))) == 1.0


def test_shares_that_only_chance_moves_are_found_as_seldom_as_promised() -> None:
    rng = np.random.default_rng(21)
    drawn = rng.binomial(400, 0.4, size=(2, 2_000)) / GROUPS
    sides = (
        Weighted(np.repeat(one[:, None], GROUPS, axis=1), 400 / GROUPS, 400.0) for one in drawn
    )
    p_values = compare_common_shares(*sides)
    assert np.mean(p_values < 0.05) == pytest.approx(0.05, abs=0.015)
    assert np.mean(p_values < 0.001) <= 0.003


def test_fifteen_of_a_small_suppliers_items_are_sure_where_hardly_three_are_tolerated() -> None:
    none, some = counted(0, 240), counted(15, 240)
    found = float(compare_kept_shares(none, some, tolerated=0.0125))
    assert found == pytest.approx(binom.sf(14, 240, 0.0125), rel=1e-6)
    assert found < 1e-6 < float(compare_counted_shares(none, some))


@pytest.mark.parametrize(("before", "now"), [(24, 24), (24, 20), (0, 3), (240, 240)])
def test_items_that_stay_what_they_are_raise_no_doubt(before: int, now: int) -> None:
    kept = compare_kept_shares(counted(before, 240), counted(now, 240), tolerated=0.0125)
    assert float(kept) > 0.4


def test_shares_of_many_and_of_few_rows_are_tested_together_as_each_alone() -> None:
    sides = [(counted(2_000, 4_000), counted(1_720, 4_000)), (counted(3, 60), counted(9, 60))]
    together = compare_common_shares(
        *(
            Weighted(
                np.array([pair[side].part for pair in sides]),
                np.array([pair[side].whole for pair in sides]),
                np.array([pair[side].effective_rows for pair in sides]),
            )
            for side in (0, 1)
        )
    )
    alone = [float(compare_common_shares(*pair)) for pair in sides]
    assert together.tolist() == pytest.approx(alone, rel=1e-12)
