"""Suspicions: which feature is wrong on which items, and silence where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recsysops.diagnosis import suspects
from recsysops.diagnosis.suspects import Suspicion, find_suspicions, pair_items
from recsysops.vocabulary import ItemFeatures

from tests.unit.diagnosis.world import as_served, make_artefact, make_catalogue, make_items

ITEMS = make_items()
LAST_GOOD = make_catalogue(make_artefact(ITEMS), ITEMS)


def suspicions_after(changed: list[ItemFeatures]) -> list[Suspicion]:
    return find_suspicions(pair_items(as_served(changed), as_served(ITEMS), catalogue=LAST_GOOD))


def test_a_night_of_small_price_changes_is_no_suspicion() -> None:
    rng = np.random.default_rng(5)
    night = [
        replace(item, price=round((item.price or 1) * float(np.exp(rng.normal(0, 0.03))), 2),
                batch="2026-11-20")
        for item in ITEMS
    ]  # fmt: skip
    assert suspicions_after(night) == []


@pytest.mark.parametrize("wrong", ["en", "xx", None])
def test_one_language_misconfigured_names_language_and_exactly_its_items(wrong: str | None) -> None:
    hit = {item.item_id for item in ITEMS if item.language == "ja"}
    broken = [replace(i, language=wrong) if i.item_id in hit else i for i in ITEMS]
    first = suspicions_after(broken)[0]
    assert (first.feature, set(first.item_ids)) == ("language", hit)


@pytest.mark.parametrize("feature", ["year", "price"])
def test_a_tenth_of_a_number_zero_filled_names_the_number_and_its_items(feature: str) -> None:
    chosen = set(np.random.default_rng(1).choice([i.item_id for i in ITEMS], 30, replace=False))
    zero = 0 if feature == "year" else 0.0
    broken = [replace(i, **{feature: zero}) if i.item_id in chosen else i for i in ITEMS]
    first = suspicions_after(broken)[0]
    assert (first.feature, set(first.item_ids)) == (feature, chosen)


def test_a_supplier_that_delivers_last_months_batch_again_is_named_by_its_batch() -> None:
    broken = [
        replace(i, batch="2026-10-20" if i.source == "supplier-2" else "2026-11-20") for i in ITEMS
    ]
    first = suspicions_after(broken)[0]
    hit = {item.item_id for item in ITEMS if item.source == "supplier-2"}
    assert (first.feature, set(first.item_ids)) == ("batch", hit)


def test_a_corrected_language_that_peers_agree_with_is_no_suspicion() -> None:
    own = {"Comedy": "en", "Drama": "fr", "Horror": "ja"}
    corrected = [replace(item, language=own[item.genres[0]]) for item in ITEMS]
    assert suspicions_after(corrected) == []


def test_fewer_than_the_smallest_set_is_not_named() -> None:
    broken = [
        replace(i, year=0) if n < suspects.SMALLEST_SET - 1 else i for n, i in enumerate(ITEMS)
    ]
    assert suspicions_after(broken) == []


def test_items_new_since_the_reference_do_not_break_the_pairing() -> None:
    new = replace(ITEMS[0], item_id="zzz")
    assert suspicions_after([*ITEMS, new]) == []
