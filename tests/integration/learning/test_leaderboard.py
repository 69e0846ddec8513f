from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from recsysops.learning.leaderboard import MODELS, compare_models, rank_models
from recsysops.learning.ranks import NOT_RANKED
from recsysops.learning.table import TrainingTable
from recsysops.model.interactions import SECONDS_PER_DAY

from tests.fakes.choices import simulated_table


@pytest.fixture(scope="module")
def table() -> TrainingTable:
    return simulated_table(11)


def shuffle_after(table: TrainingTable, moment: float) -> TrainingTable:
    """Give every choice from a moment on to another member and another item."""
    rows, rng = table.rows, np.random.default_rng(1)
    late = np.flatnonzero(rows.times >= moment)
    members, items = rows.members.copy(), rows.items.copy()
    members[late] = rng.permutation(members[late])
    items[late] = rng.integers(0, len(rows.item_ids), len(late))
    return replace(table, rows=replace(rows, members=members, items=items))


def test_shuffling_the_future_changes_no_rank_of_the_past(table: TrainingTable) -> None:
    rows = table.rows
    ranked = rank_models(table, seed=3)
    last_days = np.floor(rows.times[-1] / SECONDS_PER_DAY) * SECONDS_PER_DAY - 5 * SECONDS_PER_DAY
    other = rank_models(shuffle_after(table, last_days), seed=3)
    past = rows.times[ranked.cut :] < last_days
    assert 100 < past.sum() < len(past)
    for name in MODELS:
        assert ranked.ranks[name][past].tolist() == other.ranks[name][past].tolist()
        if name != "random":
            assert (ranked.ranks[name][~past] != other.ranks[name][~past]).any()


def test_the_same_seed_gives_the_same_leaderboard(table: TrainingTable) -> None:
    one, two = (compare_models(table, dataset="simulated", seed=4) for _ in range(2))
    assert one.as_document() == two.as_document()
    assert json.loads(json.dumps(one.as_document()))["rows"][0]["model"] == "random"


def test_the_blend_beats_popularity_where_members_have_tastes(table: TrainingTable) -> None:
    board = compare_models(table, dataset="simulated", seed=5)
    row = {row.model: row for row in board.rows}
    assert row["blend"].hit_minus_half_life.low > 0.0
    assert row["popularity_half_life"].hit_at_10.value > row["random"].hit_at_10.value
    assert row["popularity_30_days"].hit_over_reference.value == 1.0
    assert board.test_rows == len(table.rows) - board.train_rows


def test_an_item_nobody_had_chosen_by_midnight_is_a_miss_for_all(table: TrainingTable) -> None:
    rows = table.rows
    newest = len(table.items) - 1
    items = np.where(rows.items == newest, 0, rows.items)
    items[-1] = newest  # chosen for the first time by the very last row
    ranked = rank_models(replace(table, rows=replace(rows, items=items)), seed=6)
    assert {name: ranks[-1] for name, ranks in ranked.ranks.items()} == dict.fromkeys(
        MODELS, NOT_RANKED
    )
