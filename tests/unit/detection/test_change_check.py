"""A change becomes a check in its slice, under the floor that its audit publishes."""

from __future__ import annotations

from recsysops.detection.cells import Distribution, read_distributions
from recsysops.detection.change_check import check_change
from recsysops.detection.compare import Change

from tests.unit.detection.distributions import rows

FLOORS = {"lost_share": 0.02, "lost_share.slice": 0.05, "age": 12.0}
CHANGE = Change(baseline=0.1, observed=0.4, p_value=0.01)


def feedback_in(slice_name: str) -> Distribution:
    counts = {"kept": (64.0, 64.0), "lost": (32.0, 64.0)}
    [found] = read_distributions(rows(counts, subject="feedback", slice_name=slice_name))
    return found


def test_a_change_of_everything_is_its_increase_under_the_floor_of_the_whole() -> None:
    check = check_change(feedback_in("all"), CHANGE, metric="lost_share", floors=FLOORS)
    assert (check.subject, check.slice, check.nested) == ("feedback", {}, False)
    assert (check.baseline, check.observed, check.p_value) == (0.1, 0.4, 0.01)
    assert abs(check.effect - 0.3) < 1e-12
    assert (check.effect_floor, check.evidence) == (0.02, {})


def test_a_slice_has_its_own_floor_where_one_is_published() -> None:
    found = feedback_in("surface=tv")
    lost = check_change(
        found, CHANGE, metric="lost_share", floors=FLOORS, effect=-1.0, subject="x",
        evidence={"unit": "shares"},
    )  # fmt: skip
    assert (lost.slice, lost.nested, lost.effect_floor) == ({"surface": "tv"}, True, 0.05)
    assert (lost.effect, lost.subject, lost.evidence) == (-1.0, "x", {"unit": "shares"})
    assert check_change(found, CHANGE, metric="age", floors=FLOORS).effect_floor == 12.0


def test_a_place_within_the_slice_is_told_with_it() -> None:
    found = feedback_in("surface=tv")
    placed = check_change(found, CHANGE, metric="lost_share", floors=FLOORS, place={"model": "m-1"})
    assert placed.slice == {"surface": "tv", "model": "m-1"}
    assert found.slice == {"surface": "tv"}
