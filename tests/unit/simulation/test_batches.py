from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from recsysops.simulation.batches import nightly_batches
from recsysops.simulation.members import SimulatedWorld
from recsysops.vocabulary import ItemFeatures

TODAY = date(2026, 1, 6)


@dataclass(frozen=True)
class World:
    items: tuple[ItemFeatures, ...]
    upcoming: tuple[ItemFeatures, ...] = ()


ITEMS = tuple(
    replace(item, batch=TODAY.isoformat())
    for item in SimulatedWorld(seed=41, n_members=5, n_items=800).items
)
WORLD = World(ITEMS[:780], ITEMS[780:])


def test_a_night_moves_batch_and_version_of_every_item_and_little_else() -> None:
    rows = nightly_batches(WORLD, TODAY + timedelta(days=1), seed=1)
    assert [row.item_id for row in rows] == [item.item_id for item in ITEMS]
    assert {row.batch for row in rows} == {"2026-01-07"}
    assert {row.version for row in rows} == {2}
    for row, item in zip(rows, ITEMS, strict=True):
        same = replace(row, price=item.price, in_stock=item.in_stock, batch=item.batch, version=1)
        assert same == item


def test_quiet_nights_change_prices_by_little_and_hardly_any_stock() -> None:
    rows = nightly_batches(WORLD, TODAY + timedelta(days=1), seed=1)
    ratio = np.array([row.price / item.price for row, item in zip(rows, ITEMS, strict=True)
                      if row.price and item.price])  # fmt: skip
    assert np.abs(np.log(ratio)).mean() < 0.01
    assert np.abs(np.log(ratio)).max() < 0.12
    flips = np.mean([row.in_stock != item.in_stock for row, item in zip(rows, ITEMS, strict=True)])
    assert 0.0 < flips < 0.03


def test_two_nights_are_one_night_after_another() -> None:
    first = nightly_batches(WORLD, TODAY + timedelta(days=1), seed=2)
    then = nightly_batches(World(tuple(first)), TODAY + timedelta(days=2), seed=2)
    assert then == nightly_batches(WORLD, TODAY + timedelta(days=2), seed=2)


def test_a_batch_is_a_pure_function_of_world_night_and_seed() -> None:
    night = TODAY + timedelta(days=1)
    assert nightly_batches(WORLD, night, seed=3) == nightly_batches(WORLD, night, seed=3)
    assert nightly_batches(WORLD, night, seed=3) != nightly_batches(WORLD, night, seed=4)


def test_the_day_of_the_worlds_own_batch_changes_nothing() -> None:
    assert nightly_batches(WORLD, TODAY, seed=1) == list(ITEMS)
    assert nightly_batches(WORLD, TODAY - timedelta(days=3), seed=1) == list(ITEMS)


def test_an_item_without_price_or_stock_keeps_lacking_them() -> None:
    bare = replace(ITEMS[0], price=None, in_stock=None)
    row = nightly_batches(World((bare,)), TODAY + timedelta(days=4), seed=1)[0]
    assert (row.price, row.in_stock, row.version) == (None, None, 5)


def test_in_the_long_run_stock_stays_near_95_percent() -> None:
    rows = nightly_batches(WORLD, TODAY + timedelta(days=25), seed=5)
    assert 0.92 < np.mean([bool(row.in_stock) for row in rows]) < 0.98
