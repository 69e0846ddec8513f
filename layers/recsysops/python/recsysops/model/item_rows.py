"""A snapshot's raw item features: rows of JSON in packed pieces, each read when looked at."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import date
from typing import overload

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import ArtefactError
from recsysops.model.lazy_items import LazyItems
from recsysops.vocabulary import ItemFeatures

ROW_WIDTHS = frozenset({12, 13})
"""Of `features_to_row`: without and with anticipation."""
ROWS_PER_PIECE = 128
"""Looking at one item unpacks its whole piece: 0.2 ms; smaller pieces pack worse."""


class SnapshotItems(LazyItems[ItemFeatures]):
    """A snapshot's items, made when looked at; their ids and launch days (n,) are at hand."""

    __slots__ = ("ids", "launch_days")

    def __init__(
        self,
        rows: Sequence[Sequence[object]],
        *,
        ids: list[str],
        launch_days: NDArray[np.int64],
    ) -> None:
        super().__init__(rows, features_from_row)
        self.ids = ids
        self.launch_days = launch_days


class PackedRows(Sequence[Sequence[object]]):
    """Rows of `features_to_row` in pieces of JSON under zlib, each unpacked when first needed.

    pieces: the packed bytes, one after the other. ends: where each piece ends. Raises on access:
    ArtefactError when a piece is no list of so many rows.
    """

    __slots__ = ("_count", "_ends", "_pieces", "_unpacked")

    def __init__(self, pieces: bytes, ends: Sequence[int], *, count: int) -> None:
        if len(ends) != -(-count // ROWS_PER_PIECE) or (ends and ends[-1] != len(pieces)):
            raise ValueError(f"{len(ends)} pieces of {len(pieces)} bytes are not {count} items")
        self._pieces = pieces
        self._ends = ends
        self._count = count
        self._unpacked: dict[int, list[list[object]]] = {}

    @overload
    def __getitem__(self, index: int) -> Sequence[object]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[object]]: ...
    def __getitem__(self, index: int | slice) -> Sequence[object] | Sequence[Sequence[object]]:
        if isinstance(index, slice):
            return [self[row] for row in range(self._count)[index]]
        number, place = divmod(range(self._count)[index], ROWS_PER_PIECE)
        rows = self._unpacked.get(number)
        if rows is None:
            rows = self._unpacked[number] = self._unpack(number)
        return rows[place]

    def __len__(self) -> int:
        return self._count

    def _unpack(self, number: int) -> list[list[object]]:
        start = self._ends[number - 1] if number else 0
        expected = min(ROWS_PER_PIECE, self._count - number * ROWS_PER_PIECE)
        try:
            rows = json.loads(zlib.decompress(self._pieces[start : self._ends[number]]))
            if not (isinstance(rows, list) and len(rows) == expected and are_rows(rows)):
                raise ValueError(f"not {expected} rows of items")
        except (TypeError, ValueError, zlib.error) as error:
            raise ArtefactError(f"piece {number} of a snapshot's items: {error}") from error
        return rows


def pack_rows(items: Sequence[ItemFeatures]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the packed pieces of all items, (bytes,), and where each piece ends, (pieces,)."""
    pieces = [
        zlib.compress(
            _json_bytes([features_to_row(item) for item in items[start : start + ROWS_PER_PIECE]])
        )
        for start in range(0, len(items), ROWS_PER_PIECE)
    ]
    ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
    return np.frombuffer(b"".join(pieces), dtype=np.uint8), ends


def are_rows(rows: Sequence[Sequence[object]]) -> bool:
    """Return whether every row has the width and the id that an item must have."""
    return set(map(len, rows)) <= ROW_WIDTHS and {type(row[0]) for row in rows} <= {str}


def features_to_row(item: ItemFeatures) -> list[object]:
    """Return an item's raw features as a JSON list in field order.

    An item whose anticipation nobody counts has no thirteenth value: snapshots of before that
    column keep their bytes, hence their ids.
    """
    row: list[object] = [
        item.item_id,
        item.title,
        list(item.genres),
        item.year,
        item.language,
        item.price,
        item.in_stock,
        None if item.launch_date is None else item.launch_date.isoformat(),
        item.source,
        item.batch,
        item.version,
        list(item.simulated),
    ]
    return row if item.anticipation is None else [*row, item.anticipation]


def features_from_row(row: Sequence[object]) -> ItemFeatures:
    """Read `features_to_row` back. Raises: ValueError, KeyError or TypeError on another shape."""
    (
        item_id,
        title,
        genres,
        year,
        language,
        price,
        in_stock,
        launch,
        source,
        batch,
        version,
        sim,
        *later,
    ) = row
    (anticipation,) = later or [None]
    return ItemFeatures(
        item_id=item_id,  # type: ignore[arg-type]
        title=title,  # type: ignore[arg-type]
        genres=tuple(genres),  # type: ignore[arg-type]
        year=year,  # type: ignore[arg-type]
        language=language,  # type: ignore[arg-type]
        price=price,  # type: ignore[arg-type]
        in_stock=in_stock,  # type: ignore[arg-type]
        launch_date=None if launch is None else date.fromisoformat(launch),  # type: ignore[arg-type]
        source=source,  # type: ignore[arg-type]
        batch=batch,  # type: ignore[arg-type]
        version=version,  # type: ignore[arg-type]
        simulated=tuple(sim),  # type: ignore[arg-type]
        anticipation=anticipation,  # type: ignore[arg-type]
    )


def _json_bytes(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
