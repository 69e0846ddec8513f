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


def test_quiet_poisson_counts_alarm_at_the_nominal_level() -> None:
    rng = np.random.default_rng(4)
    before, now = rng.poisson(40, size=(2, 20_000))
    rate = (compare_rates(before, now).p_value < 0.05).mean()
    assert rate == pytest.approx(0.05, abs=0.008)


def _bursty_total(rng: np.random.Generator) -> np.ndarray:
    """Group sums of 300 members who come in bursts of about eight requests."""
    bursts = rng.poisson(1.0, size=300)
    requests = np.array([rng.poisson(8, size=count).sum() for count in bursts])
    return np.bincount(rng.integers(0, 32, size=300), weights=requests, minlength=32)


def test_bursts_of_members_do_not_look_like_a_change_of_volume() -> None:
    rng = np.random.default_rng(6)
    naive, corrected = 0, 0
    for _ in range(300):
        before, now = _bursty_total(rng), _bursty_total(rng)
        spread = (estimate_dispersion(before) + estimate_dispersion(now)) / 2
        totals = np.array([before.sum()]), np.array([now.sum()])
        naive += compare_rates(*totals).p_value[0] < 0.05
        corrected += compare_rates(*totals, dispersion=spread).p_value[0] < 0.05
    assert naive / 300 > 0.3
    assert corrected / 300 <= 0.1


def test_nothing_to_count_is_poisson() -> None:
    assert estimate_dispersion(np.zeros(32)) == 1.0
