from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from recsysops.simulation.attributes import (
    LANGUAGE_SHARES,
    SIMULATED_COLUMNS,
    SUPPLIERS,
    simulate_attributes,
    simulate_prices,
)
from recsysops.simulation.taste_clusters import cluster_items

from tests.fakes.choices import plain_item, rows_of, simulated_table

TABLE = simulated_table(61, n_members=300, n_items=400)
BARE = tuple(replace(item, language=None, price=None, in_stock=None) for item in TABLE.items)


def test_two_tastes_become_two_groups() -> None:
    rng = np.random.default_rng(1)
    triples = [
        (f"m{member:02d}", f"{'ab'[member % 2]}{item:02d}", 0.0)
        for member in range(60)
        for item in rng.choice(25, size=9, replace=False).tolist()
    ]
    groups = cluster_items(rows_of(triples), shares=(0.5, 0.5), rng=np.random.default_rng(2))
    assert len(set(groups[:25].tolist())) == len(set(groups[25:].tolist())) == 1
    assert groups[0] != groups[-1]


def test_groups_get_about_the_share_of_choices_they_are_to_get() -> None:
    shares = np.array([0.5, 0.3, 0.2])
    groups = cluster_items(TABLE.rows, shares=shares.tolist(), rng=np.random.default_rng(3))
    plays = np.bincount(TABLE.rows.items, minlength=len(groups))
    found = np.bincount(groups[groups >= 0], weights=plays[groups >= 0]) / plays[groups >= 0].sum()
    assert found == pytest.approx(shares, abs=0.05)


def test_items_that_hardly_anybody_chose_have_no_group() -> None:
    rows = rows_of([(f"m{n}", "x", 0.0) for n in range(9)] + [(f"m{n}", "y", 1.0) for n in
                   range(8)] + [("m1", "z", 2.0)], items=("never",))  # fmt: skip
    groups = cluster_items(rows, shares=(0.6, 0.4), rng=np.random.default_rng(4))
    by_id = dict(zip(rows.item_ids, groups.tolist(), strict=True))
    assert by_id["never"] == by_id["z"] == -1
    assert by_id["x"] >= 0


def test_missing_columns_are_filled_and_real_ones_are_left_alone() -> None:
    found = simulate_attributes(BARE, TABLE.rows, seed=1, batch=date(2026, 1, 6))
    for item, bare in zip(found, BARE, strict=True):
        assert (item.item_id, item.title, item.genres, item.year) == (
            bare.item_id, bare.title, bare.genres, bare.year,
        )  # fmt: skip
        assert item.simulated == SIMULATED_COLUMNS
        assert item.source in SUPPLIERS
        assert item.batch == "2026-01-06"
        assert item.launch_date is None
    assert {item.language for item in found} <= {*LANGUAGE_SHARES, None}
    assert {item.source for item in found} == set(SUPPLIERS)
    assert 0.9 < np.mean([item.in_stock is True for item in found]) < 0.99


def test_members_have_affinities_to_the_simulated_languages() -> None:
    found = simulate_attributes(BARE, TABLE.rows, seed=2, batch=date(2026, 1, 6))
    language = np.array([str(item.language) for item in found])
    entropies, shuffled = [], []
    rng = np.random.default_rng(5)
    mixed = rng.permutation(language)
    for member in range(0, 300, 5):
        own = TABLE.rows.items[TABLE.rows.members == member]
        entropies.append(_entropy(language[own]))
        shuffled.append(_entropy(mixed[own]))
    assert np.mean(entropies) < np.mean(shuffled) - 0.15


def test_prices_are_dearer_for_newer_items() -> None:
    old = [plain_item(str(n), year=1960) for n in range(400)]
    new = [plain_item(str(n), year=2015) for n in range(400)]
    medians = [np.nanmedian(simulate_prices(items, rng=np.random.default_rng(6)))
               for items in (old, new)]  # fmt: skip
    assert medians[1] > 1.3 * medians[0]


def test_a_few_suppliers_name_no_price() -> None:
    prices = simulate_prices(
        [plain_item(str(n)) for n in range(4000)], rng=np.random.default_rng(7)
    )
    assert 5 <= np.isnan(prices).sum() <= 40
    assert np.nanmin(prices) > 0.5


def _entropy(values: np.ndarray) -> float:
    counts = np.array(list(Counter(values.tolist()).values()), dtype=np.float64)
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())
