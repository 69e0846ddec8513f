"""Many ids at once find the rows that a dictionary gives for each."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from recsysops.model import row_finder
from recsysops.model.row_finder import FEW_IDS, RowFinder

MANY = [f"i{number:07d}" for number in range(3 * FEW_IDS)]
# ids share long beginnings, so that some are equal in their first eight characters
IDS = st.text(alphabet="ab:", min_size=1, max_size=20).map(lambda end: f"item{end}")


def _rows(known: list[str], asked: list[str]) -> list[int]:
    finder = RowFinder()
    rows = finder.find(asked, {one: row for row, one in enumerate(known)})
    assert rows.dtype == np.intp
    return rows.tolist()


def test_a_long_list_finds_its_rows_in_its_own_order() -> None:
    asked = [*reversed(MANY), "nobody", MANY[3]]
    assert _rows(MANY, asked) == [*reversed(range(len(MANY))), -1, 3]


def test_a_short_list_needs_no_table() -> None:
    finder = RowFinder()
    assert finder.find(["b", "x"], {"a": 0, "b": 1}).tolist() == [1, -1]
    assert finder._table is None


@given(known=st.sets(IDS, max_size=200), others=st.lists(IDS, max_size=60))
def test_the_answer_is_the_dictionarys(known: set[str], others: list[str]) -> None:
    ids = sorted(known)
    asked = [*others, *ids, *MANY]
    row_of = {one: row for row, one in enumerate(ids)}
    assert _rows(ids, asked) == [row_of.get(one, -1) for one in asked]


def test_items_that_share_a_slot_are_all_found(monkeypatch) -> None:
    monkeypatch.setattr(row_finder, "_hash", lambda words: np.zeros(len(words), np.uint64))
    assert _rows(MANY, MANY) == list(range(len(MANY)))


def test_ids_longer_than_any_item_are_unknown() -> None:
    assert _rows(MANY, [MANY[0] + "x" * 8] * 2 * FEW_IDS) == [-1] * 2 * FEW_IDS


def test_ids_beyond_ascii_are_found_on_either_side() -> None:
    assert _rows(["ä", *MANY], [*MANY, "ä"]) == [*range(1, len(MANY) + 1), 0]
    assert _rows(MANY, [*MANY, "ä"])[-1] == -1


def test_no_items_know_nobody() -> None:
    assert _rows([], MANY) == [-1] * len(MANY)


def test_the_table_is_made_once_for_the_same_items() -> None:
    finder, row_of = RowFinder(), {one: row for row, one in enumerate(MANY)}
    first = finder.prepare(row_of)
    finder.find(MANY, row_of)
    assert finder.prepare(row_of) is first
    # equal, but another: rows may have moved
    moved = {one: row for row, one in enumerate(reversed(MANY))}
    assert finder.find(MANY, moved).tolist() == [*reversed(range(len(MANY)))]
