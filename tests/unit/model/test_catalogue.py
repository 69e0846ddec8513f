from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from recsysops.errors import ArtefactError
from recsysops.model.artefact import unpack_artefact
from recsysops.model.catalogue import assemble_catalogue
from recsysops.model.delta import DeltaSnapshot, unpack_delta

from tests.fakes.served_world import ENCODER, make_artefact_files, make_delta, make_items

ITEMS = make_items(12)
ARTEFACT = unpack_artefact(make_artefact_files(ITEMS))
DELTA = unpack_delta(*make_delta(ARTEFACT, ITEMS))


def test_unchanged_items_keep_the_vectors_of_the_artefact() -> None:
    catalogue = assemble_catalogue(ARTEFACT, DELTA)
    assert np.array_equal(catalogue.matrix, ARTEFACT.item_matrix)
    assert catalogue.item_ids == ARTEFACT.item_ids.tolist()


def test_changed_rows_take_the_vectors_of_the_snapshot() -> None:
    vectors = np.full((1, ENCODER.width), 7, dtype=np.float32)
    changed = replace(DELTA, changed_rows=np.array([4]), changed_vectors=vectors)
    catalogue = assemble_catalogue(ARTEFACT, changed)
    assert catalogue.matrix[4].tolist() == vectors[0].tolist()
    assert np.array_equal(np.delete(catalogue.matrix, 4, 0), np.delete(ARTEFACT.item_matrix, 4, 0))
    assert catalogue.largest_row_norm == pytest.approx(np.sqrt(49.0 * ENCODER.width))


def test_vectors_of_another_width_are_refused() -> None:
    narrow = np.zeros((1, ENCODER.width - 1), dtype=np.float32)
    changed = replace(DELTA, changed_rows=np.array([4]), changed_vectors=narrow)
    with pytest.raises(ArtefactError, match="wide"):
        assemble_catalogue(ARTEFACT, changed)


def with_items(delta: DeltaSnapshot, **changes: object) -> DeltaSnapshot:
    items = (*delta.items[:5], *delta.items[6:], replace(delta.items[0], item_id="new"))
    return replace(delta, items=items, **changes)  # type: ignore[arg-type]


def test_items_the_snapshot_lacks_are_gone_and_new_ones_have_content_only() -> None:
    catalogue = assemble_catalogue(ARTEFACT, with_items(DELTA, model_id="m-of-others"))
    assert "i0005" not in catalogue.row_of
    row = catalogue.row_of["new"]
    width = ENCODER.content_width
    assert catalogue.matrix[row, :width].tolist() == ENCODER.encode(catalogue.items[row]).tolist()
    assert not catalogue.matrix[row, width:].any()


def test_a_snapshot_made_with_another_model_is_encoded_by_this_one() -> None:
    relabelled = (replace(ITEMS[0], language="xx"), *ITEMS[1:])
    other = replace(DELTA, items=relabelled, model_id="m-of-others")
    catalogue = assemble_catalogue(ARTEFACT, other)
    assert catalogue.matrix[0].tolist() != ARTEFACT.item_matrix[0].tolist()
    assert catalogue.matrix[1:].tolist() == ARTEFACT.item_matrix[1:].tolist()
    width = ENCODER.content_width
    assert catalogue.matrix[0, width:].tolist() == ARTEFACT.item_matrix[0, width:].tolist()


def test_the_bias_weighs_the_popularity_of_each_half_life() -> None:
    catalogue = assemble_catalogue(ARTEFACT, DELTA)
    expected = DELTA.log_popularity.astype(np.float64) @ [0.7, 0.2]
    assert catalogue.bias == pytest.approx(expected, rel=1e-6)


def test_a_snapshot_without_a_half_life_the_model_needs_is_refused() -> None:
    short = replace(DELTA, half_life_days=(1.5, 30.0))
    with pytest.raises(ArtefactError, match=r"half-life 10\.0 days"):
        assemble_catalogue(ARTEFACT, short)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(poison: float) -> None:
    logs = DELTA.log_popularity.copy()
    logs[3, 0] = poison
    with pytest.raises(ArtefactError, match="NaN"):
        assemble_catalogue(ARTEFACT, replace(DELTA, log_popularity=logs))


def test_an_item_is_launched_from_its_day_on() -> None:
    catalogue = assemble_catalogue(ARTEFACT, DELTA)
    day = catalogue.row_of["i0010"]
    assert catalogue.items[day].launch_date.isoformat() == "2026-03-01"
    before = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    assert not catalogue.launched(before)[day]
    assert catalogue.launched(datetime(2026, 3, 1, tzinfo=UTC))[day]
    assert catalogue.launched(before)[:10].all()
