"""A model in sums: what a lost block, a poisoned segment or a shuffled popularity would move."""

from __future__ import annotations

import numpy as np
import pytest
from recsysops.model.artefact import unpack_artefact
from recsysops.model.profile import (
    ProfileSums,
    correlate_items,
    list_segments,
    profile_model,
    sum_by_group,
)
from recsysops.vocabulary import hash_group

from tests.fakes.served_world import make_artefact_files, make_items


def test_sums_of_a_group_are_those_of_its_items() -> None:
    values, groups = np.array([0.0, 3.0, 4.0]), np.array([5, 5, 7])
    assert list(sum_by_group("year", "all", values, groups)) == [
        ProfileSums("year", "all", 5, 2, 3.0, 9.0, 1),
        ProfileSums("year", "all", 7, 1, 4.0, 16.0, 0),
    ]


def test_the_mean_of_products_is_pearsons_correlation() -> None:
    rng = np.random.default_rng(3)
    left = rng.normal(size=500)
    right = 0.4 * left + rng.normal(size=500)
    expected = float(np.corrcoef(left, right)[0, 1])
    assert correlate_items(left, right).mean() == pytest.approx(expected)
    assert not correlate_items(left, np.ones(500)).any()


def test_an_item_is_in_its_genres_its_language_and_its_source() -> None:
    [first, *_] = make_items(3)
    segments = list_segments([first, None])
    assert segments["all"].tolist() == [0, 1]
    assert {f"genre={genre}" for genre in first.genres} < set(segments)
    assert segments[f"source={first.source}"].tolist() == [0]


def test_a_profile_counts_every_item_once_per_subject_and_its_training_plays() -> None:
    items = make_items(60)
    artefact = unpack_artefact(make_artefact_files(items))
    sums = profile_model(artefact, {item.item_id: item for item in items})
    whole = {
        subject: [one for one in sums if (one.subject, one.segment) == (subject, "all")]
        for subject in ("genre", "collaborative", "training_plays")
    }
    assert {sum(one.items for one in parts) for parts in whole.values()} == {60}
    plays = sum(one.total for one in whole["training_plays"])
    assert plays == pytest.approx(artefact.play_counts[:, 1].sum())
    assert {one.item_group for one in whole["genre"]} == {hash_group(i.item_id) for i in items}
    by_language = [one for one in sums if one.segment.startswith("language=")]
    assert {one.subject for one in by_language} == {"collaborative", "training_plays"}


def test_items_that_nobody_describes_count_as_no_segment() -> None:
    artefact = unpack_artefact(make_artefact_files(make_items(5)))
    assert {one.segment for one in profile_model(artefact, {})} == {"all"}
