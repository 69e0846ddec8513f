from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.model.kernel import block_contributions, round_scores
from recsysops.serving.hotfixes import (
    apply_hotfixes,
    blocked_items,
    changes_catalogue,
    count_unknown_items,
    exposed_hotfixes,
    is_exposed,
    pinned_model,
    uses_popularity_only,
)
from recsysops.vocabulary import FlagDocument

from tests.fakes.small_catalogue import ENCODER, NOW, make_catalogue, make_hotfix

VECTOR = np.linspace(-1, 1, ENCODER.width).astype(np.float32)
MEMBERS = [f"member-{number}" for number in range(4_000)]


def scores_of(catalogue: object) -> np.ndarray:
    return round_scores(
        block_contributions(
            catalogue.matrix, VECTOR, bias=catalogue.bias, blocks=catalogue.encoder.blocks
        )
    )


def override(feature: str, values: dict[str, object], **changes: object):
    return make_hotfix("override_feature", {"feature": feature, "values": values}, **changes)


def mask(block: str, item_ids: tuple[str, ...] | None = None, **changes: object):
    return make_hotfix("mask_feature", {"block": block, "item_ids": item_ids}, **changes)


def test_overriding_a_language_moves_exactly_that_column_of_that_item() -> None:
    before = make_catalogue()
    after = apply_hotfixes(before, [override("language", {"i0": "fr"})])
    start = len(ENCODER.genres) + len(ENCODER.year_knots)
    assert after.items[0].language == "fr"
    assert after.matrix[0, start : start + 2].tolist() == [0.0, 1.0]
    changed = np.argwhere(after.matrix != before.matrix).tolist()
    assert changed == [[0, start], [0, start + 1]]


def test_an_overridden_item_equals_one_that_was_right_from_the_start() -> None:
    right = make_catalogue()
    truth = {item.item_id: item.language for item in right.items}
    wrong = apply_hotfixes(right, [override("language", dict.fromkeys(truth, "xx"))])
    mended = apply_hotfixes(wrong, [override("language", truth)])
    assert np.array_equal(mended.matrix, right.matrix)
    assert mended.items == right.items


def test_price_changes_the_raw_feature_and_no_column() -> None:
    before = make_catalogue()
    after = apply_hotfixes(before, [override("price", {"i1": None})])
    assert after.items[1].price is None
    assert np.array_equal(after.matrix, before.matrix)


def test_genres_null_means_no_genre() -> None:
    after = apply_hotfixes(make_catalogue(), [override("genres", {"i2": None})])
    assert after.items[2].genres == ()
    assert not after.matrix[2, : len(ENCODER.genres)].any()


def test_the_bound_of_row_norms_follows_what_a_hotfix_makes_of_the_rows() -> None:
    """The shortlist trusts it: too small a bound loses items that belong on the slate."""
    blank = apply_hotfixes(make_catalogue(), [mask("genre"), mask("year"), mask("collaborative")])
    assert blank.largest_row_norm == pytest.approx(1.0)
    longer = apply_hotfixes(blank, [override("year", {"i0": 2000})])
    norms = np.linalg.norm(longer.matrix.astype(np.float64), axis=1)
    assert longer.largest_row_norm == pytest.approx(norms.max())
    assert longer.largest_row_norm > 1.0


def test_masking_a_block_makes_its_contribution_zero_for_the_named_items_only() -> None:
    before = make_catalogue()
    after = apply_hotfixes(before, [mask("collaborative", ("i1", "i3"))])
    parts = block_contributions(after.matrix, VECTOR, bias=after.bias, blocks=after.encoder.blocks)
    assert parts[[1, 3], 3].tolist() == [0.0, 0.0]
    untouched = [0, 2, 4, 5]
    assert np.array_equal(scores_of(after)[untouched], scores_of(before)[untouched])


def test_masking_popularity_gives_the_median_bias() -> None:
    before = make_catalogue()
    named = apply_hotfixes(before, [mask("popularity", ("i4",))])
    assert named.bias[4] == np.float32(np.median(before.bias))
    assert (named.bias != before.bias).sum() == 1
    everything = apply_hotfixes(before, [mask("popularity")])
    assert len(set(everything.bias.tolist())) == 1


def test_a_mask_wins_over_an_override_whatever_the_order() -> None:
    fixes = [mask("language", ("i0",)), override("language", {"i0": "fr"})]
    catalogue = make_catalogue()
    forward, backward = apply_hotfixes(catalogue, fixes), apply_hotfixes(catalogue, fixes[::-1])
    assert np.array_equal(forward.matrix, backward.matrix)
    start = len(ENCODER.genres) + len(ENCODER.year_knots)
    assert not forward.matrix[0, start : start + 2].any()


def test_later_overrides_win() -> None:
    fixes = [override("year", {"i0": 2000}), override("year", {"i0": 2010})]
    assert apply_hotfixes(make_catalogue(), fixes).items[0].year == 2010


def test_unknown_items_are_ignored_and_counted() -> None:
    catalogue = make_catalogue()
    fixes = [override("year", {"ghost": 1999}), mask("genre", ("i1", "ghost"))]
    assert count_unknown_items(catalogue, fixes) == 2
    assert np.array_equal(apply_hotfixes(catalogue, fixes[:1]).matrix, catalogue.matrix)


def test_the_norm_still_bounds_every_row_after_an_override() -> None:
    before = make_catalogue()
    after = apply_hotfixes(before, [override("genres", {"i2": ("Comedy",)})])
    assert after.largest_row_norm >= np.linalg.norm(after.matrix, axis=1).max() * (1 - 1e-6)


def test_an_empty_catalogue_survives_every_catalogue_hotfix() -> None:
    fixes = [mask("popularity"), mask("genre"), override("year", {"i0": 1999})]
    assert len(apply_hotfixes(make_catalogue(0), fixes).items) == 0


FIXES = st.lists(
    st.sampled_from(
        [
            override("language", {"i0": "fr", "i2": None}),
            override("year", {"i1": 1985}),
            mask("genre"),
            mask("collaborative", ("i0", "i5")),
            mask("popularity", ("i3",)),
        ]
    ),
    max_size=4,
)


@given(fixes=FIXES, seed=st.integers(0, 50))
def test_a_hotfix_never_touches_the_catalogue_it_was_given(fixes, seed: int) -> None:
    """Undo is exact: the scores without the hotfix are the old ones bit for bit."""
    catalogue = make_catalogue(seed=seed)
    old = scores_of(catalogue).tobytes()
    items = catalogue.items
    apply_hotfixes(catalogue, fixes)
    assert scores_of(catalogue).tobytes() == old
    assert catalogue.items == items


@given(percent=st.floats(0, 100), salt=st.text(min_size=1, max_size=8))
def test_unexposed_members_see_the_same_object(percent: float, salt: str) -> None:
    catalogue = make_catalogue()
    document = FlagDocument("v", hotfixes=(mask("genre", percent=percent, salt=salt),))
    for member in MEMBERS[:20]:
        exposed = exposed_hotfixes(document, member, NOW)
        assert (apply_hotfixes(catalogue, exposed) is catalogue) == (not exposed)


def test_percent_nought_exposes_nobody_and_percent_hundred_everybody() -> None:
    assert not any(is_exposed(mask("genre", percent=0.0), member) for member in MEMBERS)
    assert all(is_exposed(mask("genre", percent=100.0), member) for member in MEMBERS)


def test_percent_exposes_that_share_and_raising_it_keeps_those_exposed() -> None:
    ten = {m for m in MEMBERS if is_exposed(mask("genre", percent=10.0), m)}
    thirty = {m for m in MEMBERS if is_exposed(mask("genre", percent=30.0), m)}
    assert ten < thirty
    # binomial with n = 4,000: five standard errors
    assert abs(len(ten) / len(MEMBERS) - 0.1) < 5 * (0.1 * 0.9 / len(MEMBERS)) ** 0.5


def test_another_salt_exposes_other_members() -> None:
    one = {m for m in MEMBERS if is_exposed(mask("genre", percent=50.0, salt="a"), m)}
    two = {m for m in MEMBERS if is_exposed(mask("genre", percent=50.0, salt="b"), m)}
    assert 0.2 < len(one & two) / len(MEMBERS) < 0.3


def test_an_expired_hotfix_applies_to_nobody() -> None:
    document = FlagDocument("v", hotfixes=(mask("genre", expires_at=NOW),))
    assert exposed_hotfixes(document, "anyone", NOW) == ()
    assert exposed_hotfixes(document, "anyone", NOW - timedelta(microseconds=1))


def test_request_level_hotfixes_are_read_by_their_own_question() -> None:
    fixes = [
        make_hotfix("block_items", {"item_ids": ("a", "b")}),
        make_hotfix("block_items", {"item_ids": ("b", "c")}),
        make_hotfix("popularity_fallback", {"surface": "home"}),
        make_hotfix("pin_model", {"model_id": "m-old"}),
    ]
    assert blocked_items(fixes) == {"a", "b", "c"}
    assert uses_popularity_only(fixes, "home")
    assert not uses_popularity_only(fixes, "search")
    assert uses_popularity_only([make_hotfix("popularity_fallback", {"surface": None})], "item")
    assert pinned_model(fixes) == "m-old"
    assert changes_catalogue(fixes) == ()


@pytest.mark.parametrize("surface", ["home", "search", "item"])
def test_no_hotfix_changes_nothing(surface) -> None:
    catalogue = make_catalogue()
    assert apply_hotfixes(catalogue, ()) is catalogue
    assert blocked_items(()) == frozenset()
    assert not uses_popularity_only((), surface)
    assert pinned_model(()) is None
