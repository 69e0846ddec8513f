import numpy as np
import pytest
from recsysops.statistics.standardised import Strata, standardise

GROUPS = 32


def strata(weights: list[float], rates: list[float]) -> Strata:
    spread = np.array(weights)[:, None] / GROUPS * np.ones(GROUPS)
    return Strata(spread, spread * np.array(rates)[:, None])


def test_other_rows_at_the_same_rates_move_the_make_up_and_not_the_rates() -> None:
    found = standardise(strata([50, 50], [0.2, 0.4]), strata([20, 80], [0.2, 0.4]))
    assert (found.reference, found.expected, found.observed) == pytest.approx((0.3, 0.36, 0.36))
    assert float(found.rates.value) == pytest.approx(0.0)
    assert float(found.make_up.value) == pytest.approx(0.06)


def test_the_same_rows_at_other_rates_move_the_rates_and_not_the_make_up() -> None:
    found = standardise(strata([50, 50], [0.2, 0.4]), strata([50, 50], [0.1, 0.3]))
    assert float(found.rates.value) == pytest.approx(-0.1)
    assert float(found.make_up.value) == pytest.approx(0.0)


def test_a_stratum_that_the_reference_lacks_is_left_out_and_told() -> None:
    found = standardise(strata([100, 0], [0.2, 0.0]), strata([75, 25], [0.2, 0.9]))
    assert (found.covered, found.observed, found.expected) == pytest.approx((0.75, 0.2, 0.2))


def test_nothing_in_common_is_not_a_number() -> None:
    found = standardise(strata([0.0], [0.0]), strata([10.0], [0.5]))
    assert np.isnan(found.rates.value)
    assert np.isnan(found.observed)


def test_chance_is_found_as_often_as_the_level_says_with_rows_that_go_together() -> None:
    rng = np.random.default_rng(8)
    found = 0
    worlds = 200
    for _ in range(worlds):
        windows = []
        for _ in range(2):
            weights = rng.poisson(30.0, (6, GROUPS)).astype(float)
            member = rng.normal(0.0, 0.05, GROUPS)
            rates = np.clip(np.linspace(0.1, 0.5, 6)[:, None] + member, 0.0, 1.0)
            windows.append(Strata(weights, rng.binomial(weights.astype(int), rates).astype(float)))
        found += float(standardise(*windows).rates.p_value) < 0.05
    assert 0.01 <= found / worlds <= 0.1
