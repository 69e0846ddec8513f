"""Logged slates as arrays: what was shown by chance, what another policy would show, who clicked.

Requests that share every ranking input form a group: they have one old and one new order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsysops.experiments.intervals import Float64Array

IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class OrderPairs:
    """Old and new greedy orders of g groups, both cut at rank R; ranks count from 1.

    new_rank: (g, R), new rank of the item at old rank r + 1; old_rank: (g, R), old rank of the
    item at new rank r + 1. In both 0 means that the other order lacks the item, -1 that the
    order is shorter than this rank. limit: (g,) slots. rate: (g,) share of requests that explore
    under the new policy. old_pool, new_pool: (g, 2) first and last greedy rank that exploration
    draws from (first > last when none).
    """

    new_rank: IntArray
    old_rank: IntArray
    limit: IntArray
    rate: Float64Array
    old_pool: IntArray
    new_pool: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class SlateRecords:
    """The full records of a window, n of them, each with the weight 1 / inclusion probability.

    explored_slot: slot (from 1) that was filled at random, 0 when none; explored_rank: old
    greedy rank of the item there, 0 when none. greedy_propensity, explored_propensity: logged
    probabilities of a greedy slot and of the explored one. click_record, click_slot: (c,) which
    record and slot (from 1) was clicked.
    """

    group: IntArray
    cluster: IntArray
    weight: Float64Array
    explored_slot: IntArray
    explored_rank: IntArray
    greedy_propensity: Float64Array
    explored_propensity: Float64Array
    click_record: IntArray
    click_slot: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class WindowTotals:
    """Every request of a window, from its slim lines: per cluster (c,), and explored slots.

    explored_click_slots, explored_click_limits: (e,) clicks on explored slots of any request.
    """

    requests: Float64Array
    clicks: Float64Array
    explored_click_slots: IntArray
    explored_click_limits: IntArray


def new_exposure(pairs: OrderPairs, curve: Float64Array) -> Float64Array:
    """Return P(examined) of the item at each new rank under the new policy, (g, R).

    A greedy item keeps its slot but for rate / limit; an item of the pool appears in any slot
    with rate / (limit · pool size) each.
    """
    ranks = np.arange(1, pairs.new_rank.shape[1] + 1)[None, :]
    pool = pairs.new_pool
    limit, rate = pairs.limit[:, None], pairs.rate[:, None]
    size = np.maximum(pool[:, 1:] - pool[:, :1] + 1, 0)
    padded = np.zeros(ranks.shape[1])
    padded[: len(curve)] = curve[: ranks.shape[1]]
    keep = np.where(size > 0, 1.0 - rate / limit, 1.0)
    greedy = (ranks <= limit) * keep * padded[None, :]
    reach = np.concatenate([[0.0], np.cumsum(curve)])[np.minimum(limit, len(curve))]
    inside = (ranks >= pool[:, :1]) & (ranks <= pool[:, 1:])
    explored: Float64Array = inside * rate / (limit * np.maximum(size, 1)) * reach
    return (greedy + explored) * holds_item(pairs)


def holds_item(pairs: OrderPairs) -> NDArray[np.bool_]:
    """Return which new ranks hold an item at all, (g, R)."""
    return pairs.old_rank >= 0


def exposure_by_old_rank(pairs: OrderPairs, exposure: Float64Array) -> Float64Array:
    """Return the new exposure of the item at each OLD rank, (g, R); 0 when it left."""
    columns = np.maximum(pairs.new_rank - 1, 0)
    return np.where(pairs.new_rank > 0, np.take_along_axis(exposure, columns, axis=1), 0.0)


def in_old_slate(pairs: OrderPairs) -> NDArray[np.bool_]:
    """Return which new ranks hold an item that the old greedy slate showed, (g, R)."""
    return (pairs.old_rank > 0) & (pairs.old_rank <= pairs.limit[:, None])


def in_old_pool(pairs: OrderPairs) -> NDArray[np.bool_]:
    """Return which new ranks hold an item that exploration could have shown, (g, R)."""
    old = pairs.old_rank
    explores = (pairs.rate > 0.0)[:, None]
    return (old >= pairs.old_pool[:, :1]) & (old <= pairs.old_pool[:, 1:]) & (old > 0) & explores


def in_new_slate(pairs: OrderPairs) -> NDArray[np.bool_]:
    """Return which new ranks are slots of the new greedy slate, (g, R)."""
    ranks = np.arange(1, pairs.new_rank.shape[1] + 1)[None, :]
    return np.asarray(ranks <= pairs.limit[:, None])


def reversed_pairs(pairs: OrderPairs) -> OrderPairs:
    """Return the pairs with old and new order exchanged."""
    return replace(
        pairs,
        new_rank=pairs.old_rank,
        old_rank=pairs.new_rank,
        old_pool=pairs.new_pool,
        new_pool=pairs.old_pool,
    )
