from __future__ import annotations

import numpy as np
import pytest
from recsysops.errors import BadInput
from recsysops.simulation.members import SimulatedWorld, examine_probability

WORLD = SimulatedWorld(seed=51, n_members=60, n_items=80)
IDS = [item.item_id for item in WORLD.items]


def test_the_same_seed_gives_the_same_world() -> None:
    again = SimulatedWorld(seed=51, n_members=60, n_items=80)
    other = SimulatedWorld(seed=52, n_members=60, n_items=80)
    assert again.items == WORLD.items
    assert again.interactions.content_hash == WORLD.interactions.content_hash
    assert other.interactions.content_hash != WORLD.interactions.content_hash


def test_examination_falls_from_one_with_position() -> None:
    chances = examine_probability(np.arange(1, 21))
    assert chances[0] == 1.0
    assert (np.diff(chances) < 0).all()
    assert chances[9] == pytest.approx(10**-0.6)


def test_a_click_needs_a_look_and_relevance() -> None:
    shown = IDS[:5]
    found = WORLD.click_probabilities("m-0007", shown)
    relevance = WORLD.relevance(["m-0007"], shown)[0]
    assert found == pytest.approx(relevance * examine_probability(np.arange(1, 6)))


def test_clicks_come_as_often_as_the_truth_says() -> None:
    rng = np.random.default_rng(1)
    shown = IDS[10:20]
    clicks = np.array([WORLD.sample_clicks(rng, "m-0003", shown) for _ in range(4000)])
    truth = WORLD.click_probabilities("m-0003", shown)
    assert clicks.mean(axis=0) == pytest.approx(truth, abs=0.04)


def test_relevance_is_a_probability_and_differs_between_members() -> None:
    table = WORLD.relevance(WORLD.member_ids, IDS)
    assert table.shape == (60, 80)
    assert ((table > 0.0) & (table < 1.0)).all()
    assert table.std(axis=0).mean() > 0.05


def test_members_choose_what_is_relevant_to_them_and_nothing_twice() -> None:
    rows = WORLD.interactions
    table = WORLD.relevance(WORLD.member_ids, IDS)
    chosen = np.zeros_like(table, dtype=bool)
    for member, item in zip(rows.members, rows.items, strict=True):
        assert not chosen[member, item]
        chosen[member, item] = True
    assert table[chosen].mean() > table[~chosen].mean() + 0.1


def test_a_favourite_language_is_what_members_choose() -> None:
    rows = WORLD.interactions
    language = np.array([item.language for item in WORLD.items])
    hits = 0
    for member in range(60):
        affinity = WORLD.truth.tastes[member, 8:14]
        favourite = ("en", "fr", "es", "de", "ja", "hi")[int(np.argmax(affinity))]
        own = rows.items[rows.members == member]
        hits += (language[own] == favourite).mean() > (language == favourite).mean()
    assert hits > 50


@pytest.mark.parametrize("identity", ["m-0060", "m-x", "7", "i-0001"])
def test_a_stranger_is_named(identity: str) -> None:
    with pytest.raises(BadInput, match=identity):
        WORLD.relevance([identity], IDS[:1])


def test_every_column_is_said_to_be_simulated() -> None:
    assert {"title", "genres", "year", "language", "price"} <= set(WORLD.items[0].simulated)
