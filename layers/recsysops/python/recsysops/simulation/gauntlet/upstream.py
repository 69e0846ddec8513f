"""What upstream delivers: suppliers' nightly batches, launches, and the plays that have been."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recsysops.simulation.gauntlet.columns import Columns, Floats, Mask, as_texts, take_rows
from recsysops.simulation.gauntlet.world import World

_SUPPLIER_DRIFT = 0.004
_ITEM_DRIFT = 0.02
_ITEM_MOVES = 0.1
_RUNS_OUT = 0.01
_COMES_BACK = 0.19  # with _RUNS_OUT: 95 % in stock in the long run
_HARMLESS_SIGMAS = 0.02
_PRICE_SPREAD = 0.35
_KEPT_PER_DAY = 0.8
"""Share of plays that still count a day later: a half-life of three days."""
_REMEMBERED_DAYS = 7
_ANNOUNCED_DAYS = 14
"""Suppliers describe an item so many days before its launch."""
_LAUNCH_DAYS = 7


@dataclass(frozen=True, slots=True, eq=False)
class Upstream:
    """The state on the morning of a day, after the night's batch.

    items: the world's, with today's price, in_stock and batch; plays: (n,) decayed plays until
    midnight; past_plays: those of the mornings before, oldest first.
    """

    day: int
    items: Columns
    plays: Floats
    past_plays: tuple[Floats, ...] = ()


def first_morning(world: World) -> Upstream:
    """Return the state on the world's first day."""
    items = {**world.items, "row": np.arange(len(world.item_ids))}
    return Upstream(0, _dated(items, world, day=0), world.plays)


def next_morning(world: World, upstream: Upstream, *, played: Floats) -> Upstream:
    """Return the state a night later; `played` counts the day's plays by item, (n,)."""
    day = upstream.day + 1
    items = _dated(_one_night(world, upstream.items, day), world, day=day)
    return replace(
        upstream,
        day=day,
        items=items,
        plays=_KEPT_PER_DAY * upstream.plays + played,
        past_plays=(*upstream.past_plays, upstream.plays)[-_REMEMBERED_DAYS:],
    )


def delivered_items(world: World, upstream: Upstream) -> Columns:
    """Return what suppliers deliver for the day: items that are out or announced."""
    ends = world.date_of(upstream.day).toordinal() + _ANNOUNCED_DAYS
    return take_rows(upstream.items, upstream.items["launch_day"] < ends)


def is_launched(world: World, items: Columns, *, day: int) -> Mask:
    """Return which items are out on a day."""
    launched: Mask = items["launch_day"] <= world.date_of(day).toordinal()
    return launched


def _dated(items: Columns, world: World, *, day: int) -> Columns:
    """Name the batch and version of today, and which items launch these days."""
    today = world.date_of(day)
    count = len(items["row"])
    age = today.toordinal() - items["launch_day"]
    return {
        **items,
        "batch": as_texts([today.isoformat()])[np.zeros(count, dtype=np.intp)],
        "version": np.full(count, day + 1),
        "is_launch": (age > -_ANNOUNCED_DAYS) & (age < _LAUNCH_DAYS),
    }


def _one_night(world: World, items: Columns, day: int) -> Columns:
    """Move a tenth of the prices a little, some stock, and once a week all prices by 0.02 sigma."""
    rng = world.rng(10, day)
    count = len(items["row"])
    names, supplier = np.unique(items["source"].astype(str), return_inverse=True)
    shift = _SUPPLIER_DRIFT * rng.normal(size=len(names))[supplier]
    moves = np.where(rng.random(count) < _ITEM_MOVES, _ITEM_DRIFT * rng.normal(size=count), 0.0)
    weekly = _HARMLESS_SIGMAS * _PRICE_SPREAD * rng.choice([-1.0, 1.0]) if day % 7 == 0 else 0.0
    draws = rng.random(count)
    stocked = items["in_stock"] == True  # noqa: E712 - a column of objects, None is neither
    return {
        **items,
        "price": np.round(items["price"] * np.exp(shift + moves + weekly), 2),
        "in_stock": np.where(stocked, draws >= _RUNS_OUT, draws < _COMES_BACK).astype(object),
    }
