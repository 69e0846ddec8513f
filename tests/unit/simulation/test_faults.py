"""The faults: what they write, that their truth says exactly that, and that seeds repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from recsysops.errors import BadInput
from recsysops.model.artefact import ModelArtefact, unpack_artefact
from recsysops.model.kernel import Block
from recsysops.simulation.fault_names import FAULT_NAMES, INPUT_FAULTS
from recsysops.simulation.faults import (
    CorruptedItems,
    corrupt_items,
    lose_block,
    zero_one_block,
)
from recsysops.vocabulary import ItemFeatures

from tests.fakes.served_world import ENCODER, make_artefact_files, make_items

TODAY = date(2026, 3, 5)
ITEMS = make_items(200)
BY_ID = {item.item_id: item for item in ITEMS}


def corrupt(name: str, seed: int = 0, items: Sequence[ItemFeatures] = ITEMS) -> CorruptedItems:
    rng = np.random.default_rng(seed)
    return corrupt_items(name, items, rng=rng, today=TODAY)  # type: ignore[arg-type]


def changed_fields(row: ItemFeatures) -> set[str]:
    old = BY_ID[row.item_id]
    return {n for n in ItemFeatures.__dataclass_fields__ if getattr(row, n) != getattr(old, n)}


@pytest.mark.parametrize("name", INPUT_FAULTS)
@pytest.mark.parametrize("seed", range(3))
def test_the_truth_names_exactly_the_rows_that_were_written(name: str, seed: int) -> None:
    made = corrupt(name, seed)
    assert made.truth.item_ids == tuple(row.item_id for row in made.rows)
    assert len(set(made.truth.item_ids)) == len(made.rows) > 0
    assert (made.truth.name, made.truth.verdict, made.truth.component) == (
        name, "input", "item_features",
    )  # fmt: skip
    assert all(made.truth.feature in changed_fields(row) for row in made.rows)
    assert all(row.version == BY_ID[row.item_id].version + 1 for row in made.rows)


@pytest.mark.parametrize("name", INPUT_FAULTS)
def test_the_same_seed_writes_the_same_rows_and_another_seed_others(name: str) -> None:
    assert corrupt(name, 4) == corrupt(name, 4)
    assert len({corrupt(name, seed).rows for seed in range(8)}) > 1


@pytest.mark.parametrize("seed", range(6))
def test_one_language_but_never_the_commonest_turns_into_one_other_value(seed: int) -> None:
    made = corrupt("language_misconfigured", seed)
    was = {BY_ID[row.item_id].language for row in made.rows}
    now = {row.language for row in made.rows}
    assert len(was) == len(now) == 1
    assert was != now
    everywhere = [item.language for item in ITEMS]
    assert everywhere.count(was.copy().pop()) == len(made.rows), "every item of it is hit"
    assert max(map(everywhere.count, set(everywhere))) > len(made.rows)
    assert all(
        changed_fields(row) == {"language", "batch", "version"} and row.batch == TODAY.isoformat()
        for row in made.rows
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_tenth_of_one_number_becomes_zero_and_nothing_else_moves(seed: int) -> None:
    made = corrupt("numeric_zero_filled", seed)
    assert len(made.rows) == 20
    assert made.truth.feature in ("year", "price")
    assert {getattr(row, made.truth.feature) for row in made.rows} == {0}
    assert all(changed_fields(row) == {made.truth.feature, "batch", "version"} for row in made.rows)


def test_numbers_that_are_unknown_are_not_zero_filled() -> None:
    items = [replace(item, year=None, price=None) for item in ITEMS[:100]] + list(ITEMS[100:])
    made = corrupt("numeric_zero_filled", 1, items)
    assert min(made.truth.item_ids) >= ITEMS[100].item_id


def test_a_stale_batch_is_one_suppliers_whole_delivery_of_thirty_days_ago() -> None:
    made = corrupt("stale_supplier_batch", 2)
    (source,) = {row.source for row in made.rows}
    assert {row.item_id for row in made.rows} == {i.item_id for i in ITEMS if i.source == source}
    assert {row.batch for row in made.rows} == {"2026-02-03"}
    ratios = [row.price / BY_ID[row.item_id].price for row in made.rows]  # type: ignore[operator]
    assert all(0.7 < ratio < 1.4 for ratio in ratios)
    assert len(set(ratios)) > 1


def test_one_supplier_loses_every_genre_and_nothing_else() -> None:
    bare = [replace(item, genres=()) for item in ITEMS[:40]] + list(ITEMS[40:])
    made = corrupt("supplier_genres_lost", 3, bare)
    (source,) = {row.source for row in made.rows}
    had_some = {i.item_id for i in bare if i.source == source and i.genres}
    assert {row.item_id for row in made.rows} == had_some, "an item without genres loses none"
    assert all(row.genres == () for row in made.rows)
    assert all(changed_fields(row) == {"genres", "batch", "version"} for row in made.rows)


@pytest.mark.parametrize(
    "name", [*(fault for fault in FAULT_NAMES if fault not in INPUT_FAULTS), "a typo"]
)
def test_a_name_that_is_no_input_fault_is_refused_with_the_allowed_ones(name: str) -> None:
    with pytest.raises(BadInput, match=f"'{name}' is no input fault; choose from .*language"):
        corrupt(name)


@pytest.fixture(scope="module")
def artefact() -> ModelArtefact:
    return unpack_artefact(make_artefact_files(make_items(30)))


def test_a_zeroed_artefact_loses_one_block_and_keeps_every_other_bit(
    artefact: ModelArtefact,
) -> None:
    zeroed = zero_one_block(artefact, rng=np.random.default_rng(0))
    broken = unpack_artefact(zeroed.files)
    for block in ENCODER.blocks:
        columns = slice(block.start, block.stop)
        expected = artefact.item_matrix[:, columns]
        if block == zeroed.block:
            expected = np.zeros_like(expected)
        assert broken.item_matrix[:, columns].tobytes() == expected.tobytes()
    assert broken.play_counts.tobytes() == artefact.play_counts.tobytes()
    assert broken.item_ids.tolist() == artefact.item_ids.tolist()
    assert (broken.model_id, broken.owner) == (zeroed.model_id, zeroed.owner)
    assert zeroed.model_id != artefact.model_id


def test_any_block_may_be_lost_and_the_seed_says_which(artefact: ModelArtefact) -> None:
    drawn = [zero_one_block(artefact, rng=np.random.default_rng(s)).block for s in range(20)]
    assert set(drawn) == set(ENCODER.blocks)
    assert zero_one_block(artefact, rng=np.random.default_rng(0)).block == drawn[0]


@pytest.mark.parametrize("block", ENCODER.blocks, ids=lambda block: block.name)
def test_members_lose_the_columns_of_the_block_and_no_other(block: Block) -> None:
    vector = np.arange(1, ENCODER.width + 1, dtype=np.float32)
    lost = lose_block(vector, block)
    assert np.flatnonzero(lost == 0).tolist() == list(range(block.start, block.stop))
    assert (lost[lost != 0] == vector[lost != 0]).all()
    assert vector.all(), "the vector given stays as it was"


def test_an_artefact_of_zeros_cannot_lose_a_block(artefact: ModelArtefact) -> None:
    empty = replace(artefact, item_matrix=np.zeros_like(artefact.item_matrix))
    with pytest.raises(BadInput, match="no block that a broken export could lose"):
        zero_one_block(empty, rng=np.random.default_rng(0))
