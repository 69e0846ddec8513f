"""False-discovery control against scipy, and over simulated weeks."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from recsysops.statistics.discoveries import adjust_p_values, spend_alpha

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=40).map(np.array)


@given(P_VALUES)
def test_adjusted_p_values_equal_scipys(p_values: np.ndarray) -> None:
    assert adjust_p_values(p_values) == pytest.approx(
        scipy.stats.false_discovery_control(p_values, method="bh")
    )
    assert adjust_p_values(p_values, dependence="any") == pytest.approx(
        scipy.stats.false_discovery_control(p_values, method="by")
    )


@given(P_VALUES, st.integers(0, 500))
def test_tests_that_were_not_kept_count_as_p_one(p_values: np.ndarray, dropped: int) -> None:
    padded = np.concatenate([p_values, np.ones(dropped)])
    kept = adjust_p_values(p_values, tested=len(padded))
    assert kept == pytest.approx(adjust_p_values(padded)[: len(p_values)])


def test_nothing_tested_gives_nothing() -> None:
    assert len(adjust_p_values(np.array([]))) == 0


def test_a_week_of_runs_spends_no_more_than_its_budget() -> None:
    for hours in (1.0, 24.0, 168.0):
        runs = 168.0 / hours
        spent = runs * sum(
            spend_alpha(budget_per_week=0.1, every_hours=hours, revision=r) for r in range(20)
        )
        assert spent <= 0.1
        assert spent == pytest.approx(0.1, rel=1e-5)
    assert spend_alpha(budget_per_week=0.1, every_hours=24.0) == pytest.approx(0.1 / 14)


def test_thirty_null_features_raise_no_more_alarms_than_the_level_says() -> None:
    rng = np.random.default_rng(11)
    shared = rng.normal(size=(4_000, 1))
    z = np.sqrt(0.3) * shared + np.sqrt(0.7) * rng.normal(size=(4_000, 30))
    p = 2 * scipy.stats.norm.sf(np.abs(z))
    naive = (p < 0.05).any(axis=1).mean()
    controlled = np.mean([(adjust_p_values(row) <= 0.05).any() for row in p])
    assert naive > 0.5
    assert controlled <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4_000)


def test_the_false_discovery_level_holds_with_three_hundred_checks_some_of_them_true() -> None:
    rng = np.random.default_rng(12)
    shares = []
    for _ in range(400):
        z = rng.normal(size=300)
        z[:20] += 4.0
        p = 2 * scipy.stats.norm.sf(np.abs(z))
        found = adjust_p_values(p) <= 0.1
        shares.append(found[20:].sum() / max(1, found.sum()))
    assert np.mean(shares) <= 0.1 + 3 * np.std(shares) / np.sqrt(400)
