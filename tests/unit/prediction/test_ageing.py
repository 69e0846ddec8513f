"""How popularity of launched items moves on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from recsysops.model.delta import DeltaSnapshot
from recsysops.prediction.ageing import age_groups, decayed_plays, fit_ageing, still_popularity

from tests.fakes.launch_stage import SMOOTHING, TODAY, make_catalogue_items, make_model
from tests.fakes.served_world import AS_OF

AS_OF_DAY = int(AS_OF.timestamp()) // 86_400


def make_pair(factor: float, *, days_apart: float = 14.0) -> tuple[DeltaSnapshot, DeltaSnapshot]:
    """Two snapshots; plays of items launched 30 days before the first changed by a factor."""
    items = list(make_catalogue_items(60, upcoming=0))
    first_day = TODAY - timedelta(days=14)
    for row in range(20):
        items[row] = replace(items[row], launch_date=first_day - timedelta(days=30))
    _, later = make_model(items)
    plays = np.random.default_rng(0).uniform(5.0, 500.0, (60, 2))
    after = plays.copy()
    after[:20] *= factor
    earlier = replace(
        later,
        as_of=AS_OF - timedelta(days=days_apart),
        log_popularity=np.log(plays + SMOOTHING).astype(np.float32),
    )
    return earlier, replace(later, log_popularity=np.log(after + SMOOTHING).astype(np.float32))


def test_plays_that_halve_in_two_weeks_are_expected_to_halve_again() -> None:
    earlier, later = make_pair(0.5)
    curve = fit_ageing(earlier, later, smoothing=SMOOTHING)
    aged = curve.age_popularity(earlier, as_of_day=AS_OF_DAY - 14, horizon_days=14)
    before = decayed_plays(earlier, SMOOTHING)
    assert np.exp(aged[:20]) - SMOOTHING == pytest.approx(before[:20] / 2.0, rel=1e-3)
    assert aged[20:] == pytest.approx(earlier.log_popularity[20:].astype(float), abs=1e-5)


def test_half_the_horizon_is_half_the_way() -> None:
    earlier, later = make_pair(0.25)
    curve = fit_ageing(earlier, later, smoothing=SMOOTHING)
    aged = curve.age_popularity(earlier, as_of_day=AS_OF_DAY - 14, horizon_days=7)
    halved = decayed_plays(earlier, SMOOTHING)[:20] / 2.0
    assert np.exp(aged[:20]) - SMOOTHING == pytest.approx(halved, rel=1e-3)


def test_snapshots_of_one_day_teach_nothing() -> None:
    curve = fit_ageing(*make_pair(0.5, days_apart=0.5), smoothing=SMOOTHING)
    assert not curve.daily_change.any()


def test_snapshots_with_other_half_lives_teach_nothing() -> None:
    earlier, later = make_pair(0.5)
    strange = replace(earlier, half_life_days=(3.0, 9.0))
    assert not fit_ageing(strange, later, smoothing=SMOOTHING).daily_change.any()


def test_seven_items_are_too_few_to_speak_for_their_age() -> None:
    earlier, later = make_pair(0.5)
    few = [*earlier.items[:7], *(replace(i, launch_date=None) for i in earlier.items[7:])]
    kept = still_popularity(2, smoothing=SMOOTHING).daily_change
    curve = fit_ageing(replace(earlier, items=tuple(few)), later, smoothing=SMOOTHING)
    group = age_groups(earlier, day=AS_OF_DAY - 14)[0]
    assert curve.daily_change[group].tolist() == kept[group].tolist()


def test_items_not_launched_at_the_earlier_snapshot_are_left_out() -> None:
    earlier, later = make_pair(0.5)
    tomorrow = [replace(item, launch_date=TODAY) for item in earlier.items[:20]]
    unlaunched = replace(earlier, items=(*tomorrow, *earlier.items[20:]))
    assert not fit_ageing(unlaunched, later, smoothing=SMOOTHING).daily_change.any()


def test_what_launched_long_ago_is_in_the_oldest_group() -> None:
    earlier, _ = make_pair(0.5)
    groups = age_groups(earlier, day=AS_OF_DAY - 14)
    assert set(groups[20:].tolist()) == {6}
    assert set(groups[:20].tolist()) == {4}  # 29 to 56 days
