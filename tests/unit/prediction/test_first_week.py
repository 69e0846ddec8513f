"""Expected first weeks: what is learned from past launches, and how sure it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import CouldNotJudge
from recsysops.prediction import first_week as module
from recsysops.prediction.first_week import FirstWeekModel, fit_first_week, is_release
from recsysops.vocabulary import PastLaunch

from tests.fakes.launch_stage import TODAY, learn_first_week, make_past
from tests.fakes.served_world import make_items


def make_hyped(count: int = 300, *, noise: float = 0.3) -> list[PastLaunch]:
    """Launches whose log plays are 1 + log(1 + anticipation) plus noise."""
    rng = np.random.default_rng(2)
    hype = rng.integers(0, 200, count)
    plays = np.exp(1.0 + np.log1p(hype) + noise * rng.normal(size=count))
    return [
        PastLaunch(item, TODAY - timedelta(days=10 + row % 50), (plays[row] / 7,) * 7, hype[row])
        for row, item in enumerate(make_items(count, seed=5))
    ]


def test_launches_that_all_began_alike_leave_nothing_uncertain() -> None:
    model = learn_first_week(plays=21.0)
    item = make_items(3, seed=77)[0]
    for quantile in (0.05, 0.5, 0.95):
        plays = np.expm1(model.predict_log_plays(item, None, quantile=quantile))
        assert plays == pytest.approx(21.0, rel=0.02)


def test_anticipation_is_learned_and_the_rest_stays_as_spread_as_it_was() -> None:
    model = fit_first_week(make_hyped(), today=TODAY, newest_year=TODAY.year)
    item = make_items(3, seed=77)[0]
    for hype in (5.0, 50.0, 150.0):
        middle = model.predict_log_plays(item, hype, quantile=0.5)
        assert middle == pytest.approx(1.0 + np.log1p(hype), abs=0.25)
        above = model.predict_log_plays(item, hype, quantile=0.95) - middle
        assert above == pytest.approx(1.645 * 0.3, abs=0.15)


def test_the_weeks_just_past_set_the_level() -> None:
    """Plays doubled three weeks ago: the next launch is expected to begin like the last ones."""
    past = [
        replace(launch, daily_plays=(12.0,) * 7) if launch.launched_on > TODAY - timedelta(21) else
        replace(launch, daily_plays=(6.0,) * 7)
        for launch in make_hyped()
    ]  # fmt: skip
    past = [replace(launch, anticipation=None) for launch in past]
    model = fit_first_week(past, today=TODAY, newest_year=TODAY.year)
    expected = np.expm1(model.predict_log_plays(make_items(3)[0], None, quantile=0.5))
    assert 55.0 < expected < 95.0


def test_residuals_are_those_of_refits_without_the_launch() -> None:
    """The hat-matrix shortcut against 40 refits."""
    rng = np.random.default_rng(0)
    design = np.column_stack([np.ones(40), rng.normal(size=(40, 3))])
    target, importance = rng.normal(size=40), rng.uniform(0.2, 1.0, 40)
    _, residuals = module._ridge(design, target, importance, free=0)
    for left_out in range(0, 40, 7):
        kept = np.arange(40) != left_out
        weights, _ = module._ridge(design[kept], target[kept], importance[kept], free=0)
        alone = target[left_out] - design[left_out] @ weights
        assert residuals[left_out] == pytest.approx(alone, rel=1e-9)


def test_too_few_launches_are_refused_with_their_count() -> None:
    with pytest.raises(CouldNotJudge, match="29 past launches are too few"):
        fit_first_week(make_past(29), today=TODAY, newest_year=TODAY.year)


def test_an_even_first_week_decays_as_computed_by_hand() -> None:
    """14 plays, 2 a day, half-life 1 day, at the end of the week: 2 · Σ 2^-(0.5 … 6.5)."""
    model = even_model()
    by_hand = 2.0 * sum(0.5 ** (day + 0.5) for day in range(7))
    decayed = model.decayed_plays(np.log(15.0), age_days=7, half_life_days=(1.0, 1e9))
    assert decayed == pytest.approx([by_hand, 14.0], rel=1e-6)


def test_on_launch_day_there_are_no_plays_yet() -> None:
    decayed = even_model().decayed_plays(np.log(15.0), age_days=0, half_life_days=(1.0,))
    assert decayed.tolist() == [0.0]


def test_after_the_first_week_nothing_is_added() -> None:
    model = even_model()
    week = model.decayed_plays(3.0, age_days=7, half_life_days=(7.0,))
    two = model.decayed_plays(3.0, age_days=14, half_life_days=(7.0,))
    assert two == pytest.approx(week / 2.0)


@given(st.floats(0, 8), st.floats(0, 3), st.integers(0, 7))
def test_more_plays_never_decay_to_less(log_plays: float, more: float, age_days: int) -> None:
    model = even_model()
    less = model.decayed_plays(log_plays, age_days=age_days, half_life_days=(3.0,))
    rich = model.decayed_plays(log_plays + more, age_days=age_days, half_life_days=(3.0,))
    assert rich[0] >= less[0] >= 0.0


def test_launches_nobody_played_are_expected_to_stay_unplayed() -> None:
    model = fit_first_week(make_past(plays=0.0), today=TODAY, newest_year=TODAY.year)
    assert model.predict_log_plays(make_items(3)[0], None, quantile=0.5) == pytest.approx(0.0)
    assert model.profile.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("year", "expected"), [(2026, True), (2025, True), (2024, False), (None, False)]
)
def test_a_new_release_is_of_this_year_or_the_last(year: int | None, expected: bool) -> None:
    item = replace(make_items(3)[0], year=year)
    assert is_release(item, newest_year=2026) is expected


def even_model() -> FirstWeekModel:
    nothing = np.zeros(1)
    return FirstWeekModel(("one",), np.zeros(1), nothing, nothing, np.full(7, 1 / 7), 2026)
