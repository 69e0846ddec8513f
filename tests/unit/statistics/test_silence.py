"""How likely empty hours are by accident."""

import numpy as np
import pytest
from recsysops.statistics.silence import chance_of_silence, silence_p_value
from scipy.stats import binom


def test_equal_chances_give_the_binomial_tail() -> None:
    chances = np.full(24, 0.1)
    for silent in (1, 3, 8, 24):
        assert silence_p_value(chances, silent) == pytest.approx(
            binom.sf(silent - 1, 24, 0.1), rel=1e-9
        )


def test_unequal_chances_by_hand() -> None:
    chances = np.array([0.5, 0.2])
    assert silence_p_value(chances, 1) == pytest.approx(1 - 0.5 * 0.8)
    assert silence_p_value(chances, 2) == pytest.approx(0.1)
    assert silence_p_value(chances, 0) == 1.0
    assert silence_p_value(chances, 3) == 0.0


def test_a_lucky_count_promises_less_than_it_says() -> None:
    assert chance_of_silence(np.array([0.0, 1.0])).tolist() == [1.0, 1.0]
    assert chance_of_silence(np.array([25.0]))[0] == pytest.approx(np.exp(-16.0))
    assert chance_of_silence(np.array([25.0]), dispersion=4.0)[0] == pytest.approx(np.exp(-9 / 4))


def test_quiet_hours_of_a_poisson_log_raise_no_more_alarms_than_they_may() -> None:
    rng = np.random.default_rng(3)
    rates = rng.uniform(0.5, 6.0, size=24)
    p_values = []
    for _ in range(2_000):
        chances = chance_of_silence(rng.poisson(rates).astype(np.float64))
        due = chances < 0.5
        silent = int((rng.poisson(rates)[due] == 0).sum())
        p_values.append(silence_p_value(chances[due], silent))
    assert np.mean(np.array(p_values) <= 0.01) <= 0.015
