"""Reads rows of packed sums into one block of arrays, subjects side by side, each parsed once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recsysops.errors import BadData
from recsysops.ports import Row
from recsysops.statistics.student import Floats
from recsysops.vocabulary import HASH_GROUPS

Name = tuple[str, str]
"""Slice and subject."""
_SCALARS = ("n", "ww", "wxx")


@dataclass(frozen=True, slots=True)
class Span:
    """Where the cells of one slice and subject stand in a block: sorted, from `start` to `stop`."""

    cells: tuple[str, ...]
    start: int

    @property
    def stop(self) -> int:
        """The place after the last cell."""
        return self.start + len(self.cells)


@dataclass(frozen=True, slots=True, eq=False)
class PackedSums:
    """One period of all distributions, c cells in all.

    spans: slices and subjects in order of appearance. places: of every cell.
    scalars: (3, c) counts, Σw² and Σw·x². groups: (2, c, 32) Σw and Σw·x by hash group.
    """

    spans: Mapping[Name, Span]
    places: Mapping[tuple[str, str, str], int]
    scalars: Floats
    groups: Floats

    def has_all_of(self, other: PackedSums) -> bool:
        """Tell whether every cell of the other's is one of these."""
        return self.places.keys() >= other.places.keys()

    def laid_out_as(self, other: PackedSums) -> PackedSums:
        """Return these sums in the other's places; cells without rows are zero.

        `other` must have all of these cells.
        """
        return self._moved(other.spans, other.places)

    def joined_with(self, other: PackedSums) -> PackedSums:
        """Return these sums with zeros for the cells that only the other has."""
        both: dict[Name, set[str]] = defaultdict(set)
        for name, span in (*self.spans.items(), *other.spans.items()):
            both[name].update(span.cells)
        return self._moved(*_lay_out(both))

    def _moved(
        self, spans: Mapping[Name, Span], places: Mapping[tuple[str, str, str], int]
    ) -> PackedSums:
        scalars = np.zeros((len(_SCALARS), len(places)))
        groups = np.zeros((2, len(places), HASH_GROUPS))
        at = [places[cell] for cell in self.places]
        scalars[:, at], groups[:, at] = self.scalars, self.groups
        return PackedSums(spans, places, scalars, groups)


def read_packed(rows: Iterable[Row]) -> PackedSums:
    """Read the rows of one period; of rows about the same cell the last one counts.

    Numeric cells ('0', '1', …) come in numeric order, the others by name after them.

    Raises: BadData when a row is not of the shape that detection.sql asks for.
    """
    found: dict[tuple[str, str, str], Row] = {}
    cells: dict[Name, set[str]] = defaultdict(set)
    for row in rows:
        subject, _, cell = str(row.get("label")).partition("=")
        slice_name = str(row.get("slice"))
        found[slice_name, subject, cell] = row
        cells[slice_name, subject].add(cell)
    spans, places = _lay_out(cells)
    return PackedSums(spans, places, *_unpack([found[cell] for cell in places]))


def _lay_out(
    cells: Mapping[Name, Iterable[str]],
) -> tuple[dict[Name, Span], dict[tuple[str, str, str], int]]:
    spans: dict[Name, Span] = {}
    places: dict[tuple[str, str, str], int] = {}
    for name, mine in cells.items():
        ordered = tuple(sorted(mine, key=numbers_first))
        spans[name] = Span(ordered, len(places))
        for cell in ordered:
            places[*name, cell] = len(places)
    return spans, places


def numbers_first(cell: str) -> tuple[int, int, str]:
    """Return the sort key of a cell: numbers in numeric order, then names."""
    return (0, int(cell), "") if cell.isdecimal() else (1, 0, cell)


def _unpack(rows: Sequence[Row]) -> tuple[Floats, Floats]:
    scalars = np.empty((len(_SCALARS), len(rows)))
    groups = np.zeros((2, len(rows), HASH_GROUPS))
    for place, row in enumerate(rows):
        try:
            scalars[:, place] = [float(str(row[name])) for name in _SCALARS]
            numbers, weights, values = _columns(str(row["groups"]))
            groups[0, place, numbers], groups[1, place, numbers] = weights, values
        except (KeyError, ValueError, IndexError) as error:
            raise BadData(f"audit row {dict(row)} is not of the expected shape: {error}") from error
    if not np.isfinite(groups).all():
        raise BadData("audit sums hold infinite or missing numbers")
    return scalars, groups


def _columns(text: str) -> tuple[list[int], list[float], list[float]]:
    """Read 'group:weight:value …' by columns. Raises: ValueError."""
    parts = (part.split(":") for part in text.split(" "))
    numbers, weights, values = zip(*parts, strict=True)
    return [int(one) for one in numbers], [*map(float, weights)], [*map(float, values)]
