"""The judge of launches' ranks on sums made by hand, and on weeks in which nothing happened."""

from __future__ import annotations

import numpy as np
import pytest
from recsysops.detection.audits.launch_rank import judge
from recsysops.detection.cells import Distribution, Sums
from recsysops.detection.checks import Check
from recsysops.detection.launches import compare_launches

from tests.unit.detection.distributions import context

AGES = 7
GROUPS = 32


def add_up(ages: np.ndarray, groups: np.ndarray, percentiles: np.ndarray) -> Sums:
    """Sums of launch-days (n,), as the audit's SQL adds them up."""
    weights, values = np.zeros((AGES, GROUPS)), np.zeros((AGES, GROUPS))
    np.add.at(weights, (ages, groups), 1.0)
    np.add.at(values, (ages, groups), percentiles)
    count = weights.sum(axis=1)
    return Sums(count, count, np.zeros(AGES), weights, values)


def launches(reference: Sums, window: Sums, *, slice_name: str = "all") -> Distribution:
    cells = tuple(map(str, range(AGES)))
    return Distribution(slice_name, "launches", cells, reference, window)


def draw_weeks(seed: int, *, per_day: int = 4, lower: float = 0.0) -> Distribution:
    """A week and the day after it; a launch keeps its own standing over the days."""
    rng = np.random.default_rng(seed)
    born = np.repeat(np.arange(-13, 1), per_day)
    standing, group = rng.beta(4, 4, born.size), rng.integers(GROUPS, size=born.size)
    days = {period: [] for period in ("reference", "window")}
    for day in range(-7, 1):
        age = day - born
        out = (age >= 0) & (age < AGES)
        lowered = standing[out] + (lower if day == 0 else 0.0) - 0.02 * age[out]
        days["window" if day == 0 else "reference"].append((age[out], group[out], lowered))
    return launches(
        *(add_up(*map(np.concatenate, zip(*days[period], strict=True))) for period in days)
    )


def whole(found: Distribution) -> Check:
    [check] = judge([found], context())
    return check


def test_a_fall_is_as_large_as_it_is_and_beyond_doubt() -> None:
    quiet, fallen = whole(draw_weeks(1)), whole(draw_weeks(1, lower=0.3))
    assert fallen.effect - quiet.effect == pytest.approx(0.3)
    assert fallen.effect == pytest.approx(fallen.observed - fallen.baseline)
    assert fallen.p_value < 1e-6 < quiet.p_value
    assert not fallen.nested


def test_exchangeable_launches_are_significant_no_more_often_than_promised() -> None:
    """At most one in twenty of 400 weeks at p < 0.05, and three standard errors of that.

    A launch that is in both periods makes them alike, so the test may only err on the safe side.
    """
    p_values = np.array([whole(draw_weeks(10_000 + seed)).p_value for seed in range(400)])
    assert (p_values < 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_of_few_launches_or_few_groups_nothing_is_said() -> None:
    ages, groups = np.arange(7), np.arange(7)
    few = add_up(ages, groups, np.full(7, 0.9))
    many = add_up(np.tile(ages, 9), np.repeat(np.arange(9), 7), np.full(63, 0.4))
    huddled = add_up(np.tile(ages, 9), np.repeat(np.arange(9) % 4, 7), np.full(63, 0.9))
    assert compare_launches(launches(many, few)) is None
    assert compare_launches(launches(few, many)) is None
    for window in (few, huddled):
        assert judge([launches(many, window)], context()) == []
    assert judge([launches(few, many)], context()) == []


def test_launches_of_ages_that_the_reference_never_saw_are_no_check_with_a_number() -> None:
    old = add_up(np.full(40, 6), np.arange(40) % GROUPS, np.full(40, 0.4))
    young = add_up(np.zeros(40, dtype=int), np.arange(40) % GROUPS, np.full(40, 0.9))
    [check] = judge([launches(old, young)], context())
    assert np.isnan(check.effect)


def test_a_slice_has_a_floor_of_its_own() -> None:
    found = draw_weeks(2, lower=0.3)
    [check] = judge(
        [launches(found.reference, found.window, slice_name="source=supplier-1")], context()
    )
    assert (check.slice, check.nested, check.effect_floor) == ({"source": "supplier-1"}, True, 0.15)
