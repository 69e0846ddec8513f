from __future__ import annotations

import numpy as np
import pytest
from recsysops.simulation.clicks import (
    ClickWorld,
    build_click_world,
    draw_clicks,
    expected_clicks,
    misconfigure_language,
)


@pytest.fixture(scope="module")
def world() -> ClickWorld:
    return build_click_world(7, member_count=50, item_count=80)


def test_a_seed_is_a_world(world: ClickWorld) -> None:
    again = build_click_world(7, member_count=50, item_count=80)
    other = build_click_world(8, member_count=50, item_count=80)
    assert np.array_equal(world.relevance, again.relevance)
    assert world.wrong_items == again.wrong_items
    assert not np.array_equal(world.relevance, other.relevance)


def test_only_the_language_of_the_wrong_items_is_broken(world: ClickWorld) -> None:
    wrong = set(world.wrong_items)
    assert 0 < len(wrong) < 80
    for good, bad in zip(world.healthy.items, world.broken.items, strict=True):
        assert (good.language != bad.language) == (good.item_id in wrong)
        assert (good.genres, good.year) == (bad.genres, bad.year)
    changed = (world.healthy.matrix != world.broken.matrix).any(axis=1)
    assert {world.healthy.items[row].item_id for row in np.flatnonzero(changed)} == wrong


def test_putting_the_languages_back_gives_the_healthy_matrix(world: ClickWorld) -> None:
    languages = {item.item_id: item.language for item in world.healthy.items}
    mended = misconfigure_language(
        world.broken, {item: languages[item] or "" for item in world.wrong_items}
    )
    assert np.array_equal(mended.matrix, world.healthy.matrix)


def test_examination_falls_from_one(world: ClickWorld) -> None:
    assert world.examination[0] == 1.0
    assert (np.diff(world.examination) <= 0).all()
    assert world.activity.sum() == pytest.approx(1.0)


def test_drawn_clicks_come_as_often_as_expected(world: ClickWorld) -> None:
    rng = np.random.default_rng(1)
    members = rng.choice(50, size=40_000, p=world.activity)
    shown = np.tile(np.arange(10), (40_000, 1))
    exposure = np.zeros((50, 80))
    exposure[:, :10] = world.examination
    found = draw_clicks(world, members, shown, rng).sum() / 40_000
    assert found == pytest.approx(expected_clicks(world, exposure), abs=0.02)


def test_simulated_columns_are_labelled(world: ClickWorld) -> None:
    assert "language" in world.healthy.items[0].simulated
