"""The log-rank test by hand, on quiet worlds, and against its textbook formula."""

import math

import numpy as np
import pytest
from recsysops.statistics.log_rank import log_rank
from recsysops.statistics.standardised import Strata
from scipy import stats

GROUPS = 32


def spread(at_risk: list[float], events: list[float]) -> Strata:
    """Sums by age, spread evenly over the groups."""
    ones = np.full(GROUPS, 1.0 / GROUPS)
    return Strata(np.outer(at_risk, ones), np.outer(events, ones))


def test_expected_events_are_the_rows_at_risk_at_the_rates_of_before() -> None:
    found = log_rank(spread([100.0, 50.0], [20.0, 10.0]), spread([10.0, 20.0], [1.0, 1.0]))
    assert (found.observed, found.expected) == pytest.approx((2.0, 10 * 0.2 + 20 * 0.2))
    assert found.hazards == pytest.approx((0.4, 0.15))


def test_one_age_has_the_hypergeometric_error() -> None:
    found = log_rank(spread([100.0], [30.0]), spread([100.0], [10.0]))
    variance = 40 * 160 / 199 * 0.25
    t = (20.0 - 10.0) / math.sqrt(variance)
    assert found.p_value == pytest.approx(2.0 * stats.t.sf(t, GROUPS - 1))


def test_an_age_that_only_one_period_knows_says_nothing() -> None:
    with_more = log_rank(spread([100.0, 0.0], [20.0, 0.0]), spread([50.0, 90.0], [10.0, 0.0]))
    without = log_rank(spread([100.0], [20.0]), spread([50.0], [10.0]))
    assert with_more == without


def test_no_common_age_gives_no_difference() -> None:
    found = log_rank(spread([100.0, 0.0], [20.0, 0.0]), spread([0.0, 90.0], [0.0, 9.0]))
    assert (found.observed, found.expected, found.p_value) == (0.0, 0.0, 1.0)


def test_alike_launches_are_called_different_in_five_percent_at_most() -> None:
    rng = np.random.default_rng(6)
    at_risk = rng.integers(5, 20, size=(2, 400, 3, GROUPS)).astype(float)
    events = rng.binomial(at_risk.astype(int), 0.1).astype(float)
    p_values = [
        log_rank(Strata(at_risk[0, n], events[0, n]), Strata(at_risk[1, n], events[1, n])).p_value
        for n in range(400)
    ]
    assert np.mean(np.array(p_values) < 0.05) <= 0.08
