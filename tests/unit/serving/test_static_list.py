"""The stored list that is shown when nothing can be loaded."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import ArtefactError
from recsysops.serving.static_list import (
    LIST_LENGTH,
    StaticList,
    dump_static_list,
    fill_static_slate,
    most_popular,
    packaged_list,
    parse_static_list,
)

item_ids = st.lists(st.from_regex(r"i[0-9]{1,4}", fullmatch=True), min_size=1, unique=True)


def shown(listed: list[str], **asked: object) -> list[str]:
    given = {"limit": 10, "candidates": (), "excluded": (), **asked}
    slate = fill_static_slate(StaticList("static_list", "d-1", tuple(listed)), **given)  # type: ignore[arg-type]
    assert [item.position for item in slate] == list(range(1, len(slate) + 1))
    return [item.item_id for item in slate]


def test_the_most_popular_eligible_items_come_first_and_ties_by_id() -> None:
    listed = most_popular(
        ["a", "b", "c", "d"], np.array([1.0, 3.0, 1.0, 9.0]), np.array([True, True, True, False])
    )
    assert listed == ("b", "a", "c")


def test_a_list_has_its_length_and_no_more() -> None:
    many = [f"i{n:04d}" for n in range(LIST_LENGTH + 5)]
    everything = np.ones(len(many), dtype=bool)
    assert len(most_popular(many, np.zeros(len(many)), everything)) == LIST_LENGTH


@given(item_ids)
def test_a_list_reads_back_as_written(listed: list[str]) -> None:
    body = dump_static_list("d-1", listed)
    assert parse_static_list(body, delta_id="d-1") == StaticList(
        "static_list", "d-1", tuple(listed)
    )


GOOD = json.loads(dump_static_list("d-1", ["a", "b"]))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        json.dumps({**GOOD, "item_ids": []}).encode(),
        json.dumps({**GOOD, "item_ids": ["a", "c"]}).encode(),
        json.dumps({**GOOD, "item_ids": ["a", "../c"]}).encode(),
        json.dumps({**GOOD, "delta_id": "d-2"}).encode(),
        dump_static_list("d-2", ["a"]),
    ],
)
def test_a_garbled_list_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(ArtefactError) as refusal:
        parse_static_list(body, delta_id="d-1")
    assert "\n" not in str(refusal.value)


@given(item_ids, st.sets(st.sampled_from([f"i{n}" for n in range(30)])), st.integers(1, 50))
def test_a_slate_never_shows_what_is_excluded_and_never_repeats(
    listed: list[str], excluded: set[str], limit: int
) -> None:
    slate = shown(listed, excluded=excluded, limit=limit)
    assert slate == [item_id for item_id in listed if item_id not in excluded][:limit]
    assert len(set(slate)) == len(slate) <= limit


def test_given_candidates_come_in_the_lists_order_then_in_the_callers() -> None:
    assert shown(["a", "b", "c"], candidates=["x", "c", "a", "x"]) == ["a", "c", "x"]


def test_the_packaged_list_is_whole_and_needs_no_service() -> None:
    packaged = packaged_list()
    assert (packaged.origin, packaged.delta_id) == ("packaged_list", "")
    assert len(set(packaged.item_ids)) == LIST_LENGTH
