"""A home page: rows from one request, no item twice, replayed bit for bit from one record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.model.delta import POINTER_KEY
from recsysops.request_log.digest import digest_inputs
from recsysops.serving.home_api import HomeParameters, HomeResponse
from recsysops.serving.similar import SimilarityIndexes
from recsysops.vocabulary import FlagDocument, Member
from recsysops.workflows.replay_requests import replay_requests
from recsysops.workflows.serve_home import serve_home

from tests.fakes.served_world import NOW, ServedWorld, make_world
from tests.fakes.small_catalogue import make_hotfix

WORLD = make_world(60)


def show(world: ServedWorld, member_id: str = "m1", **asked: Any) -> HomeResponse:
    return serve_home(
        HomeParameters(member_id=member_id, limit=asked.pop("limit", 5)),
        request_id=asked.pop("request_id", "r-1"),
        ports=world.ports,
        indexes=SimilarityIndexes(),
        now=NOW,
    )


def items_of(page: HomeResponse) -> list[str]:
    return [item.item_id for row in page.rows for item in row.items]


def test_a_known_members_page_has_every_row_in_order() -> None:
    page = show(make_world())
    assert [row.name for row in page.rows] == [
        "top_picks", "because_you_watched", "launches", "trending",
    ]  # fmt: skip
    assert [len(row.items) for row in page.rows] == [5, 5, 1, 5]
    for row in page.rows:
        assert [item.position for item in row.items] == list(range(1, len(row.items) + 1))


@given(
    request_id=st.text("abcdef0123456789", min_size=1, max_size=12),
    limit=st.integers(1, 20),
    seen=st.lists(
        st.sampled_from([item.item_id for item in WORLD.items]), max_size=60, unique=True
    ),
    is_cold=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_no_item_stands_on_a_page_twice_and_none_that_was_seen(
    request_id: str, limit: int, seen: list[str], is_cold: bool
) -> None:
    known = WORLD.members.get("m1")
    assert known is not None
    member = Member("m9", {} if is_cold else known.vectors, tuple(seen), "salt")
    WORLD.members.put_many([member])
    page = show(WORLD, "m9", limit=limit, request_id=request_id)
    shown = items_of(page)
    assert len(shown) == len(set(shown))
    assert not set(shown) & set(seen)
    assert all(len(row.items) <= limit for row in page.rows)


def test_the_row_about_an_item_names_the_last_one_watched() -> None:
    world = make_world()
    member = world.members.get("m1")
    assert member is not None
    world.members.put_many([replace(member, seen=("i0003", "i0050", "gone"))])
    (row,) = [row for row in show(world).rows if row.name == "because_you_watched"]
    assert row.because_of == "i0050"
    assert [item.score for item in row.items] == sorted(
        (item.score for item in row.items), reverse=True
    )


def test_nobody_knows_what_a_stranger_watched() -> None:
    page = show(make_world(), "never-seen")
    assert [row.name for row in page.rows] == ["top_picks", "launches", "trending"]
    assert page.status == "fallback"


def test_a_blocked_item_is_in_no_row() -> None:
    world = make_world()
    blocked = [row.items[0].item_id for row in show(world).rows]
    lasting = NOW + timedelta(days=1)
    block = make_hotfix("block_items", {"item_ids": blocked}, expires_at=lasting)
    world.flags.document = FlagDocument(version="v", hotfixes=(block,))
    assert not set(blocked) & set(items_of(show(world)))


def test_a_page_is_one_request_of_surface_home_whose_slate_is_the_first_row() -> None:
    world = make_world()
    page = show(world)
    ((slim,), (full,)) = world.slim(), world.full()
    assert (slim.surface, slim.request_id) == ("home", "r-1")
    assert slim.shown == full.shown == [item.item_id for item in page.rows[0].items]
    assert [*slim.shown, *slim.row_items] == items_of(page)
    assert slim.row_names == full.row_names
    assert set(slim.row_names) == {"because_you_watched", "launches", "trending"}
    assert full.layout == "home-1"


@pytest.mark.parametrize("member_id", ["m1", "m2", "never-seen"])
def test_every_row_is_replayed_bit_for_bit(member_id: str) -> None:
    world = make_world()
    for number in range(30):  # some of them explore
        show(world, member_id, request_id=f"r-{number}")
    assert replay_requests(world.full(), cache=world.cache).count("bit_equal") == 30


def test_a_page_that_was_not_shown_like_this_is_told() -> None:
    world = make_world()
    show(world)
    (record,) = world.full()
    other = record.model_copy(update={"row_items": record.row_items[::-1]})
    (replayed,) = replay_requests([other], cache=world.cache).requests
    assert replayed.outcome == "different"
    assert replayed.verdict is not None
    assert replayed.verdict.differences == ("rows",)


def test_the_layout_is_an_input_and_an_unknown_one_is_refused() -> None:
    world = make_world()
    show(world)
    (record,) = world.full()
    other = record.model_copy(update={"layout": "home-9"})
    assert digest_inputs(other) != record.input_digest
    (replayed,) = replay_requests([other], cache=world.cache, check_digests=False).requests
    assert (replayed.outcome, "home-9" in str(replayed.reason)) == ("refused", True)


def test_without_a_catalogue_the_page_is_no_error() -> None:
    world = make_world()
    world.blobs.objects.pop(POINTER_KEY)
    page = show(world)
    assert (page.status, page.fallback_reason) == ("fallback", "no_catalogue")
    assert len(items_of(page)) == len(set(items_of(page)))
