from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import ArtefactError
from recsysops.model.artefact import unpack_artefact
from recsysops.model.delta import (
    LAUNCHED_LONG_AGO,
    delta_id_of,
    launch_day,
    pack_delta,
    unpack_delta,
)
from recsysops.model.item_rows import features_from_row, features_to_row
from recsysops.vocabulary import ItemFeatures

from tests.fakes.served_world import (
    AS_OF,
    ENCODER,
    HALF_LIVES,
    make_artefact_files,
    make_delta,
    make_items,
)

ITEMS = make_items(12)
ARTEFACT = unpack_artefact(make_artefact_files(ITEMS))
DELTA_ID, BODY = make_delta(ARTEFACT, ITEMS)

some_items = st.builds(
    ItemFeatures,
    item_id=st.text(min_size=1),
    title=st.text(),
    genres=st.lists(st.text(), max_size=3).map(tuple),
    year=st.none() | st.integers(0, 3000),
    language=st.none() | st.text(),
    price=st.none() | st.floats(0, 1e6),
    in_stock=st.none() | st.booleans(),
    launch_date=st.none() | st.dates(),
    source=st.text(),
    batch=st.text(),
    version=st.integers(0, 100),
    simulated=st.lists(st.text(), max_size=2).map(tuple),
    anticipation=st.none() | st.floats(0, 1e6),
)


def test_a_snapshot_comes_back_as_it_was_packed() -> None:
    delta = unpack_delta(DELTA_ID, BODY)
    assert (delta.items, delta.as_of, delta.model_id) == (ITEMS, AS_OF, ARTEFACT.model_id)
    assert delta.half_life_days == HALF_LIVES
    assert delta.log_popularity.tolist() == (
        np.log(ARTEFACT.play_counts + 0.5).astype(np.float32).tolist()
    )


def test_the_same_catalogue_gives_the_same_bytes_and_name() -> None:
    assert make_delta(ARTEFACT, ITEMS) == (DELTA_ID, BODY)
    moved = (replace(ITEMS[0], language="xx"), *ITEMS[1:])
    assert make_delta(ARTEFACT, moved)[0] != DELTA_ID


@pytest.mark.parametrize("place", range(0, len(BODY), 211))
def test_one_flipped_bit_anywhere_is_refused_in_one_line(place: int) -> None:
    body = bytearray(BODY)
    body[place] ^= 4
    with pytest.raises(ArtefactError, match="bytes hash to") as caught:
        unpack_delta(DELTA_ID, bytes(body))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("rows", "vectors"), [([12], 1), ([-1], 1), ([0], 2), ([0, 1], 1)])
def test_vectors_that_belong_to_no_item_are_refused_under_their_own_hash(
    rows: list[int], vectors: int
) -> None:
    delta_id, body = pack_delta(
        as_of=AS_OF,
        model_id=ARTEFACT.model_id,
        half_life_days=HALF_LIVES,
        items=ITEMS,
        log_popularity=np.zeros((len(ITEMS), len(HALF_LIVES)), np.float32),
        changed_rows=np.array(rows),
        changed_vectors=np.zeros((vectors, ENCODER.width), np.float32),
    )
    with pytest.raises(ArtefactError, match="do not fit its 12 items"):
        unpack_delta(delta_id, body)


@pytest.mark.parametrize("body", [b"", b"not a zip", BODY[:100]])
def test_bytes_that_are_no_snapshot_are_refused_under_their_own_name_too(body: bytes) -> None:
    with pytest.raises(ArtefactError, match="not a delta snapshot"):
        unpack_delta(delta_id_of(body), body)


@pytest.mark.parametrize("items", [ITEMS[::-1], (ITEMS[0], ITEMS[0])])
def test_items_out_of_order_cannot_be_packed(items: tuple[ItemFeatures, ...]) -> None:
    with pytest.raises(ArtefactError, match="ascend"):
        make_delta(ARTEFACT, items)


def test_popularity_for_other_items_cannot_be_packed() -> None:
    with pytest.raises(ArtefactError, match="log_popularity"):
        pack_delta(
            as_of=AS_OF,
            model_id="m-1",
            half_life_days=(1.0,),
            items=ITEMS,
            log_popularity=np.zeros((3, 1), np.float32),
            changed_rows=np.array([], np.intp),
            changed_vectors=np.zeros((0, ENCODER.width), np.float32),
        )


@given(some_items)
def test_raw_features_survive_their_row(item: ItemFeatures) -> None:
    assert features_from_row(features_to_row(item)) == item


def test_items_of_before_anticipation_keep_their_row_and_are_still_read() -> None:
    old = features_to_row(ITEMS[0])
    assert len(old) == 12
    assert features_from_row(old).anticipation is None
    assert features_to_row(replace(ITEMS[0], anticipation=41.0)) == [*old, 41.0]


def test_launch_days_count_from_1970() -> None:
    assert launch_day(date(1970, 1, 3)) == 2
    assert launch_day(None) == LAUNCHED_LONG_AGO
