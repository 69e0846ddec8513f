"""Suppliers' nightly batches: on a quiet day prices drift a little and some stock comes and goes.

A batch is a pure function of the world, the night and the seed, so that anybody can make the
batch of any night without having kept the nights before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Protocol

import numpy as np

from recsysops.vocabulary import ItemFeatures

_SUPPLIER_DRIFT = 0.004
_ITEM_DRIFT = 0.02
_ITEM_MOVES = 0.1
_RUNS_OUT = 0.01
_COMES_BACK = 0.19  # with _RUNS_OUT: 95 % in stock in the long run


class SuppliedWorld(Protocol):
    """A world whose items carry the state after each supplier's batch named in `batch`."""

    @property
    def items(self) -> tuple[ItemFeatures, ...]:
        """Items as of their batch."""

    @property
    def upcoming(self) -> tuple[ItemFeatures, ...]:
        """Items with a launch date to come."""


def nightly_batches(world: SuppliedWorld, day: date, seed: int) -> list[ItemFeatures]:
    """Return every item as its supplier sends it on the night that opens `day`.

    Batch date and version move for all; a tenth of the prices and a hundredth of the stock
    change. Days not after an item's own batch return the item as it is.
    """
    items = [*world.items, *world.upcoming]
    first = min(date.fromisoformat(item.batch) for item in items)
    for night in range(1, (day - first).days + 1):
        items = _one_night(items, first + timedelta(days=night), seed)
    return items


def _one_night(items: Sequence[ItemFeatures], day: date, seed: int) -> list[ItemFeatures]:
    rng = np.random.default_rng([seed, 12, day.toordinal()])
    sources = sorted({item.source for item in items})
    drift = dict(zip(sources, _SUPPLIER_DRIFT * rng.normal(size=len(sources)), strict=True))
    own = _ITEM_DRIFT * rng.normal(size=len(items)) * (rng.random(len(items)) < _ITEM_MOVES)
    stock_draws = rng.random(len(items))
    return [
        _next_version(item, day, change=drift[item.source] + own[row], stock_draw=stock_draws[row])
        for row, item in enumerate(items)
    ]


def _next_version(
    item: ItemFeatures, day: date, *, change: float, stock_draw: float
) -> ItemFeatures:
    if date.fromisoformat(item.batch) >= day:
        return item
    flips = stock_draw < (_RUNS_OUT if item.in_stock else _COMES_BACK)
    return replace(
        item,
        price=None if item.price is None else round(item.price * float(np.exp(change)), 2),
        in_stock=None if item.in_stock is None else bool(item.in_stock ^ flips),
        batch=day.isoformat(),
        version=item.version + 1,
    )
