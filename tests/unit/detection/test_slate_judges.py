"""Judges of slates and exposure on sums made by hand."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import read_distributions
from recsysops.detection.checks import Check
from recsysops.errors import CouldNotJudge

from tests.unit.detection.distributions import alarms, context, packed_row, rows

Rows = Sequence[Mapping[str, object]]


def test_worse_slots_lose_expected_plays_before_anybody_could_play() -> None:
    answer = rows({"1_19": (10_000, 2_000), "1_0": (10_000, 18_000)}, subject="slot",
                  values={"1_19": (0.2, 0.0), "1_0": (0.05, 0.0)})  # fmt: skip
    found = {check.metric: check for check in alarms("expected_plays", answer)}
    # 0.2 x 0.1 + 0.05 x 0.9 = 0.065 after 0.125
    assert found["expected_plays"].effect == pytest.approx(1 - 0.065 / 0.125)
    assert found["expected_plays"].evidence == {
        "covered": pytest.approx(1.0),
        "play_rate_was": pytest.approx(0.125),
    }


def test_alike_slots_that_are_played_half_as_often_are_badly_calibrated() -> None:
    answer = rows({"1_19": (10_000, 10_000)}, subject="slot", values={"1_19": (0.2, 0.1)})
    [found] = alarms("expected_plays", answer)
    assert (found.metric, found.effect) == ("calibration", pytest.approx(0.5))


def test_the_same_slots_at_nearly_the_same_rates_are_quiet() -> None:
    answer = rows({"1_19": (10_000, 9_000), "1_0": (10_000, 10_000)}, subject="slot",
                  values={"1_19": (0.2, 0.19), "1_0": (0.05, 0.05)})  # fmt: skip
    assert not alarms("expected_plays", answer)


def test_half_of_the_hits_lost_and_plays_further_down_are_both_told() -> None:
    answer = rows({"hit": (4_000, 2_000), "miss": (6_000, 8_000)}, subject="slates",
                  values={"hit": (0.8, 0.4)})  # fmt: skip
    found = {check.metric: check.effect for check in alarms("slate_quality", answer)}
    assert found == {"hit_share": pytest.approx(0.5), "play_gain": pytest.approx(0.5)}


def test_slates_of_fewer_genres_and_more_popular_items_are_named() -> None:
    answer = [
        *rows({"mean": (5_000, 5_000)}, subject="genres_per_slate", values={"mean": (6.0, 4.5)}),
        *rows({"mean": (5_000, 5_000)}, subject="shown_popularity", values={"mean": (0.7, 0.8)}),
        *rows({"top": (5_000, 8_000), "rest": (5_000, 2_000)}, subject="concentration"),
    ]
    found = {check.metric: check.effect for check in alarms("slate_spread", answer)}
    assert found == {
        "genres_per_slate": pytest.approx(0.25),
        "shown_popularity": pytest.approx(0.1),
        "concentration": pytest.approx(0.3),
    }


def test_a_catalogue_of_which_half_as_much_is_shown_is_named_by_its_surface() -> None:
    answer = [
        *rows({"mean": (28_000, 4_000)}, subject="coverage", values={"mean": (0.12, 0.11)}),
        *rows({"mean": (28_000, 4_000)}, subject="coverage", slice_name="surface=search",
              values={"mean": (0.12, 0.06)}),
    ]  # fmt: skip
    [found] = alarms("catalogue_coverage", answer)
    assert (found.subject, found.metric) == ("catalogue", "coverage")
    assert (found.slice, found.effect) == ({"surface": "search"}, pytest.approx(0.5))


def test_a_catalogue_that_was_never_shown_loses_no_coverage() -> None:
    answer = rows({"mean": (4_000, 4_000)}, subject="coverage", values={"mean": (0.0005, 0.0)})
    assert find_audit("catalogue_coverage").judge(read_distributions(answer), context()) == []


def test_genres_played_that_slates_do_not_hold_are_miscalibration() -> None:
    answer = rows({"mean": (3_000, 3_000)}, subject="genres", values={"mean": (1.3, 1.9)})
    [found] = alarms("genre_calibration", answer)
    assert (found.subject, found.metric) == ("genres", "miscalibration")
    assert found.effect == pytest.approx(0.6)
    fewer = rows({"mean": (3_000, 3_000)}, subject="genres", values={"mean": (1.9, 1.3)})
    assert not alarms("genre_calibration", fewer)


def slots(before: float, now: float, slice_name: str = "all") -> list[dict[str, object]]:
    """Slots that many items took, counted by the groups of members and of items."""
    return [
        *rows({"slot": (before, now)}, subject="exposure", slice_name=slice_name),
        *rows({"slot": (before, now)}, subject="items", slice_name=slice_name),
    ]


SLOTS = [*slots(100_000, 100_000), *slots(90_000, 98_000, "language=en")]


def test_launches_that_wait_are_counted_as_waiting_and_told_with_their_hours() -> None:
    answer = [
        *rows({"0": (600, 900), "1": (300, 800)}, subject="speed",
              values={"0": (0.06, 0.01), "1": (0.05, 0.01)}),
        *rows({"i-7": (0, 1)}, subject="waiting", values={"i-7": (0.0, 31.0)}),
    ]  # fmt: skip
    [found] = alarms("launch_impressions", answer)
    assert (found.subject, found.metric) == ("launches", "impressions_delay")
    assert found.effect == pytest.approx(1 - 17 / (900 * 0.06 + 800 * 0.05))
    assert found.evidence["hours_waiting"] == pytest.approx({"i-7": 31.0})


def test_a_shop_with_a_handful_of_launches_has_no_rate_to_hold_them_against() -> None:
    answer = rows({"0": (100, 500)}, subject="speed", values={"0": (0.05, 0.0)})
    assert not alarms("launch_impressions", answer)


def test_launches_are_compared_with_launches_of_their_age() -> None:
    older = rows({"0": (10, 90), "3": (90, 10)}, subject="launches",
                 values={"0": (0.6, 0.6), "3": (0.0, 0.0)})  # fmt: skip
    assert not alarms("item_exposure", [*SLOTS, *older])
    hidden = rows({"0": (50, 50), "3": (50, 50)}, subject="launches",
                  values={"0": (0.4, 1.0), "3": (0.0, 0.8)})  # fmt: skip
    [found] = alarms("item_exposure", [*SLOTS, *hidden])
    assert (found.subject, found.metric) == ("launches", "unexposed_launch_share")
    assert (found.baseline, found.observed) == pytest.approx((0.2, 0.9))


def test_a_language_that_lost_most_of_its_slots_is_named_and_a_small_one_is_not() -> None:
    answer = [
        *SLOTS,
        *slots(9_000, 2_000, "language=fr"),
        *slots(1_000, 0, "language=eo"),
    ]
    [found] = alarms("item_exposure", answer)
    assert (found.metric, found.slice) == ("exposure_loss", {"language": "fr"})
    assert found.effect == pytest.approx(7 / 9)


def shown_items(
    before: Sequence[float], now: Sequence[float], *, slice_name: str
) -> list[dict[str, object]]:
    """One group of members' slots, and the same slots item by item, an item a group."""
    told = []
    for period, taken in (("reference", before), ("window", now)):
        weights = [0.0] * 32
        for item, slots_of_item in enumerate(taken):
            weights[item % 32] += slots_of_item
        even = packed_row(
            period, "exposure", "slot", weights=[sum(taken) / 32] * 32, slice_name=slice_name
        )
        by_item = packed_row(period, "items", "slot", weights=weights, slice_name=slice_name)
        told += [even, {**by_item, "ww": sum(n * n for n in taken)}]
    return told


def test_a_small_suppliers_one_hit_that_fades_is_no_loss_and_all_its_items_demoted_are() -> None:
    own = [900.0, 800.0, 700.0, *[400.0] * 9]
    others = [2_000.0, *[250.0] * 400]
    drift = np.random.default_rng(9).lognormal(0.0, 0.2, size=413)

    def alarmed(times: Sequence[float]) -> list[Check]:
        mine = [n * t * d for n, t, d in zip(own, times, drift[:12], strict=True)]
        theirs = [n * d for n, d in zip(others, drift[12:], strict=True)]
        return alarms("item_exposure", [
            *shown_items([*own, *others], [*mine, *theirs], slice_name="all"),
            *shown_items(own, mine, slice_name="source=s-8"),
        ])  # fmt: skip

    assert not alarmed([0.3, 0.3, *[1.0] * 10])  # a third of its slots, by two items
    [found] = alarmed([0.3] * 12)
    assert (found.metric, found.slice) == ("exposure_loss", {"source": "s-8"})


def test_a_supplier_of_one_hit_is_not_judged_as_a_supplier() -> None:
    hit, rest = [9_000.0, *[10.0] * 20], [300.0] * 300
    answer = [
        *shown_items([*hit, *rest], [*[0.3 * n for n in hit], *rest], slice_name="all"),
        *shown_items(hit, [0.3 * n for n in hit], slice_name="source=s-8"),
    ]
    assert not find_audit("item_exposure").judge(read_distributions(answer), context())


def test_a_group_shown_four_times_as_much_as_exploration_says_is_biased() -> None:
    answer = [
        *slots(100_000, 100_000),
        *slots(20_000, 80_000, "source=s-1"),
        *rows({"play": (4_000, 4_000)}, subject="earned"),
        *rows({"play": (800, 800)}, subject="earned", slice_name="source=s-1"),
    ]
    [found] = alarms("item_exposure", answer)
    assert (found.metric, found.baseline) == ("production_bias", pytest.approx(0.0))
    assert found.effect == pytest.approx(1.3863, abs=1e-3)


@pytest.mark.parametrize(
    "audit",
    ["expected_plays", "slate_quality", "slate_spread", "catalogue_coverage", "genre_calibration"],
)
def test_a_window_without_slates_could_not_be_judged(audit: str) -> None:
    with pytest.raises(CouldNotJudge, match="the window has no"):
        find_audit(audit).judge(
            read_distributions(rows({"hit": (100, 0)}, subject="slates")), context()
        )
