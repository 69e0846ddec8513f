"""Launch forecasts live through two small simulated worlds and keep what they promise.

The limits of the report stand for five large worlds (`make launches-check`); these are wider
where two small ones leave more to chance.
"""

from __future__ import annotations

from functools import cache

import pytest
from recsysops.simulation.launches import LaunchWorldSettings
from recsysops.workflows.check_launches import check_launches
from recsysops.workflows.score_launches import LaunchReport

SMALL = LaunchWorldSettings(weeks=66, launches_per_week=12.0, base_items=300, panel_size=100)
TINY = LaunchWorldSettings(weeks=32, launches_per_week=8.0, base_items=150, panel_size=40, top_k=10)

pytestmark = pytest.mark.xdist_group("launches")


@cache
def report() -> LaunchReport:
    return check_launches([400, 401], settings=SMALL, calibration_weeks=30)


def test_dry_runs_beat_persistence_by_a_third_beyond_chance() -> None:
    assert report().value("launches after calibration") >= 300
    assert report().value("improvement on persistence") >= 0.3
    assert report().value("improvement, low end of 95 %") > 0.0


def test_dry_runs_beat_the_median_of_peers_at_their_launch() -> None:
    assert report().value("dry-run error, points") < report().value(
        "peers at their launch error, points"
    )


def test_ninety_percent_intervals_cover_about_ninety_percent() -> None:
    assert 0.84 <= report().value("coverage of 90 % intervals") <= 0.97


def test_flags_find_harmed_launches_and_are_mostly_right() -> None:
    assert report().value("launches harmed by 3% of the panel or more") >= 10
    assert report().value("flags: recall") >= 0.3
    assert report().value("flags: precision") >= 0.4


def test_a_flagger_that_names_nothing_is_found_out() -> None:
    blind = check_launches([5], settings=TINY, calibration_weeks=4, flag=lambda _, __: ())
    assert blind.value("launches harmed by 3% of the panel or more") > 0
    assert blind.value("launches flagged") == 0.0
    missed = {row.name for row in blind.rows if not row.ok}
    assert {"flags: precision", "flags: recall"} <= missed


def test_the_same_seeds_give_the_same_report() -> None:
    once, again = (check_launches([6], settings=TINY, calibration_weeks=4) for _ in range(2))
    assert once.to_document() == again.to_document()
