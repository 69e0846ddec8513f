"""A table's columns as counts by cell and hash group: small, frozen, and all that judging needs.

A profile of 100,000 rows x 50 columns is some hundred kilobytes of JSON. It is made once of a
reference and compared with any number of later tables, whose rows are binned by its edges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from recsysops.detection.cells import EVERYTHING, Distribution, Sums
from recsysops.detection.sql import QUANTILE_BINS
from recsysops.errors import BadInput
from recsysops.statistics.student import Floats
from recsysops.vocabulary import HASH_GROUPS

Codes = NDArray[np.intp]
Kind = Literal["number", "category"]

REPEATED_VALUES = 16
"""So many of a number's most repeated values are counted on their own."""
CATEGORIES = 200
"""So many of a reference's most common categories are; the rest is one cell, 'rare'."""
MISSING, INFINITE, RARE, UNSEEN = "null", "infinite", "rare", "unseen"
ZERO, SPIKE, OTHER = "zero", "spike", "other"


@dataclass(frozen=True, slots=True, eq=False)
class NumberColumn:
    """Numbers (n,); NaN is missing."""

    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class CategoryColumn:
    """Places (n,) in `labels`; -1 is missing."""

    codes: Codes
    labels: tuple[str, ...]


Column = NumberColumn | CategoryColumn


class ColumnProfile(BaseModel):
    """One column of a reference.

    edges: inner quantiles of a number's bins, ascending and distinct. counts: cell → rows by
    hash group: a number's bins '0'…, 'null', 'infinite'; a category's labels, 'null', 'rare'.
    repeated: a number's most repeated values → rows by hash group, most first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    kind: Kind
    edges: tuple[float, ...] = ()
    counts: dict[str, tuple[int, ...]]
    repeated: dict[float, tuple[int, ...]] = {}

    @property
    def rows(self) -> int:
        """Rows of the table that was profiled."""
        return sum(map(sum, self.counts.values()))


class TableProfile(BaseModel):
    """A frozen reference: every column of one table by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, ColumnProfile]


def deal_groups(rows: int) -> Codes:
    """Return hash groups for rows that are independent of one another: dealt like cards."""
    return np.arange(rows, dtype=np.intp) % HASH_GROUPS


def profile_table(columns: Mapping[str, Column], *, groups: Codes) -> TableProfile:
    """Count a reference. Raises: BadInput when a column is of another length than `groups`."""
    return TableProfile(
        columns={
            name: _profile(_checked(name, column, groups), groups)
            for name, column in columns.items()
        }
    )


@dataclass(frozen=True, slots=True, eq=False)
class ColumnComparison:
    """One column in both tables.

    cells: bins or categories. repeated: of a number, the rows that are zero, that hold the later
    table's most repeated value ('spike'), and all 'other' ones.
    """

    name: str
    kind: Kind
    cells: Distribution
    repeated: Distribution | None = None
    spike: float | None = None


def compare_with_profile(
    profile: TableProfile, columns: Mapping[str, Column], *, groups: Codes
) -> list[ColumnComparison]:
    """Bin a later table by the reference's edges; columns of one side only are left out.

    Raises: BadInput when a column is of another length than `groups`.
    """
    return [
        _compare(name, before, _checked(name, columns[name], groups), groups)
        for name, before in profile.columns.items()
        if name in columns and kind_of(columns[name]) == before.kind
    ]


def kind_of(column: Column) -> Kind:
    """Return 'number' or 'category'."""
    return "number" if isinstance(column, NumberColumn) else "category"


def as_kind(column: Column, kind: Kind) -> Column:
    """Return a column without any value as one of this kind, any other as it is.

    A file tells no type of a column that holds nothing, and readers call it text.
    """
    if kind_of(column) == kind:
        return column
    if isinstance(column, CategoryColumn):
        return (
            column
            if (column.codes >= 0).any()
            else NumberColumn(np.full(len(column.codes), np.nan))
        )
    return (
        column
        if not np.isnan(column.values).all()
        else CategoryColumn(np.full(len(column.values), -1, np.intp), ())
    )


def _checked(name: str, column: Column, groups: Codes) -> Column:
    rows = len(column.values if isinstance(column, NumberColumn) else column.codes)
    if rows != len(groups):
        raise BadInput(f"column {name!r} has {rows} rows, the table {len(groups)}")
    return column


def _profile(column: Column, groups: Codes) -> ColumnProfile:
    if isinstance(column, CategoryColumn):
        known = _common_labels(column)
        blank = ColumnProfile(kind="category", counts=dict.fromkeys(known, ()))
        return blank.model_copy(update={"counts": _count(column, groups, blank, otherwise=RARE)})
    ordered = np.sort(column.values[np.isfinite(column.values)])
    edges = _quantile_edges(ordered)
    blank = ColumnProfile(kind="number", edges=edges, counts={})
    return ColumnProfile(
        kind="number",
        edges=edges,
        counts=_count(column, groups, blank),
        repeated={
            value: _by_group(groups[column.values == value])
            for value in _most_repeated(ordered, REPEATED_VALUES)
        },
    )


def _quantile_edges(ordered: Floats) -> tuple[float, ...]:
    """Return distinct inner quantiles: a value that fills several bins leaves one edge."""
    if not len(ordered):
        return ()
    places = (np.arange(1, QUANTILE_BINS) * len(ordered)) // QUANTILE_BINS
    return tuple(np.unique(ordered[places]).tolist())


def _count(
    column: Column, groups: Codes, like: ColumnProfile, *, otherwise: str = UNSEEN
) -> dict[str, tuple[int, ...]]:
    if isinstance(column, CategoryColumn):
        return _count_categories(column, groups, like, otherwise)
    return _count_bins(column.values, groups, np.asarray(like.edges))


def _count_bins(values: Floats, groups: Codes, edges: Floats) -> dict[str, tuple[int, ...]]:
    bins = len(edges) + 1
    places = np.searchsorted(edges, values, side="right")
    places[np.isnan(values)] = bins
    places[np.isinf(values)] = bins + 1
    table = _cross_count(places, groups, bins + 2)
    named = [*map(str, range(bins)), MISSING, INFINITE]
    return dict(zip(named, map(tuple, table.tolist()), strict=True))


def _count_categories(
    column: CategoryColumn, groups: Codes, like: ColumnProfile, otherwise: str
) -> dict[str, tuple[int, ...]]:
    named = [name for name in like.counts if name not in (MISSING, RARE)]
    place_of = {label: place for place, label in enumerate(named)}
    # a label that the reference counted among its rare ones cannot be told from an unseen one
    other = RARE if RARE in like.counts else otherwise
    mapped = np.array(
        [place_of.get(label, len(named) + 1) for label in column.labels] + [len(named)]
    )
    table = _cross_count(mapped[column.codes], groups, len(named) + 2)
    counted = dict(zip([*named, MISSING, other], map(tuple, table.tolist()), strict=True))
    return {name: row for name, row in counted.items() if name in like.counts or any(row)}


def _common_labels(column: CategoryColumn) -> list[str]:
    rows = np.bincount(column.codes[column.codes >= 0], minlength=len(column.labels))
    counted = Counter(dict(zip(column.labels, rows.tolist(), strict=True)))
    return [label for label, count in counted.most_common(CATEGORIES) if count]


def _cross_count(places: Codes, groups: Codes, cells: int) -> NDArray[np.intp]:
    flat = np.bincount(places * HASH_GROUPS + groups, minlength=cells * HASH_GROUPS)
    return flat.reshape(cells, HASH_GROUPS)


def _by_group(groups: Codes) -> tuple[int, ...]:
    return tuple(np.bincount(groups, minlength=HASH_GROUPS).tolist())


def _most_repeated(ordered: Floats, most: int) -> list[float]:
    """Return values that occur more than once, most often first."""
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
    lengths = np.diff(starts, append=len(ordered))
    repeated = np.flatnonzero(lengths > 1)
    best = repeated[np.argsort(-lengths[repeated], kind="stable")[:most]]
    found: list[float] = ordered[starts[best]].tolist()
    return found


def _compare(name: str, before: ColumnProfile, now: Column, groups: Codes) -> ColumnComparison:
    cells = _distribution(name, before.counts, _count(now, groups, before))
    if isinstance(now, CategoryColumn):
        return ColumnComparison(name, "category", cells)
    spikes = _most_repeated(np.sort(now.values[np.isfinite(now.values) & (now.values != 0.0)]), 1)
    spike = spikes[0] if spikes else None
    return ColumnComparison(
        name,
        "number",
        cells,
        repeated=_distribution(
            name, _repeated_before(before, spike), _repeated_now(now.values, groups, spike)
        ),
        spike=spike,
    )


def _repeated_before(before: ColumnProfile, spike: float | None) -> dict[str, Sequence[int]]:
    """Count zeros and the spike in the reference.

    A value that is not among its most repeated ones counts as often as the least of them: at
    most that, so that an alarm can only become rarer.
    """
    least = list(before.repeated.values())[-1] if len(before.repeated) == REPEATED_VALUES else ()
    counts = {
        ZERO: before.repeated.get(0.0, ()),
        SPIKE: () if spike is None else before.repeated.get(spike, least),
    }
    return {**counts, OTHER: _rest(list(before.counts.values()), list(counts.values()))}


def _repeated_now(values: Floats, groups: Codes, spike: float | None) -> dict[str, Sequence[int]]:
    counts = {
        ZERO: _by_group(groups[values == 0.0]),
        SPIKE: () if spike is None else _by_group(groups[values == spike]),
    }
    return {**counts, OTHER: _rest([_by_group(groups)], list(counts.values()))}


def _rest(everything: Sequence[Sequence[int]], parts: Sequence[Sequence[int]]) -> Sequence[int]:
    total = np.sum([_filled(row) for row in everything], axis=0)
    taken = np.sum([_filled(row) for row in parts], axis=0)
    rest: list[int] = np.maximum(total - taken, 0).tolist()
    return rest


def _distribution(
    name: str, before: Mapping[str, Sequence[int]], now: Mapping[str, Sequence[int]]
) -> Distribution:
    cells = (*before, *(cell for cell in now if cell not in before))
    return Distribution(
        EVERYTHING,
        name,
        cells,
        *(_sums([side.get(cell, ()) for cell in cells]) for side in (before, now)),
    )


def _sums(rows: Sequence[Sequence[int]]) -> Sums:
    groups = np.array([_filled(row) for row in rows], np.float64)
    totals = groups.sum(axis=1)
    nothing = np.zeros_like(groups)
    return Sums(rows=totals, squared=totals, spread=nothing[:, 0], groups=groups, values=nothing)


def _filled(row: Sequence[int]) -> Sequence[int]:
    return row or (0,) * HASH_GROUPS
