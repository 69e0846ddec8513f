"""Looks at a growing estimate: by hand, in the limits, and agreeing with their own intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.statistics.sequential import look_at


def test_a_look_is_what_the_formula_says() -> None:
    # v = 0.01, mixture = 0.04: spread 0.0125, evidence 0.09 / 0.025 - ln(5)/2 = 2.7953
    look = look_at(np.array([0.3]), np.array([0.1]), typical_effect=0.2)
    assert look.p_value[0] == pytest.approx(np.exp(-2.79528), rel=1e-4)
    # width² = 0.0125 · ln(5 / 0.0025) = 0.095011
    assert look.high[0] - 0.3 == pytest.approx(0.308239, rel=1e-4)


@given(st.floats(-3, 3), st.floats(1e-3, 2), st.floats(1e-2, 2))
def test_zero_is_outside_the_interval_exactly_when_the_p_value_is_below_alpha(
    value: float, error: float, typical: float
) -> None:
    look = look_at(np.array([value]), np.array([error]), typical_effect=typical)
    outside = look.low[0] > 0 or look.high[0] < 0
    if abs(look.p_value[0] - 0.05) > 1e-9:
        assert outside == (look.p_value[0] < 0.05)


def test_an_estimate_without_a_known_error_tells_nothing() -> None:
    errors = np.array([-1.0, np.nan, np.inf])
    look = look_at(np.array([5.0, 5.0, 5.0]), errors, typical_effect=1.0)
    assert look.p_value.tolist() == [1.0] * 3
    assert np.isinf(look.low).all()
    assert np.isinf(look.high).all()


def test_an_estimate_that_is_exact_is_certain_of_a_difference_and_silent_without_one() -> None:
    errors = np.array([0.0, 1e-200, 0.0, 0.0])
    look = look_at(np.array([5.0, -5.0, 0.0, np.nan]), errors, typical_effect=1.0)
    assert look.p_value.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert look.low[:3].tolist() == [5.0, -5.0, -np.inf]
    assert look.high[:3].tolist() == [5.0, -5.0, np.inf]


def test_the_smaller_the_error_the_smaller_the_p_value_down_to_none_at_all() -> None:
    errors = np.array([1.0, 0.3, 0.1, 1e-3, 1e-100, 0.0])
    p_values = look_at(np.full(6, 0.5), errors, typical_effect=0.03).p_value
    assert (np.diff(p_values) <= 0).all()
    assert p_values[-1] == 0.0


def test_it_is_wider_than_the_interval_of_a_single_look_and_narrows_as_data_come() -> None:
    errors = 1.0 / np.sqrt(np.array([100.0, 1_000.0, 10_000.0]))
    look = look_at(np.zeros(3), errors, typical_effect=0.05)
    assert (look.high > 1.96 * errors).all()
    assert (np.diff(look.high) < 0).all()
