import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.statistics.totals import compare_log_ratio, compare_lost_share

GROUPS = 32


def test_a_tenth_lost_evenly_is_a_tenth_with_a_binomial_error() -> None:
    lost = compare_lost_share(np.full(GROUPS, 100.0), np.full(GROUPS, 90.0))
    assert float(lost.value) == pytest.approx(0.1)
    # (320 + 1) / 3202 lost: the binomial's error is larger than the jackknife's, which is 0
    share = 321 / 3202
    assert float(lost.error) == pytest.approx(np.sqrt(share * (1 - share) / 3202))


def test_everything_lost_is_certain_although_no_group_differs_from_another() -> None:
    lost = compare_lost_share(np.full(GROUPS, 10.0), np.zeros(GROUPS))
    assert float(lost.value) == 1.0
    assert float(lost.p_value) < 1e-20


def test_a_total_without_a_reference_is_not_a_number() -> None:
    assert np.isnan(compare_lost_share(np.zeros(GROUPS), np.ones(GROUPS)).value)
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
