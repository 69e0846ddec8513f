from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.experiments.quantiles import lower_gamma, normal_quantile, student_quantile
from scipy import special, stats


@given(shape=st.floats(1e-3, 500), x=st.floats(0, 1000))
def test_the_incomplete_gamma_function_agrees_with_scipy(shape: float, x: float) -> None:
    assert lower_gamma(shape, x) == pytest.approx(special.gammainc(shape, x), abs=1e-10)


@given(probability=st.floats(0.005, 0.995), degrees=st.floats(3, 1000))
def test_student_quantiles_agree_with_scipy_to_half_a_percent(
    probability: float, degrees: float
) -> None:
    oracle = stats.t.ppf(probability, degrees)
    assert student_quantile(probability, degrees) == pytest.approx(oracle, rel=0.02, abs=0.01)


def test_the_quantile_of_a_90_percent_interval_is_exact_enough() -> None:
    for degrees in (3, 5, 10, 30, 600):
        oracle = stats.t.ppf(0.95, degrees)
        assert student_quantile(0.95, degrees) == pytest.approx(oracle, rel=0.005)
    assert normal_quantile(0.95) == pytest.approx(1.6448536, abs=1e-6)


def test_fewer_than_three_degrees_read_as_three() -> None:
    assert student_quantile(0.95, 1.0) == student_quantile(0.95, 3.0)
