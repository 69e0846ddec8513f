from __future__ import annotations

from collections.abc import Sequence

import pytest
from recsysops.model.lazy_items import LazyItems

ROWS = [["a", 1], ["b", 2], ["c", 3]]


def counting() -> tuple[LazyItems[str], list[object]]:
    made: list[object] = []

    def make(row: Sequence[object]) -> str:
        made.append(row[0])
        return f"{row[0]}{row[1]}"

    return LazyItems(ROWS, make), made


def test_an_item_is_made_once_and_only_when_it_is_looked_at() -> None:
    items, made = counting()
    assert (len(items), made) == (3, [])
    assert (items[1], items[1], made) == ("b2", "b2", ["b"])
    assert list(items) == ["a1", "b2", "c3"]
    assert made == ["b", "a", "c"]


def test_it_is_a_sequence_like_any_other() -> None:
    items, _ = counting()
    assert items[1:] == ("b2", "c3")
    assert items[-1] == "c3"
    assert items == ("a1", "b2", "c3") == items
    assert items != ("a1", "b2")
    assert items != "a1"
    assert items.index("c3") == 2
    with pytest.raises(IndexError):
        items[3]
