"""False alarms over simulated logs stay at the nominal level, and real changes are found."""

import math

import numpy as np
import pytest
from recsysops.statistics.rates import compare_rates, estimate_dispersion
from recsysops.statistics.shares import Weighted, compare_shares, effective_rows


def _clustered_false_alarms(*, trials: int, jackknife: bool) -> float:
    """Null worlds: 20 rows a request, a few requests a member, shares correlated inside both,
    full records of two strata with weights 1 and 10."""
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(trials):
        windows = []
        for _ in range(2):
            members, requests, rows = 200, 400, 20
            owner = rng.integers(0, members, size=requests)
            tilt = rng.normal(0, 0.5, members)[owner] + rng.normal(0, 0.5, requests)
            chance = 1 / (1 + np.exp(-(tilt - 1.5)))
            hits = rng.binomial(rows, chance)
            weight = np.where(rng.random(requests) < 0.5, 1.0, 10.0)
            group = rng.integers(0, 32, members)[owner]
            part = np.bincount(group, weights=weight * hits, minlength=32)
            whole = np.bincount(group, weights=weight * rows, minlength=32)
            effective = float(effective_rows((weight * rows).sum(), (weight**2 * rows).sum()))
            windows.append(Weighted(part, whole, effective))
        if jackknife:
            p = float(compare_shares(*windows).p_value)
        else:
            share = [w.part.sum() / w.whole.sum() for w in windows]
            error = np.sqrt(
                sum(s * (1 - s) / w.effective_rows for s, w in zip(share, windows, strict=True))
            )
            p = 2 * (1 - _normal_cdf(abs(share[1] - share[0]) / error))
        alarms += p < 0.05
    return alarms / trials


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def test_clusters_and_weights_leave_false_alarms_at_the_nominal_level() -> None:
    # 600 trials: standard error of a rate of 5 % is 0.9 points
    assert 0.02 <= _clustered_false_alarms(trials=600, jackknife=True) <= 0.08


def test_effective_rows_alone_would_cry_wolf() -> None:
    assert _clustered_false_alarms(trials=300, jackknife=False) > 0.2


def test_a_ten_percent_zero_fill_is_found_in_every_seed() -> None:
    for seed in range(50):
        rng = np.random.default_rng(seed)
        group = rng.integers(0, 32, size=1_000)
        zero = rng.random(1_000) < 0.1
        whole = np.bincount(group, minlength=32).astype(float)
        before = Weighted(np.zeros(32), whole, 1_000.0)
        after = Weighted(np.bincount(group, weights=zero, minlength=32), whole, 1_000.0)
        assert compare_shares(before, after).p_value < 1e-6


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
