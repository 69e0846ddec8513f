from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.model.interactions import Interactions, columns_of, make_interactions, moment_of
from recsysops.vocabulary import Interaction

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def rows_of(*triples: tuple[str, str, float]) -> Interactions:
    return make_interactions(
        members=[member for member, _, _ in triples],
        items=[item for _, item, _ in triples],
        times=np.array([time for _, _, time in triples], dtype=np.float64),
        values=np.ones(len(triples), dtype=np.float32),
    )


def test_rows_ascend_by_time_then_member_then_item() -> None:
    rows = rows_of(("b", "2", 5.0), ("a", "10", 5.0), ("a", "1", 5.0), ("c", "2", 1.0))
    assert [rows.member_ids[code] for code in rows.members] == ["c", "a", "a", "b"]
    assert [rows.item_ids[code] for code in rows.items] == ["2", "1", "10", "2"]


def test_before_leaves_out_the_moment_itself() -> None:
    rows = columns_of([Interaction("a", "1", moment, 1.0) for moment in (NOON, moment_of(1.0))])
    assert rows.before(NOON).times.tolist() == [1.0]
    assert len(rows.before(NOON.timestamp() + 1e-3)) == 2


def test_columns_cannot_be_written() -> None:
    rows = rows_of(("a", "1", 1.0), ("b", "2", 2.0))
    for column in (rows.members, rows.items, rows.times, rows.take(np.array([0])).values):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0


def test_items_that_nobody_chose_can_be_known() -> None:
    rows = columns_of([Interaction("a", "5", NOON, 1.0)], item_ids=("1", "9"))
    assert rows.item_ids == ("1", "5", "9")
    assert rows.items.tolist() == [1]


def test_no_rows_are_fine() -> None:
    rows = columns_of([])
    assert len(rows) == 0
    assert len(rows.before(NOON)) == 0


@given(st.permutations([("a", "1", 3.0), ("b", "2", 2.0), ("a", "2", 2.0), ("c", "3", 9.0)]))
def test_the_order_of_the_file_does_not_change_the_hash(
    triples: list[tuple[str, str, float]],
) -> None:
    straight = rows_of(("a", "1", 3.0), ("b", "2", 2.0), ("a", "2", 2.0), ("c", "3", 9.0))
    assert rows_of(*triples).content_hash == straight.content_hash


@pytest.mark.parametrize(
    "changed", [("a", "1", 3.5), ("a", "3", 3.0), ("c", "1", 3.0)], ids=["time", "item", "member"]
)
def test_any_other_row_changes_the_hash(changed: tuple[str, str, float]) -> None:
    same = [("b", "2", 2.0), ("c", "3", 9.0)]
    assert rows_of(("a", "1", 3.0), *same).content_hash != rows_of(changed, *same).content_hash
