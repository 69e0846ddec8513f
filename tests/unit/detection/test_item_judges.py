"""Judges of items on sums made by hand: what each must see, and what it must let pass."""

from collections.abc import Mapping, Sequence

import pytest
from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import read_distributions
from recsysops.errors import CouldNotJudge

from tests.unit.detection.distributions import alarms, context, rows

Rows = Sequence[Mapping[str, object]]


def items(before: float, now: float, slice_name: str = "all") -> list[dict[str, object]]:
    return rows({"items": (before, now)}, subject="catalogue", slice_name=slice_name)


def test_a_lost_supplier_is_named_beside_the_whole() -> None:
    answer = [*items(3_000, 2_700), *items(300, 0, "source=s-1"), *items(2_700, 2_700, "source=s")]
    whole, part = alarms("catalogue_size", answer)
    assert (whole.slice, whole.effect) == ({}, pytest.approx(0.1))
    assert (part.slice, part.effect) == ({"source": "s-1"}, pytest.approx(1.0))


def test_items_that_moved_to_another_language_are_not_lost() -> None:
    answer = [
        *items(3_000, 3_000),
        *items(300, 0, "language=ja"),
        *items(900, 1_200, "language=fr"),
    ]
    assert not alarms("catalogue_size", answer)


def test_launches_everywhere_do_not_make_up_for_what_one_supplier_lost() -> None:
    answer = [*items(2_000, 1_990), *items(400, 360, "source=s-1")]
    for supplier in ("s-2", "s-3", "s-4", "s-5"):
        answer += items(400, 407.5, f"source={supplier}")
    [part] = alarms("catalogue_size", answer)
    assert (part.slice, part.effect) == ({"source": "s-1"}, pytest.approx(0.1, abs=0.01))


def test_a_growing_catalogue_and_a_few_withdrawn_items_are_no_loss() -> None:
    assert not alarms("catalogue_size", items(3_000, 3_400))
    assert not alarms("catalogue_size", items(3_000, 2_970))


def test_a_window_without_items_could_not_be_judged() -> None:
    for audit in ("catalogue_size", "feature_ranges", "learned_feature_drift"):
        with pytest.raises(CouldNotJudge, match="the window has no items as served"):
            find_audit(audit).judge(read_distributions(items(100, 0)), context())


def test_a_tenth_of_a_column_out_of_range_is_named_and_what_always_was_is_not() -> None:
    moved = rows({"out_of_range": (0, 300), "fine": (3_000, 2_700)}, subject="price")
    always = rows({"malformed": (3_000, 3_000)}, subject="language")
    [found] = alarms("feature_ranges", [*moved, *always])
    assert (found.metric, found.subject) == ("out_of_range_share", "price")
    assert (found.baseline, found.observed) == pytest.approx((0.0, 0.1))


def launches(incomplete: float, of: float, *, others: float = 0.0) -> list[dict[str, object]]:
    return [
        *rows(
            {"incomplete": (0, incomplete), "complete": (of, of - incomplete)}, subject="launches"
        ),
        *rows(
            {"missing": (0, incomplete), "there": (of, of - incomplete)}, subject="launches:year"
        ),
        *rows({"incomplete": (0, others), "complete": (3_000, 3_000 - others)}, subject="others"),
    ]


def test_launches_that_lack_what_other_items_have_are_named_with_what_they_lack() -> None:
    [found] = alarms("launch_metadata", launches(40, 60))
    assert found.effect == pytest.approx(40 / 60)
    assert found.evidence["missing"] == {"year": 0.6667}


def test_launches_that_lack_what_everybody_lacks_are_another_audits_matter() -> None:
    assert not alarms("launch_metadata", launches(40, 60, others=2_000))


def test_a_handful_of_launches_says_nothing() -> None:
    assert not alarms("launch_metadata", launches(6, 8))
    assert find_audit("launch_metadata").judge([], context()) == []


KNOWN = rows({"known": (3_000, 3_000)}, subject="log_popularity", values={"known": (2.0, 2.0)})


def moved(count: int, subject: str) -> list[dict[str, object]]:
    return rows({"moved": (0, count), "kept": (0, 3_000 - count)}, subject=subject)


@pytest.mark.parametrize("told", ["spike", "rank"])
def test_a_tenth_of_popularity_that_came_to_one_value_or_fell_is_named(told: str) -> None:
    [found] = alarms("learned_feature_drift", [*KNOWN, *moved(300, f"log_popularity_{told}")])
    assert found.metric == {"spike": "spike_share", "rank": "fallen_share"}[told]
    assert (found.subject, found.effect) == ("log_popularity", pytest.approx(0.1))


def test_popularity_that_ages_and_the_few_items_it_moves_far_are_no_drift() -> None:
    for told in ("spike", "rank"):
        assert not alarms("learned_feature_drift", [*KNOWN, *moved(8, f"log_popularity_{told}")])


def test_popularity_three_times_as_high_everywhere_is_a_shift() -> None:
    counts = {str(b): (150.0, 150.0) for b in range(20)}
    values = dict.fromkeys(counts, (2.0, 3.2))
    found = alarms("learned_feature_drift", rows(counts, subject="log_popularity", values=values))
    assert [check.metric for check in found] == ["mean_shift"]
