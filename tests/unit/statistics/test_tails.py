"""How likely members are that are busier than anybody was."""

import numpy as np
import pytest
from recsysops.statistics.tails import doubling_tail_p_value, poisson_tail
from scipy.stats import poisson

TAIL = np.array([800.0, 400.0, 200.0, 100.0, 50.0, 25.0])


@pytest.mark.parametrize(("count", "mean"), [(1, 0.1), (3, 2.5), (10, 2.0), (40, 55.0)])
def test_the_poisson_tail_is_scipys(count: float, mean: float) -> None:
    assert poisson_tail(count, mean) == pytest.approx(poisson.sf(count - 1, mean), rel=1e-9)


def test_no_event_is_certain_and_no_mean_expects_none() -> None:
    assert (poisson_tail(0, 3.0), poisson_tail(2, 0.0)) == (1.0, 0.0)


def padded(counts: np.ndarray, **more: int) -> np.ndarray:
    bins = np.zeros(12)
    bins[: len(counts)] = counts
    for place, extra in more.items():
        bins[int(place[1:])] += extra
    return bins


def test_levels_with_enough_members_are_counted() -> None:
    p = doubling_tail_p_value(padded(TAIL), padded(TAIL, b5=40), places=range(5, 12))
    assert p == pytest.approx(poisson.sf(64, 25 * 1615 / 1575), rel=1e-6)


def test_beyond_the_reference_the_tail_bends_on_as_a_log_normals_does() -> None:
    # 75 of 175 and 25 of 75 reach the last levels: falls of 3/7 and 1/3, so by 7/9 each doubling
    fall, bend = 1 / 3, 7 / 9
    beyond = 25 * fall**4 * bend ** (1 + 2 + 3 + 4)
    p = doubling_tail_p_value(padded(TAIL), padded(TAIL, b9=1), places=range(9, 12))
    assert p == pytest.approx(poisson.sf(0, beyond * 1576 / 1575), rel=1e-6)
    assert doubling_tail_p_value(padded(TAIL), padded(TAIL), places=range(9, 12)) == 1.0


def test_an_empty_reference_tells_nothing() -> None:
    assert np.isnan(doubling_tail_p_value(np.zeros(12), padded(TAIL), places=range(3, 12)))


def test_heavy_tailed_days_without_robots_raise_no_more_alarms_than_they_may() -> None:
    rng = np.random.default_rng(5)
    activity = rng.gamma(0.9, 10.0, size=2_000)

    def day() -> np.ndarray:
        asked = rng.poisson(activity)
        return np.bincount(np.log2(asked[asked > 0]).astype(int), minlength=12).astype(float)

    reference = sum((day() for _ in range(7)), np.zeros(12))
    found = [
        min(doubling_tail_p_value(reference, now, places=range(low, 12)) for low in range(6, 12))
        for now in (day() for _ in range(400))
    ]
    assert np.mean(np.array(found) <= 0.01 / 6) <= 0.02
