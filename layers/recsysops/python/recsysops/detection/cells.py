"""Reads the packed sums that audits' SQL returns into arrays by slice, subject and cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from recsysops.detection.packed import PackedSums, Span, numbers_first, read_packed
from recsysops.errors import BadData
from recsysops.ports import Row
from recsysops.statistics.shares import Weighted, effective_rows_of_all
from recsysops.statistics.student import Floats

Period = Literal["reference", "window"]
PERIODS: tuple[Period, ...] = get_args(Period)
EDGES = "edges"
"""The period of rows that tell bin edges rather than sums."""
EVERYTHING = "all"
"""The slice that is no slice."""


@dataclass(frozen=True, eq=False)
class Sums:
    """One period of one distribution, c cells; what is added up of them is added up once.

    rows: (c,) counts. squared: (c,) Σw². spread: (c,) Σw·x². groups: (c, 32) Σw and
    values: (c, 32) Σw·x by hash group.
    """

    rows: Floats
    squared: Floats
    spread: Floats
    groups: Floats
    values: Floats

    @cached_property
    def whole(self) -> Floats:
        """Σw over all cells by group, (32,)."""
        total: Floats = self.groups.sum(axis=0)
        return total

    @cached_property
    def weights(self) -> Floats:
        """Σw by cell, (c,)."""
        total: Floats = self.groups.sum(axis=1)
        return total

    @cached_property
    def effective(self) -> float:
        """How many equally weighted rows all cells together are worth."""
        return effective_rows_of_all(float(self.groups.sum()), float(self.squared.sum()))

    def share_of(self, chosen: Sequence[int]) -> Weighted:
        """Return some cells against all of them, as one share."""
        one_cell = len(chosen) == 1
        part = self.groups[chosen[0]] if one_cell else self.groups[list(chosen)].sum(axis=0)
        return Weighted(part, self.whole, self.effective)

    def mean(self) -> Weighted:
        """Return Σw·x against Σw."""
        return Weighted(self.values.sum(axis=0), self.whole, self.effective)


@dataclass(frozen=True, eq=False)
class Distribution:
    """How one subject is spread over its cells in one slice, in both periods."""

    slice_name: str
    subject: str
    cells: tuple[str, ...]
    reference: Sums
    window: Sums

    @cached_property
    def slice(self) -> dict[str, str]:
        """The slice as a mapping, {} for everything.

        >>> slice_of("source=supplier-3")
        {'source': 'supplier-3'}
        """
        return slice_of(self.slice_name)

    def places_of(self, *cells: str) -> list[int]:
        """Return the places of the named cells; a missing one is left out."""
        return [place for place, cell in enumerate(self.cells) if cell in cells]

    def share_of(self, places: Sequence[int]) -> tuple[Weighted, Weighted]:
        """Return the share of the cells at some places, in the reference and in the window."""
        return self.reference.share_of(places), self.window.share_of(places)

    def only(self, *cells: str) -> Distribution:
        """Return the same subject over some of its cells."""
        places = self.places_of(*cells)
        kept = tuple(self.cells[place] for place in places)
        parts = (_take(sums, places) for sums in (self.reference, self.window))
        return Distribution(self.slice_name, self.subject, kept, *parts)

    def with_window_of(self, other: Distribution) -> Distribution:
        """Return the other's window, named as it is, against this one's reference."""
        cells = tuple(sorted({*self.cells, *other.cells}, key=numbers_first))
        return Distribution(
            other.slice_name,
            self.subject,
            cells,
            _take(self.reference, [_place(self.cells, cell) for cell in cells]),
            _take(other.window, [_place(other.cells, cell) for cell in cells]),
        )

    def is_supported(self, least_rows: float) -> bool:
        """Tell whether both periods are worth so many rows."""
        return min(self.reference.effective, self.window.effective) >= least_rows


def slice_of(name: str) -> dict[str, str]:
    """Return a slice's name as a mapping: 'all' is {}, 'source=a' is {'source': 'a'}."""
    dimension, _, value = name.partition("=")
    return {} if name == EVERYTHING else {dimension: value}


def read_distributions(
    rows: Iterable[Row], *, reference: PackedSums | None = None
) -> list[Distribution]:
    """Read an audit's answer, one distribution per slice and subject, in order of appearance.

    Cells that only one period has are zero in the other. Numeric cells ('0', '1', …) come in
    numeric order, the others by name after them. reference: what was read of a kept one, in
    place of the reference that the rows tell.

    Raises: BadData when a row is not of the shape that detection.sql asks for.
    """
    told: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        told[row.get("period")].append(row)
    before = read_packed(told["reference"]) if reference is None else reference
    now = read_packed(told["window"])
    if not before.has_all_of(now):
        before = before.joined_with(now)
    return list(_distributions(before, now.laid_out_as(before)))


def _distributions(reference: PackedSums, window: PackedSums) -> Iterator[Distribution]:
    for (slice_name, subject), span in reference.spans.items():
        sums = (_part_of(block, span) for block in (reference, window))
        yield Distribution(slice_name, subject, span.cells, *sums)


def _part_of(block: PackedSums, span: Span) -> Sums:
    scalars = block.scalars[:, span.start : span.stop]
    groups = block.groups[:, span.start : span.stop]
    return Sums(scalars[0], scalars[1], scalars[2], groups[0], groups[1])


def read_edges(rows: Iterable[Row]) -> dict[str, tuple[float, ...]]:
    """Return the bin edges, by subject, that an answer tells. Raises: BadData."""
    told = [row for row in rows if row.get("period") == EDGES]
    try:
        return {
            str(row["label"]).partition("=")[0]: tuple(map(float, str(row["groups"]).split()))
            for row in told
        }
    except (KeyError, ValueError) as error:
        raise BadData(f"an audit told edges that are no numbers: {error}") from error


def _place(cells: tuple[str, ...], cell: str) -> int | None:
    return cells.index(cell) if cell in cells else None


def _take(sums: Sums, places: Sequence[int | None]) -> Sums:
    """Return the sums of some cells; None is a cell without rows."""
    index = np.array([-1 if place is None else place for place in places], dtype=np.intp)
    padded = (
        np.concatenate([part, np.zeros((1, *part.shape[1:]))])
        for part in (sums.rows, sums.squared, sums.spread, sums.groups, sums.values)
    )
    return Sums(*(part[index] for part in padded))
