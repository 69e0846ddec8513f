from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from recsysops.errors import BadData
from recsysops.serving.filters import (
    NO_FILTERS,
    AttributeFilters,
    dump_filters,
    load_filters,
    matching_items,
)
from recsysops.serving.hotfixes import apply_hotfixes
from recsysops.serving.ranking import rank_item, rank_slate
from recsysops.vocabulary import ItemFeatures

from tests.fakes.small_catalogue import make_catalogue, make_hotfix, make_item
from tests.unit.serving.test_ranking import CATALOGUE, ask

GENRES = ("Comedy", "Drama", "Western")


def catalogue_of(*items: ItemFeatures):
    plain = make_catalogue(len(items))
    return replace(plain, items=items, row_of={item.item_id: at for at, item in enumerate(items)})


def passing(filters: AttributeFilters, *items: ItemFeatures) -> list[str]:
    mask = matching_items(catalogue_of(*items), filters)
    return [item.item_id for item, passed in zip(items, mask, strict=True) if passed]


def passes_by_reading(item: ItemFeatures, filters: AttributeFilters) -> bool:
    """The rules, written down item by item."""
    return all(
        [
            not filters.genres_any or bool(set(filters.genres_any) & set(item.genres)),
            not set(filters.genres_none) & set(item.genres),
            not filters.languages or item.language in filters.languages,
            filters.year_from is None or (item.year is not None and item.year >= filters.year_from),
            filters.year_to is None or (item.year is not None and item.year <= filters.year_to),
            not filters.in_stock or item.in_stock is True,
            filters.max_price is None
            or (item.price is not None and item.price <= filters.max_price),
        ]
    )


words = st.lists(st.sampled_from(GENRES), max_size=2).map(tuple)
languages = st.lists(st.sampled_from(["en", "fr"]), max_size=2).map(tuple)
years = st.one_of(st.none(), st.integers(1980, 1984))
prices = st.one_of(st.none(), st.sampled_from([0.0, 1.5, 3.0]))
any_filters = st.builds(
    AttributeFilters,
    genres_any=words, genres_none=words, languages=languages, year_from=years, year_to=years,
    in_stock=st.booleans(), max_price=prices,
)  # fmt: skip
any_item = st.builds(
    lambda **features: make_item("x", **features),
    genres=words, language=st.sampled_from(["en", "fr", None]), year=years, price=prices,
    in_stock=st.sampled_from([True, False, None]),
)  # fmt: skip


@given(st.lists(any_item, min_size=1, max_size=8), any_filters)
def test_columns_let_through_what_a_plain_reading_of_the_rules_does(
    items: list[ItemFeatures], filters: AttributeFilters
) -> None:
    named = [replace(item, item_id=f"i{at}") for at, item in enumerate(items)]
    expected = [item.item_id for item in named if passes_by_reading(item, filters)]
    assert passing(filters, *named) == expected


def test_what_is_unknown_passes_no_filter_on_it() -> None:
    blank = make_item("a", year=None, language=None, price=None, in_stock=None, genres=())
    assert passing(NO_FILTERS, blank) == ["a"]
    for filters in (
        AttributeFilters(year_from=0),
        AttributeFilters(year_to=9999),
        AttributeFilters(languages=("en",)),
        AttributeFilters(max_price=1e9),
        AttributeFilters(in_stock=True),
        AttributeFilters(genres_any=("Drama",)),
    ):
        assert passing(filters, blank) == []


def test_a_sold_out_or_dear_item_gives_way_to_one_that_can_be_bought() -> None:
    sold_out, dear = make_item("a", in_stock=False), make_item("b", price=99.0)
    assert passing(AttributeFilters(in_stock=True, max_price=10.0), sold_out, dear,
                   make_item("c")) == ["c"]  # fmt: skip


def test_a_slate_is_the_unfiltered_order_without_what_the_filters_stop() -> None:
    filters = AttributeFilters(genres_any=("Drama",), languages=("en", "fr"), max_price=12.0)
    whole = rank_slate(CATALOGUE, ask(limit=50))
    slate = rank_slate(CATALOGUE, ask(limit=50, filters=filters))
    mask = matching_items(CATALOGUE, filters)
    launched = CATALOGUE.launched(ask().event_time)
    assert slate.eligible_count == int((mask & launched).sum()) < whole.eligible_count
    kept = [item_id for item_id in whole.shortlist if mask[CATALOGUE.row_of[item_id]]]
    assert list(slate.shortlist[: len(kept)]) == kept
    assert rank_item(CATALOGUE, ask(filters=filters), slate.shortlist[4]).rank == 5
    stopped = next(item_id for item_id in whole.shortlist if item_id not in kept)
    assert not rank_item(CATALOGUE, ask(filters=filters), stopped).eligible


def test_filters_hold_for_given_candidates_too() -> None:
    filters = AttributeFilters(genres_none=("Drama",))
    given_items = tuple(CATALOGUE.item_ids[:40])
    slate = rank_slate(CATALOGUE, ask(limit=50, filters=filters, candidates=given_items))
    assert slate.shown
    assert all("Drama" not in CATALOGUE.items[CATALOGUE.row_of[i.item_id]].genres
               for i in slate.shown)  # fmt: skip


def test_filters_see_what_a_hotfix_overrode() -> None:
    catalogue = make_catalogue(4)
    fix = make_hotfix("override_feature", {"feature": "in_stock", "values": {"i1": False}})
    in_stock = AttributeFilters(in_stock=True)
    assert matching_items(catalogue, in_stock).tolist() == [True] * 4
    fixed = apply_hotfixes(catalogue, [fix])
    assert matching_items(fixed, in_stock).tolist() == [True, False, True, True]
    assert matching_items(catalogue, in_stock).tolist() == [True] * 4


@given(any_filters)
def test_logged_filters_read_back_as_they_were(filters: AttributeFilters) -> None:
    assert load_filters(dump_filters(filters)) == filters


def test_no_filter_is_logged_as_nothing_and_garbled_ones_are_refused() -> None:
    assert dump_filters(AttributeFilters()) is None
    for logged in ("{}}", '{"colour": "red"}', '{"max_price": "cheap"}'):
        with pytest.raises(BadData, match="filters"):
            load_filters(logged)


@pytest.mark.parametrize(
    "bad",
    [
        {"max_price": float("nan")},
        {"max_price": float("inf")},
        {"max_price": -1},
        {"year_from": 10_000},
        {"year_from": "1999"},
        {"in_stock": 1},
        {"genres_any": [""]},
        {"genres_any": ["x" * 65]},
        {"genres_any": ["x"] * 33},
        {"title": "x"},
    ],
)
def test_filters_out_of_bounds_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AttributeFilters.model_validate(bad)
