"""The real default data set: training time is not asserted, quality and meaning are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from recsysops.datasets.load import load_dataset
from recsysops.learning.fit_model import FittedModel, fit_model
from recsysops.learning.leaderboard import Leaderboard
from recsysops.learning.ranks import rank_targets
from recsysops.learning.table import align_rows
from recsysops.model.interactions import Dataset
from recsysops.simulation.retimed import RetimedWorld, build_retimed_world
from recsysops.workflows.build_leaderboard import build_leaderboard

END = datetime(2026, 1, 10, 15, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset()


@pytest.fixture(scope="module")
def board(dataset: Dataset) -> Leaderboard:
    return build_leaderboard(dataset, seed=0)


@pytest.fixture(scope="module")
def world(dataset: Dataset) -> RetimedWorld:
    return build_retimed_world(dataset, seed=3, end=END)


@pytest.fixture(scope="module")
def model(world: RetimedWorld) -> FittedModel:
    start = world.stretches["reference"].window.start
    return fit_model(align_rows(world.training, world.items), as_of=start, seed=3)


def test_the_blend_beats_recent_popularity_beyond_its_interval(board: Leaderboard) -> None:
    row = {row.model: row for row in board.rows}
    assert row["blend"].hit_over_reference.low > 1.25
    assert row["blend"].hit_minus_half_life.low > 0.0
    assert row["popularity_half_life"].hit_minus_reference.low > 0.0
    assert row["random"].hit_at_10.high < 0.01


def test_the_leaderboard_says_how_little_the_data_set_can_show(board: Leaderboard) -> None:
    assert board.members_known_at_split == 23
    assert board.train_rows == 80_003
    assert 0.05 < board.unranked_share < 0.12


def test_the_demo_world_has_its_four_days_and_upcoming_launches(world: RetimedWorld) -> None:
    assert {len(stretch.requests) for stretch in world.stretches.values()} == {1200}
    assert len(world.upcoming) == 36
    assert len(world.training) > 90_000
    assert len(world.training.member_ids) == 671


def test_traffic_follows_affinities_to_the_simulated_language(
    world: RetimedWorld, model: FittedModel
) -> None:
    ranks, language = served_ranks(world, model), languages(world)
    spoken = np.unique(language[language != "None"])
    wrong = dict(zip(spoken, np.roll(spoken, 3), strict=True))
    shift = np.log2(served_ranks(replace_languages(world, wrong), model) / ranks)
    # with every language wrong, what members chose falls, and hardly a rank stays what it was
    assert shift.mean() > 0.1
    assert shift.mean() > 4 * shift.std() / np.sqrt(len(shift))
    assert (np.abs(shift) > 0.05).mean() > 0.7


def languages(world: RetimedWorld) -> np.ndarray:
    return np.array([str(item.language) for item in world.items])


def replace_languages(world: RetimedWorld, mapped: dict[str, str]) -> RetimedWorld:
    return replace(world, items=tuple(
        replace(item, language=mapped.get(str(item.language))) for item in world.items
    ))  # fmt: skip


def served_ranks(world: RetimedWorld, model: FittedModel) -> np.ndarray:
    """Rank what members chose in the reference stretch, without what they had chosen before."""
    table = align_rows(world.training, world.items)
    encoder, width = model.space.encoder, model.space.encoder.content_width
    matrix = model.space.matrix.copy()
    matrix[:, :width] = [encoder.encode(item) for item in world.items]
    row_of = {item.item_id: row for row, item in enumerate(world.items)}
    place = {table.rows.member_ids[m]: n for n, m in enumerate(model.members.tolist())}
    requests = world.stretches["reference"].requests
    own = np.array([place[request.member_id] for request in requests])
    scores = model.member_vectors[own] @ matrix.T
    scores += model.fitted.blend.bias(model.play_counts).astype(np.float32)
    targets = np.array([row_of[request.item_id] for request in requests])
    seen = (np.empty(0, np.intp), np.empty(0, np.intp))
    return rank_targets(scores, targets=targets, seen=seen).astype(np.float64)
