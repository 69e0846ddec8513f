"""Tables of the gauntlet as columns: one numpy array per name, rows along the first axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import BadInput

Column: TypeAlias = NDArray[Any]
"""Texts and nullable values are objects (None is null); a list column has a second axis."""

Columns: TypeAlias = dict[str, Column]
Floats: TypeAlias = NDArray[np.float64]
Vectors: TypeAlias = NDArray[np.float32]
Rows: TypeAlias = NDArray[np.intp]
Mask: TypeAlias = NDArray[np.bool_]


def count_rows(columns: Columns) -> int:
    """Return how many rows the columns have, 0 without any column."""
    return len(next(iter(columns.values()), ()))


def take_rows(columns: Columns, rows: Rows | Mask) -> Columns:
    """Return the chosen rows of every column."""
    return {name: column[rows] for name, column in columns.items()}


def as_texts(names: Sequence[str | None]) -> Column:
    """Return a column of texts that can be indexed by codes."""
    texts = np.empty(len(names), dtype=object)
    texts[:] = names
    return texts


def choose_texts(chosen: Mask, yes: str | None, no: str | None) -> Column:
    """Return one of two texts per row."""
    return as_texts([no, yes])[chosen.astype(np.intp)]


def number_texts(prefix: str, count: int) -> Column:
    """Return the texts prefix0, prefix1, …"""
    return as_texts(list(map(prefix.__add__, map(str, range(count)))))


def as_lists(values: Sequence[Sequence[str]]) -> Column:
    """Return a column whose entries are tuples of texts, of any length."""
    lists = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        lists[row] = tuple(value)
    return lists


def match_rows(columns: Columns, where: Mapping[str, str | bool]) -> Mask:
    """Return which rows have all the named values; a list column matches what it contains.

    Raises: BadInput naming a column that the table lacks.
    """
    chosen = np.ones(count_rows(columns), dtype=np.bool_)
    for name, value in where.items():
        if name not in columns:
            raise BadInput(f"no column {name!r} to choose rows by; there are {sorted(columns)}")
        column = columns[name]
        if len(column) and isinstance(column[0], tuple):
            chosen &= np.array([value in entry for entry in column], dtype=np.bool_)
        else:
            chosen &= np.asarray(column == value, dtype=np.bool_)
    return chosen
