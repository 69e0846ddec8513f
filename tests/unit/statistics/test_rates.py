"""Rates against the exact conditional test, under the null and with bursts."""

import numpy as np
import pytest
import scipy.stats
from recsysops.statistics.rates import compare_rates, estimate_dispersion


@pytest.mark.parametrize(("before", "now"), [(50, 80), (1_000, 1_100), (400, 330), (30, 30)])
def test_p_values_are_close_to_the_exact_binomial_test(before: int, now: int) -> None:
    exact = scipy.stats.binomtest(now, now + before, 0.5).pvalue
    found = compare_rates(np.array([before]), np.array([now])).p_value[0]
    assert found == pytest.approx(exact, rel=0.35, abs=1e-3)


def test_twice_the_exposure_expects_twice_the_events() -> None:
    found = compare_rates(np.array([100.0]), np.array([200.0]), exposure_ratio=2.0)
    assert found.p_value[0] > 0.9
    assert abs(found.log_ratio[0]) < 0.01


def test_an_outage_is_certain_and_its_ratio_finite() -> None:
    found = compare_rates(np.array([500.0]), np.array([0.0]))
    assert found.p_value[0] < 1e-50
    assert np.isfinite(found.log_ratio[0])


def test_nothing_to_count_is_poisson() -> None:
    assert estimate_dispersion(np.zeros(32)) == 1.0
