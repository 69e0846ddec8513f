from __future__ import annotations

import numpy as np
import pytest
from recsysops.experiments.slate_log import OrderPairs
from recsysops.resolution.logged_window import arrange_window
from recsysops.resolution.replayed_window import ReplayedWindow
from recsysops.resolution.trade_off import measure_exposure_moves, measure_order_change
from scipy import stats

from tests.fakes.logged_requests import make_full, make_slim
from tests.fakes.small_catalogue import make_catalogue

OLD = tuple(f"i{number}" for number in range(6))


def replay(*new: tuple[str, ...], weights: tuple[float, ...] | None = None) -> ReplayedWindow:
    """One member and one record per new order, all from the old order i0..i5 with two slots."""
    weights = weights or (1.0,) * len(new)
    columns = {"limit": 2, "shown": list(OLD[:2]), "propensities": [0.9, 0.9]}
    full = [
        make_full(
            f"r{at}",
            shortlist=list(OLD),
            member=f"m{at}",
            inclusion_probability=1.0 / weight,
            **columns,
        )
        for at, weight in enumerate(weights)
    ]
    slim = [make_slim(one.request_id, member=one.member, **columns) for one in full]
    window = arrange_window(full, slim, [])
    count = len(new)
    ranks = [[order.index(item) + 1 if item in order else 0 for item in OLD] for order in new]
    olds = [
        [OLD.index(item) + 1 for item in order] + [-1] * (len(OLD) - len(order)) for order in new
    ]
    pairs = OrderPairs(
        new_rank=np.array(ranks),
        old_rank=np.array(olds),
        limit=np.full(count, 2),
        rate=np.full(count, 0.1),
        old_pool=np.tile((3, 6), (count, 1)),
        new_pool=np.tile((3, 6), (count, 1)),
    )
    catalogue = make_catalogue(6)
    return ReplayedWindow(
        window, (True,) * count, (OLD,) * count, tuple(new), pairs, {("m", "d"): catalogue}
    )


SWAPPED = ("i1", "i0", "i2", "i3", "i4", "i5")
LAST_FIRST = ("i5", "i0", "i1", "i2", "i3", "i4")


def test_an_unchanged_window_touches_nobody() -> None:
    found = measure_order_change(replay(OLD, OLD))
    assert (found.requests_touched, found.members_touched, found.slots_changed) == (0.0, 0, 0.0)
    assert (found.members, found.overlap, found.rank_correlation) == (2, 1.0, 1.0)


def test_shares_are_weighted_to_all_requests() -> None:
    """One record of weight 3 unchanged, one of weight 1 with both slots swapped."""
    found = measure_order_change(replay(OLD, SWAPPED, weights=(3.0, 1.0)))
    assert found.requests_touched == pytest.approx(0.25)
    assert found.slots_changed == pytest.approx(0.25)
    assert (found.members, found.members_touched) == (2, 1)


def test_rank_correlation_is_spearmans() -> None:
    found = measure_order_change(replay(LAST_FIRST))
    oracle = stats.spearmanr([1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6, 1]).statistic
    assert found.rank_correlation == pytest.approx(oracle)


def test_items_that_left_rank_last() -> None:
    found = measure_order_change(replay(OLD[1:]))
    oracle = stats.spearmanr([1, 2, 3, 4, 5, 6], [7, 1, 2, 3, 4, 5]).statistic
    assert found.rank_correlation == pytest.approx(oracle)
    assert found.slots_changed == 1.0
    assert found.overlap == pytest.approx(5 / 6)


def test_exposure_moves_by_examination_and_adds_up() -> None:
    """i0 (Comedy, en) and i1 (Drama, fr) share two slots worth 1 and 2^-1."""
    moves = measure_exposure_moves(replay(SWAPPED), decay=1.0)
    by_group = {(move.grouping, move.group): move for move in moves}
    comedy = by_group["genre", "Comedy"]
    assert (comedy.before, comedy.after) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    for grouping in ("genre", "language", "popularity decile"):
        for side in ("before", "after"):
            total = sum(getattr(move, side) for move in moves if move.grouping == grouping)
            assert total == pytest.approx(1.0)


def test_an_item_of_several_genres_counts_in_equal_parts() -> None:
    both = ("i2", "i0", "i1", "i3", "i4", "i5")
    moves = measure_exposure_moves(replay(both), decay=1.0)
    by_group = {(move.grouping, move.group): move.after for move in moves}
    assert by_group["genre", "Drama"] == pytest.approx(1 / 3)
    assert by_group["genre", "Comedy"] == pytest.approx(2 / 3)


def test_the_largest_move_comes_first() -> None:
    moves = [m for m in measure_exposure_moves(replay(LAST_FIRST)) if m.grouping == "language"]
    sizes = [abs(move.after - move.before) for move in moves]
    assert sizes == sorted(sizes, reverse=True)


def test_a_window_without_records_changes_nothing() -> None:
    empty = replay()
    assert measure_order_change(empty).members == 0
    assert measure_exposure_moves(empty) == ()
