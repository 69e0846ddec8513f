"""A snapshot's items are packed in pieces, and only the pieces that are looked at are read."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from recsysops.errors import ArtefactError
from recsysops.model import item_rows
from recsysops.model.artefact import unpack_artefact
from recsysops.model.catalogue import assemble_catalogue
from recsysops.model.delta import (
    DeltaSnapshot,
    delta_id_of,
    item_ids_of,
    launch_day,
    launch_days_of,
    unpack_delta,
)
from recsysops.model.item_rows import ROWS_PER_PIECE, PackedRows, features_to_row, pack_rows
from recsysops.vocabulary import ItemFeatures

from tests.fakes.served_world import AS_OF, HALF_LIVES, make_artefact_files, make_delta, make_items

MANY = make_items(2 * ROWS_PER_PIECE + 3)
ARTEFACT = unpack_artefact(make_artefact_files(MANY))


def packed(items: Sequence[ItemFeatures]) -> PackedRows:
    pieces, ends = pack_rows(items)
    return PackedRows(pieces.tobytes(), ends.tolist(), count=len(items))


def early_snapshot(items: Sequence[ItemFeatures]) -> tuple[str, bytes]:
    """As snapshots were written until decision 0070: every row in the head."""
    head = {
        "as_of": AS_OF.isoformat(),
        "model_id": ARTEFACT.model_id,
        "half_life_days": HALF_LIVES,
        "items": [features_to_row(item) for item in items],
    }
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        head=np.frombuffer(json.dumps(head, separators=(",", ":")).encode(), dtype=np.uint8),
        log_popularity=np.log(ARTEFACT.play_counts + 0.5).astype(np.float32),
        changed_rows=np.array([], dtype=np.int64),
        changed_vectors=np.zeros((0, ARTEFACT.encoder.width), dtype=np.float32),
    )
    return delta_id_of(buffer.getvalue()), buffer.getvalue()


def ids_and_days(delta: DeltaSnapshot) -> tuple[list[str], list[int]]:
    return item_ids_of(delta), launch_days_of(delta).tolist()


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_PIECE, ROWS_PER_PIECE + 1, len(MANY)])
def test_rows_come_back_from_their_pieces(count: int) -> None:
    rows = packed(MANY[:count])
    assert [list(row) for row in rows] == [features_to_row(item) for item in MANY[:count]]
    assert len(rows) == count


def test_only_the_piece_of_an_item_that_is_looked_at_is_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []
    loads = item_rows.json.loads

    def count_rows(text: bytes) -> object:
        rows = loads(text)
        read.append(len(rows))
        return rows

    monkeypatch.setattr(item_rows.json, "loads", count_rows)
    delta = unpack_delta(*make_delta(ARTEFACT, MANY))
    catalogue = assemble_catalogue(ARTEFACT, delta)
    read.clear()  # the head
    assert catalogue.items[-1] == MANY[-1]
    assert catalogue.items[-2] == MANY[-2]
    assert read == [3]


def test_ids_and_launch_days_at_hand_are_those_of_the_items() -> None:
    items = (replace(MANY[0], launch_date=date(1969, 12, 31)), *MANY[1:])
    delta = unpack_delta(*make_delta(ARTEFACT, items))
    expected = [launch_day(item.launch_date) for item in items]
    assert ids_and_days(delta) == ([item.item_id for item in items], expected)
    assert launch_days_of(delta)[0] == -1


def test_a_snapshot_of_before_pieces_gives_the_same_catalogue_bit_for_bit() -> None:
    early = unpack_delta(*early_snapshot(MANY))
    now = unpack_delta(*make_delta(ARTEFACT, MANY))
    assert early.items == now.items == MANY
    assert ids_and_days(early) == ids_and_days(now)
    one, other = assemble_catalogue(ARTEFACT, early), assemble_catalogue(ARTEFACT, now)
    assert one.matrix.tobytes() == other.matrix.tobytes()
    assert (one.bias.tobytes(), one.row_of) == (other.bias.tobytes(), other.row_of)
    assert one.largest_row_norm == other.largest_row_norm


@pytest.mark.parametrize(
    "body", [b"no zlib", b"", *map(zlib.compress, (b"[[1]]", b"[[1,2]]", b"{", b"7", b"[]"))]
)
def test_a_piece_that_is_no_rows_is_refused_when_it_is_looked_at(body: bytes) -> None:
    rows = PackedRows(body, [len(body)], count=1)
    with pytest.raises(ArtefactError, match="piece 0 of a snapshot's items"):
        rows[0]


@pytest.mark.parametrize("count", [0, ROWS_PER_PIECE + 1])
def test_pieces_that_cannot_hold_so_many_items_are_refused_at_once(count: int) -> None:
    pieces, ends = pack_rows(MANY[:5])
    with pytest.raises(ValueError, match=f"are not {count} items"):
        PackedRows(pieces.tobytes(), ends.tolist(), count=count)


def test_a_row_outside_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        packed(MANY[:5])[5]
