"""The two-by-two, the slices, and the order in which causes are believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recsysops.diagnosis.items_as_served import query_items, served_item
from recsysops.diagnosis.slices import jaccard_index, rank_slices
from recsysops.diagnosis.suspects import Suspicion
from recsysops.diagnosis.two_by_two import (
    Corners,
    TwoByTwo,
    block_spreads,
    collapsed_blocks,
    compare_corners,
)
from recsysops.diagnosis.verdict import ServedModels, decide_cause
from recsysops.model.catalogue import Catalogue

from tests.unit.diagnosis.world import as_served, make_artefact, make_catalogue, make_items

ITEMS = make_items()
ARTEFACT = make_artefact(ITEMS)
GOOD = make_catalogue(ARTEFACT, ITEMS)
BROKEN_ITEMS = [replace(item, language=None) if item.language == "ja" else item for item in ITEMS]
BROKEN = make_catalogue(ARTEFACT, BROKEN_ITEMS)
SUSPECTS = tuple(item.item_id for item in ITEMS if item.language == "ja")
VECTORS = [np.random.default_rng(n).normal(size=14).astype(np.float32) for n in range(8)]
SAME = ServedModels(now="m-1", before="m-1", approved="m-1", pinned_by_hotfix=False)


def zeroed(catalogue: Catalogue, block_name: str) -> Catalogue:
    block = next(b for b in catalogue.encoder.blocks if b.name == block_name)
    matrix = catalogue.matrix.copy()
    matrix[:, block.start : block.stop] = 0
    return replace(catalogue, matrix=matrix)


def square(now: Catalogue, swapped: Catalogue, before: Catalogue) -> TwoByTwo:
    return compare_corners(
        Corners(now, swapped, before),
        vectors_now=VECTORS,
        vectors_before=VECTORS,
        item_ids=GOOD.item_ids,
        suspects=SUSPECTS,
    )


def test_wrong_inputs_show_as_input_effect_only_and_only_on_the_suspects() -> None:
    result = square(BROKEN, GOOD, GOOD)
    assert result.model_effect == 0
    assert result.input_effect_on_suspects > result.input_effect > 0


def test_a_changed_model_shows_as_model_effect_only() -> None:
    broken_model = zeroed(GOOD, "genre")
    result = square(broken_model, broken_model, GOOD)
    assert result.input_effect == 0
    assert result.model_effect > 0


def test_no_members_give_zero_effects_rather_than_nan() -> None:
    corners = Corners(GOOD, GOOD, GOOD)
    empty = compare_corners(corners, vectors_now=[], vectors_before=[], item_ids=[], suspects=[])
    assert (empty.input_effect, empty.model_effect) == (0.0, 0.0)


@pytest.mark.parametrize("block", ["genre", "year", "language", "collaborative"])
def test_a_block_that_ranks_nothing_any_more_is_named(block: str) -> None:
    now = block_spreads(zeroed(GOOD, block), VECTORS, item_ids=GOOD.item_ids)
    before = block_spreads(GOOD, VECTORS, item_ids=GOOD.item_ids)
    assert collapsed_blocks(now, before) == [block]


def test_slices_name_what_the_odd_items_share() -> None:
    best = rank_slices(as_served(ITEMS), SUSPECTS)[0]
    assert (best.facet, best.value, best.jaccard) == ("language before", "ja", 1.0)


def test_slices_of_no_odd_items_are_none() -> None:
    assert rank_slices(as_served(ITEMS), ()) == []


def test_jaccard_by_hand() -> None:
    assert jaccard_index("abc", "bcd") == pytest.approx(2 / 4)
    assert jaccard_index("", "") == 1.0


def decide(**changes: object):
    arguments = {
        "subject": "",
        "models": SAME,
        "suspicions": [],
        "collapsed": [],
        "square": None,
        **changes,
    }
    return decide_cause(**arguments)  # type: ignore[arg-type]


def test_an_unapproved_model_is_the_cause_even_when_inputs_look_odd_too() -> None:
    models = ServedModels(now="m-old", before="m-1", approved="m-1", pinned_by_hotfix=False)
    cause = decide(models=models, suspicions=[Suspicion("year", ("i1",), 9.0)])
    assert (cause.verdict, cause.feature, cause.model_id) == ("model", "model_id", "m-old")


def test_a_model_pinned_by_a_hotfix_is_not_called_wrong() -> None:
    models = ServedModels(now="m-old", before="m-1", approved="m-1", pinned_by_hotfix=True)
    assert decide(models=models).verdict == "could_not_judge"


def test_the_suspicion_on_the_incidents_own_subject_is_preferred_to_a_larger_one() -> None:
    larger, own = Suspicion("year", ("i1", "i2"), 9.0), Suspicion("language", ("i3",), 3.0)
    cause = decide(subject="language", suspicions=[larger, own])
    assert (cause.verdict, cause.feature, cause.item_ids) == ("input", "language", ("i3",))


def test_a_collapsed_block_of_a_new_model_is_named_with_the_model() -> None:
    models = ServedModels(now="m-2", before="m-1", approved="m-2", pinned_by_hotfix=False)
    cause = decide(models=models, collapsed=["genre"])
    assert (cause.verdict, cause.feature, cause.model_id) == ("model", "genre", "m-2")


def test_nothing_odd_is_refused_and_not_guessed() -> None:
    cause = decide()
    assert cause.verdict == "could_not_judge"
    assert "because" in cause.summary


def test_genres_are_read_from_joined_text_and_missing_ones_are_none() -> None:
    row = {"item_id": "i-1", "year": None, "language": None, "price": None, "in_stock": None,
           "source": "s", "batch": None}  # fmt: skip
    joined = {"Film-Noir|War": {"Film-Noir", "War"}, "Drama": {"Drama"}, "": set(), None: set()}
    read = {text: served_item({**row, "genres": text}).genres for text in joined}
    assert read == joined
    assert "array_join(genres, '|')" in query_items("d-0123456789abcdef", name="n").sql
