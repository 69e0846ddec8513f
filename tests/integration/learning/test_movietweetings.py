"""A real stream of 152 days; optional data that a fresh clone does not have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from recsysops.datasets.load import load_dataset
from recsysops.workflows.build_leaderboard import build_leaderboard

PATH = Path(
    os.environ.get("RECSYSOPS_MOVIETWEETINGS")
    or Path(__file__).parents[4] / "shared" / "data" / "movietweetings"
)


@pytest.mark.skipif(
    not PATH.is_dir(), reason="set RECSYSOPS_MOVIETWEETINGS to a folder with ratings and movies.dat"
)
def test_the_blend_beats_recent_popularity_by_a_quarter_on_a_natural_stream() -> None:
    board = build_leaderboard(load_dataset(PATH), seed=0)
    row = {row.model: row for row in board.rows}
    assert row["blend"].hit_over_reference.low > 1.25
    assert row["blend"].hit_minus_half_life.low > 0.0
    assert row["blend_nightly"].hit_over_reference.low > 1.25
    assert board.half_life_days <= 3.0
