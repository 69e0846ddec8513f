"""Finds the rows of hundreds of item ids at once, with few waits for memory; see decision 0103."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recsysops.model.kernel import IndexArray

FEW_IDS = 32
"""Up to so many ids a dictionary is asked one by one: the array calls cost more."""

_SLOTS_AN_ITEM = 8
"""One id in twenty then shares its slot with another item's and is looked up in the dictionary."""

_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))
"""Odd multipliers: 2**64 over the golden ratio, and one of SplitMix64 (Steele, Lea and Flood,
Fast Splittable Pseudorandom Number Generators, 2014)."""

_Words = NDArray[np.uint64]


class RowFinder:
    """Rows by item id, kept for the items asked for last.

    A dictionary waits for memory four times per id, one after the other. Here the ids are
    numbers of eight characters each, a table says which row an id may have, and the row's own
    numbers whether it does; the waits overlap. Ids that it does not find are asked of the
    dictionary, so the answer is the dictionary's. Ids hold no NUL character (ID_PATTERN).
    """

    __slots__ = ("_table",)

    def __init__(self) -> None:
        self._table: _Table | None = None

    def prepare(self, row_of: Mapping[str, int]) -> _Table:
        """Return the table of these items: made now, not with the first long list of ids."""
        table = self._table
        if table is None or table.row_of is not row_of:
            # two threads may both make it: each uses its own, either may stay
            table = self._table = _Table(row_of)
        return table

    def find(self, ids: Sequence[str], row_of: Mapping[str, int]) -> IndexArray:
        """Return the row of every id, (len(ids),); -1 for those that nobody knows."""
        if len(ids) <= FEW_IDS:
            return np.array([row_of.get(one, -1) for one in ids], dtype=np.intp)
        rows, missed = self.prepare(row_of).guess(ids)
        for at in missed:
            rows[at] = row_of.get(ids[at], -1)
        return rows


class _Table:
    """Slots of row numbers by the hash of an id; of items that share a slot, the last has it."""

    __slots__ = ("_shift", "_slots", "_words", "row_of")

    def __init__(self, row_of: Mapping[str, int]) -> None:
        """Make the table of ids whose rows count from 0 in their order."""
        self.row_of = row_of
        self._words = _pack(list(row_of), 0) if row_of else None
        bits = (_SLOTS_AN_ITEM * len(row_of) | 1).bit_length()
        self._shift = np.uint64(64 - bits)
        # an empty slot names row 0, whose own id then says no
        self._slots = np.zeros(2**bits, dtype=np.int32)
        if self._words is not None:
            self._slots[self._slots_of(self._words)] = np.arange(len(row_of), dtype=np.int32)

    def guess(self, ids: Sequence[str]) -> tuple[IndexArray, Sequence[int]]:
        """Return rows, and the places of ids whose row is another or none."""
        words = None if self._words is None else _pack(ids, self._words.shape[1])
        if self._words is None or words is None:
            return np.empty(len(ids), dtype=np.intp), range(len(ids))
        rows = self._slots.take(self._slots_of(words)).astype(np.intp)
        differs = (self._words.take(rows, axis=0) != words).any(axis=1)
        return rows, np.flatnonzero(differs).tolist()

    def _slots_of(self, words: _Words) -> NDArray[np.int64]:
        return (_hash(words) >> self._shift).view(np.int64)


def _pack(ids: Sequence[str], width: int) -> _Words | None:
    """Return the ids as numbers of eight characters, (n, width), 0: as many as they need.

    None for ids that are longer, or not ASCII.
    """
    try:
        packed = np.array(ids, dtype=np.bytes_)
    except UnicodeEncodeError:
        return None
    width = width or -(-packed.itemsize // 8)
    if packed.itemsize > 8 * width:
        return None
    return packed.astype(f"S{8 * width}", copy=False).view(np.uint64).reshape(len(ids), width)


def _hash(words: _Words) -> _Words:
    """Mix the numbers of each id into one, (n,); its highest bits are the best."""
    mixed = words[:, 0] * _MIX[0]
    for column in range(1, words.shape[1]):
        mixed = (mixed ^ (mixed >> np.uint64(32)) ^ words[:, column]) * _MIX[0]
    return (mixed ^ (mixed >> np.uint64(32))) * _MIX[1]
