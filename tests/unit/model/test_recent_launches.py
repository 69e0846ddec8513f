from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from recsysops.model.recent_launches import RecentLaunches

from tests.fakes.served_world import NOW, make_world

IDS = ("a", "b", "c")
DAYS = np.array([5, 9, -(2**31)])


def test_items_that_launch_after_the_day_are_found_by_hand() -> None:
    recent = RecentLaunches()
    assert recent.after(4, ids=IDS, launch_days=DAYS) == {"a", "b"}
    assert recent.after(5, ids=IDS, launch_days=DAYS) == {"b"}
    assert recent.after(9, ids=IDS, launch_days=DAYS) == frozenset()
    assert recent.after(4, ids=IDS, launch_days=DAYS) == {"a", "b"}


def test_a_day_is_looked_up_once() -> None:
    recent = RecentLaunches()
    first = recent.after(4, ids=IDS, launch_days=DAYS)
    assert recent.after(4, ids=IDS, launch_days=DAYS) is first


CATALOGUE = make_world(60).catalogue


@given(st.integers(-60, 60), st.integers(0, 60))
def test_the_ids_of_a_catalogue_are_those_of_its_mask_on_every_day(late: int, days: int) -> None:
    moment = NOW + timedelta(days=late)
    mask = CATALOGUE.launched_since(moment, days=days)
    expected = {CATALOGUE.ids[row] for row in np.flatnonzero(mask)}
    assert CATALOGUE.ids_launched_since(moment, days=days) == expected


def test_another_zone_s_midnight_is_no_other_day() -> None:
    moment = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
    west = moment.astimezone(tz=None)
    assert CATALOGUE.ids_launched_since(moment, days=3) is CATALOGUE.ids_launched_since(
        west, days=3
    )
