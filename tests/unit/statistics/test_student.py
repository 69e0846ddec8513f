"""Tail probabilities agree with scipy over the whole range that audits meet."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from recsysops.statistics.student import normal_p_value, student_p_value


@pytest.mark.parametrize("degrees", [1, 2, 7, 31, 200])
def test_student_p_values_equal_scipys_down_to_tiny_ones(degrees: int) -> None:
    t = np.array([0.0, 0.01, 0.5, 1.0, 2.04, 5.0, 12.0, 60.0, 400.0])
    expected = 2 * scipy.stats.t.sf(t, degrees)
    assert student_p_value(t, degrees=degrees) == pytest.approx(expected, rel=1e-9, abs=1e-280)


def test_normal_p_values_equal_scipys() -> None:
    z = np.linspace(-9, 9, 41)
    assert normal_p_value(z) == pytest.approx(2 * scipy.stats.norm.sf(np.abs(z)), rel=1e-12)


def test_infinite_t_is_certain_and_nan_stays_nan() -> None:
    p = student_p_value(np.array([np.inf, -np.inf, np.nan]), degrees=31)
    assert p[0] == p[1] == 0.0
    assert np.isnan(p[2])


@given(st.floats(-50, 50), st.floats(1, 500))
def test_the_sign_of_t_does_not_matter_and_p_is_a_probability(t: float, degrees: float) -> None:
    both = student_p_value(np.array([t, -t]), degrees=degrees)
    assert both[0] == both[1]
    assert 0.0 <= both[0] <= 1.0
