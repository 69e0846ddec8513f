"""Who is comparable, and what they have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.prediction.peers import (
    SCORED_FEATURES,
    ScoredFeature,
    agreeing_share,
    count_agreeing,
    find_peers,
    has_feature,
    tabulate_peers,
)
from recsysops.vocabulary import ItemFeatures

from tests.fakes.served_world import make_items


def item_of(
    source: str, language: str | None, *, batch: str = "2026-01-05", number: int = 0
) -> ItemFeatures:
    plain = make_items(3)[0]
    return replace(
        plain,
        item_id=f"{source}-{batch}-{number:03d}",
        source=source,
        language=language,
        batch=batch,
        genres=("Drama",),
        year=2000,
    )


def shelf(source: str, language: str, count: int, *, batch: str) -> list[ItemFeatures]:
    return [item_of(source, language, batch=batch, number=n) for n in range(count)]


def test_the_same_supplier_comes_first() -> None:
    items = [
        *shelf("korea", "ko", 10, batch="2026-01-05"),
        *shelf("france", "fr", 30, batch="2026-01-05"),
    ]
    upcoming = item_of("korea", "en", batch="2026-02-02")
    peers = find_peers(tabulate_peers(items), upcoming, feature="language", count=10)
    assert {peer.language for peer in peers} == {"ko"}


def test_a_wrong_batch_does_not_testify_for_itself() -> None:
    items = [
        *shelf("korea", "ko", 10, batch="2026-01-05"),
        *shelf("korea", "en", 8, batch="2026-02-02"),
    ]
    upcoming = item_of("korea", "en", batch="2026-02-02", number=99)
    peers = find_peers(tabulate_peers(items), upcoming, feature="language")
    assert {peer.batch for peer in peers} == {"2026-01-05"}


def test_a_full_delivery_is_all_there_is_to_ask() -> None:
    """Every night the supplier delivers everything anew: all its items share one batch."""
    items = [
        *shelf("korea", "ko", 20, batch="2026-02-02"),
        *shelf("france", "fr", 20, batch="2026-02-02"),
    ]
    upcoming = item_of("korea", "en", batch="2026-02-02", number=99)
    peers = find_peers(tabulate_peers([*items, upcoming]), upcoming, feature="language", count=20)
    assert {peer.source for peer in peers} == {"korea"}
    assert upcoming not in peers


def test_agreement_is_shrunk_to_the_catalogue_as_computed_by_hand() -> None:
    """The catalogue counts for six peers; of its 9 items (the item among them) 5 are Korean."""
    peers = [*shelf("korea", "ko", 3, batch="a"), *shelf("korea", "en", 1, batch="b")]
    table = tabulate_peers(
        [*peers, *shelf("france", "ko", 2, batch="c"), *shelf("x", "fr", 3, batch="d")]
    )
    korean, danish = item_of("korea", "ko"), item_of("korea", "da")
    others = (4 + 0.5) / 10
    assert agreeing_share(table, korean, peers, feature="language") == pytest.approx(
        (3 + 6 * others) / 10
    )
    assert agreeing_share(table, danish, peers, feature="language") == pytest.approx(0.03)
    assert agreeing_share(table, danish, [], feature="language") == pytest.approx(0.05)


def test_years_within_five_and_one_common_genre_agree() -> None:
    item = item_of("korea", "ko")
    years = [replace(item, year=year) for year in (1994, 1995, 2005, 2006, None)]
    assert count_agreeing(item, years, feature="year") == 2
    genres = [replace(item, genres=names) for names in (("Drama", "Crime"), ("Crime",), ())]
    assert count_agreeing(item, genres, feature="genres") == 1
    table = tabulate_peers([*years, *genres])
    assert agreeing_share(table, item, [], feature="year") == pytest.approx((2 + 3 - 1 + 0.5) / 9)
    assert agreeing_share(table, item, [], feature="genres") == pytest.approx((6 - 1 + 0.5) / 9)


def test_peers_without_the_feature_have_no_say() -> None:
    items = [*shelf("korea", "ko", 5, batch="a"), item_of("korea", None, batch="b", number=7)]
    peers = find_peers(tabulate_peers(items), item_of("korea", "ko", batch="c"), feature="language")
    assert all(has_feature(peer, "language") for peer in peers)
    assert len(peers) == 5


def test_an_empty_catalogue_has_no_peers() -> None:
    for feature in SCORED_FEATURES:
        assert find_peers(tabulate_peers([]), item_of("korea", "ko"), feature=feature) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.sampled_from(["en", "fr", None]),
            st.sampled_from([(), ("Drama",), ("Crime", "Drama")]),
            st.sampled_from([None, 1990, 2020]),
        ),
        max_size=12,
    ),
    st.sampled_from(SCORED_FEATURES),
)
def test_peers_are_others_that_have_the_feature_each_once(
    rows: list[tuple[str, str | None, tuple[str, ...], int | None]], feature: ScoredFeature
) -> None:
    plain = make_items(3)[0]
    items = [
        replace(plain, item_id=f"i{n}", source=s, language=w, genres=g, year=y, batch=str(n % 3))
        for n, (s, w, g, y) in enumerate(rows)
    ]
    for item in items:
        peers = find_peers(tabulate_peers(items), item, feature=feature, count=5)
        ids = [peer.item_id for peer in peers]
        assert len(ids) == len(set(ids)) <= 5
        assert item.item_id not in ids
        assert all(has_feature(peer, feature) for peer in peers)


@pytest.mark.parametrize("feature", SCORED_FEATURES)
def test_the_feature_in_question_does_not_choose_its_own_witnesses(feature: ScoredFeature) -> None:
    items = [replace(item, batch=str(n)) for n, item in enumerate(make_items(60))]
    table = tabulate_peers(items)
    item = replace(items[5], batch="new")
    strange = replace(item, genres=("Sci-Fi",), year=1961, language="ja")
    asked = replace(item, **{feature: getattr(strange, feature)})
    assert find_peers(table, asked, feature=feature) == find_peers(table, item, feature=feature)
