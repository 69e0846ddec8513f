import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.statistics.totals import compare_log_ratio, compare_lost_share
from scipy.stats import binom

GROUPS = 32


def test_a_tenth_lost_is_as_unlikely_as_so_many_of_a_binomial() -> None:
    lost = compare_lost_share(np.full(GROUPS, 10.0), np.full(GROUPS, 9.0), tolerated=0.01)
    assert float(lost.value) == pytest.approx(0.1)
    assert float(lost.p_value) == pytest.approx(binom.sf(31, 320, 0.01), rel=1e-6)


def test_what_suppliers_withdraw_all_the_time_is_no_loss() -> None:
    lost = compare_lost_share(np.full(GROUPS, 100.0), np.full(GROUPS, 99.0), tolerated=0.0125)
    assert float(lost.p_value) > 0.5


def test_everything_lost_is_certain_and_more_items_than_before_are_none_lost() -> None:
    before = np.full(GROUPS, 10.0)
    gone, grown = (
        compare_lost_share(before, now, tolerated=0.01) for now in (0.0 * before, 2 * before)
    )
    assert (float(gone.value), float(grown.value)) == (1.0, -1.0)
    assert float(gone.p_value) < 1e-20
    assert float(grown.p_value) == 1.0


def test_a_total_without_a_reference_is_not_a_number() -> None:
    assert np.isnan(compare_lost_share(np.zeros(GROUPS), np.ones(GROUPS), tolerated=0.01).value)
    assert np.isnan(compare_log_ratio(np.zeros(GROUPS), np.ones(GROUPS)).value)


@given(st.floats(0.01, 100.0))
def test_a_log_ratio_is_that_of_the_totals_whatever_the_unit(unit: float) -> None:
    before = np.linspace(1.0, 2.0, GROUPS)
    found = compare_log_ratio(before * unit, 1.5 * before * unit)
    assert float(found.value) == pytest.approx(np.log(1.5))
    assert float(found.error) == pytest.approx(0.0, abs=1e-9)


def test_totals_that_only_chance_moves_are_found_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(4)
    before, now = rng.gamma(20.0, size=(2, 2_000, GROUPS))
    assert 0.03 <= float((compare_log_ratio(before, now).p_value < 0.05).mean()) <= 0.07
