"""Reads rows of packed sums into one block of arrays, subjects side by side, each parsed once."""

from __future__ import annotations

import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic_core import from_json

from recsysops.errors import BadData
from recsysops.ports import Row
from recsysops.statistics.student import Floats
from recsysops.vocabulary import HASH_GROUPS

Name = tuple[str, str]
"""Slice and subject."""
_SCALARS = ("n", "ww", "wxx")
_NO_MARKS: Final = bytes(set(range(256)) - set(b": \n"))
_AS_COMMAS: Final = bytes.maketrans(b": \n", b",,,")
_PARTS: Final = b":: " * HASH_GROUPS
"""The marks of a row with all groups; of one with fewer it is the beginning."""
_INFINITE: Final = re.compile(r":-?(inf|nan)\b")
_NOT_FINITE: Final = "audit sums hold infinite or missing numbers"
_NUMBERS: Final = frozenset((int, float))
_MISSHAPEN: Final = (KeyError, ValueError, IndexError)


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

    spans: slices and subjects in order of appearance. scalars: (3, c) counts, Σw² and Σw·x².
    groups: (2, c, 32) Σw and Σw·x by hash group.
    """

    spans: Mapping[Name, Span]
    scalars: Floats
    groups: Floats

    def has_all_of(self, other: PackedSums) -> bool:
        """Tell whether every cell of the other's is one of these."""
        return all(
            name in self.spans and set(span.cells) <= set(self.spans[name].cells)
            for name, span in other.spans.items()
        )

    def laid_out_as(self, other: PackedSums) -> PackedSums:
        """Return these sums in the other's places; cells without rows are zero.

        `other` must have all of these cells.
        """
        return self._moved(other.spans)

    def joined_with(self, other: PackedSums) -> PackedSums:
        """Return these sums with zeros for the cells that only the other has."""
        both = {name: span.cells for name, span in self.spans.items()}
        for name, span in other.spans.items():
            both[name] = _with_cells(both.get(name, ()), span.cells)
        return self._moved(_lay_out(both))

    def _moved(self, spans: Mapping[Name, Span]) -> PackedSums:
        count = sum(len(span.cells) for span in spans.values())
        scalars = np.zeros((len(_SCALARS), count))
        groups = np.zeros((2, count, HASH_GROUPS))
        for name, span in self.spans.items():
            at = _places_of(span.cells, spans[name])
            here = slice(span.start, span.stop)
            scalars[:, at], groups[:, at] = self.scalars[:, here], self.groups[:, here]
        return PackedSums(spans, scalars, groups)


def add_up(parts: Sequence[PackedSums]) -> PackedSums:
    """Return the sums of stretches that share no row, as those of all of them."""
    together = PackedSums(_lay_out({}), np.zeros((len(_SCALARS), 0)), np.zeros((2, 0, HASH_GROUPS)))
    for part in parts:
        grown = together.joined_with(part)
        added = part.laid_out_as(grown)
        together = PackedSums(
            grown.spans, grown.scalars + added.scalars, grown.groups + added.groups
        )
    return together


def tell_packed(sums: PackedSums, *, period: str) -> list[Row]:
    """Return sums as the rows that an audit's SQL would tell them in."""
    return [
        {
            "period": period,
            "slice": slice_name,
            "label": f"{subject}={cell}",
            "n": int(sums.scalars[0, place]),
            "ww": float(sums.scalars[1, place]),
            "wxx": float(sums.scalars[2, place]),
            "groups": _pack(sums.groups[:, place]),
        }
        for (slice_name, subject), span in sums.spans.items()
        for place, cell in enumerate(span.cells, span.start)
    ]


def _pack(groups: Floats) -> str:
    filled = np.flatnonzero(groups.any(axis=0)) if groups.any() else np.zeros(1, np.intp)
    parts = zip(filled.tolist(), *groups[:, filled].tolist(), strict=True)
    return " ".join(f"{group}:{weight!r}:{value!r}" for group, weight, value in parts)


def read_packed(rows: Iterable[Row]) -> PackedSums:
    """Read the rows of one period; of rows about the same cell the last one counts.

    Numeric cells ('0', '1', …) come in numeric order, the others by name after them.

    Raises: BadData when a row is not of the shape that detection.sql asks for.
    """
    found: dict[Name, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        subject, _, cell = str(row.get("label")).partition("=")
        found[str(row.get("slice")), subject][cell] = row
    spans = _lay_out({name: sorted(mine, key=numbers_first) for name, mine in found.items()})
    ordered = [found[name][cell] for name, span in spans.items() for cell in span.cells]
    return PackedSums(spans, *_unpack(ordered))


def _lay_out(cells: Mapping[Name, Iterable[str]]) -> dict[Name, Span]:
    """Put spans of sorted cells one after the other."""
    spans: dict[Name, Span] = {}
    start = 0
    for name, mine in cells.items():
        spans[name] = Span(tuple(mine), start)
        start = spans[name].stop
    return spans


def _with_cells(cells: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """Return sorted cells with those of the others that are missing, few as a rule."""
    known, joined = set(cells), list(cells)
    for cell in others:
        if cell not in known:
            joined.insert(bisect(joined, numbers_first(cell), key=numbers_first), cell)
    return cells if len(joined) == len(cells) else tuple(joined)


def _places_of(cells: tuple[str, ...], span: Span) -> slice | list[int]:
    """Return where cells stand in a span that has all of them."""
    if cells == span.cells:
        return slice(span.start, span.stop)
    place_of = {cell: place for place, cell in enumerate(span.cells, span.start)}
    return [place_of[cell] for cell in cells]


def numbers_first(cell: str) -> tuple[int, int, str]:
    """Return the sort key of a cell: numbers in numeric order, then names."""
    return (0, int(cell), "") if cell.isdecimal() else (1, 0, cell)


def _unpack(rows: Sequence[Row]) -> tuple[Floats, Floats]:
    try:
        scalars, groups = _unpack_all(rows)
    except _MISSHAPEN:
        for row in rows:
            _refuse_misshapen(row)
        raise
    if not np.isfinite(groups).all():
        raise BadData(_NOT_FINITE)
    return scalars, groups


def _refuse_misshapen(row: Row) -> None:
    try:
        _unpack_all([row])
    except _MISSHAPEN as error:
        if _INFINITE.search(str(row.get("groups"))):  # as the laptop's engine spells it: no JSON
            raise BadData(_NOT_FINITE) from error
        raise BadData(f"audit row {dict(row)} is not of the expected shape: {error}") from error


def _unpack_all(rows: Sequence[Row]) -> tuple[Floats, Floats]:
    """Read 'group:weight:value …' of all rows at once. Raises: what `_MISSHAPEN` names."""
    scalars = np.array([[float(str(row[name])) for row in rows] for name in _SCALARS])
    packed = [str(row["groups"]) for row in rows]
    counts = [text.count(" ") + 1 for text in packed]
    together = "\n".join(packed).encode()
    # a million parts a week: their shape is what is left when all but the marks is taken out
    if together.translate(None, _NO_MARKS) != b"\n".join(_PARTS[: 3 * n - 1] for n in counts):
        raise ValueError("groups are not 'group:weight:value'")
    # as one JSON list a third of the time of float() part by part, to the same last bit
    told = from_json(b"[" + together.translate(_AS_COMMAS) + b"]")
    if not _NUMBERS.issuperset(map(type, told)):
        raise ValueError("groups hold what is no number")
    numbers = np.fromiter(told, np.float64, len(told)).reshape(sum(counts), 3)
    chosen = numbers[:, 0].astype(np.intp)
    if not (chosen == numbers[:, 0]).all() or (chosen < 0).any():
        raise ValueError("groups are not numbered")
    groups = np.zeros((2, len(rows), HASH_GROUPS))
    groups[:, np.repeat(np.arange(len(rows)), counts), chosen] = numbers[:, 1:].T
    return scalars.reshape(len(_SCALARS), len(rows)), groups
