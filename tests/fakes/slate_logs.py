"""Small logs of slates whose policy and click probabilities are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from recsysops.experiments.examination import power_curve
from recsysops.experiments.slate_log import OrderPairs, SlateRecords, WindowTotals

DEPTH = 60
LIMIT = 4
POOL = (LIMIT + 1, 44)
RATE = 0.5
DECAY = 0.7


@dataclass(frozen=True)
class Orders:
    """Old and new order of every group: `new[g][r]` is the item (= its old rank) at rank r."""

    new: np.ndarray

    @property
    def pairs(self) -> OrderPairs:
        count = len(self.new)
        new_rank = np.argsort(self.new, axis=1) + 1
        pool = np.tile(POOL, (count, 1))
        return OrderPairs(
            new_rank=new_rank,
            old_rank=self.new + 1,
            limit=np.full(count, LIMIT),
            rate=np.full(count, RATE),
            old_pool=pool,
            new_pool=pool,
        )


def make_orders(seed: int, groups: int = 6, disorder: float = 6.0) -> Orders:
    """New orders are the old one with every rank moved a little."""
    rng = np.random.default_rng(seed)
    noisy = np.arange(DEPTH) + rng.normal(0.0, disorder, (groups, DEPTH))
    return Orders(np.argsort(noisy, axis=1))


def make_relevance(seed: int, groups: int = 6) -> np.ndarray:
    """P(click | examined) of every item per group."""
    return np.random.default_rng(seed).uniform(0.05, 0.9, (groups, DEPTH))


def draw_log(
    orders: Orders, relevance: np.ndarray, rng: np.random.Generator, *, count: int
) -> tuple[SlateRecords, WindowTotals]:
    """Serve requests of the old order with exploration; half of them get a full record."""
    groups = len(orders.new)
    group = rng.integers(0, groups, count)
    explored = rng.random(count) < RATE
    slot = np.where(explored, rng.integers(1, LIMIT + 1, count), 0)
    rank = np.where(explored, rng.integers(POOL[0], POOL[1] + 1, count), 0)
    shown = np.tile(np.arange(1, LIMIT + 1), (count, 1))
    shown[np.flatnonzero(explored), slot[explored] - 1] = rank[explored]
    chance = relevance[group[:, None], shown - 1] * power_curve(DECAY, LIMIT)
    clicks = rng.random(shown.shape) < chance
    full = rng.random(count) < np.where(explored, 0.9, 0.5)
    kept = np.flatnonzero(full)
    at, click_slot = np.nonzero(clicks[kept])
    pool = POOL[1] - POOL[0] + 1
    records = SlateRecords(
        group=group[kept],
        cluster=group[kept],
        weight=1.0 / np.where(explored[kept], 0.9, 0.5),
        explored_slot=slot[kept],
        explored_rank=rank[kept],
        greedy_propensity=np.full(len(kept), 1.0 - RATE / LIMIT),
        explored_propensity=np.where(explored[kept], RATE / (LIMIT * pool), 0.0),
        click_record=at,
        click_slot=click_slot + 1,
    )
    on_explored = explored & clicks[np.arange(count), np.maximum(slot - 1, 0)]
    totals = WindowTotals(
        requests=np.bincount(group, minlength=groups).astype(float),
        clicks=np.bincount(group, weights=clicks.sum(axis=1), minlength=groups),
        explored_click_slots=slot[on_explored],
        explored_click_limits=np.full(int(on_explored.sum()), LIMIT),
    )
    return records, totals


def true_exposure(order: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """P(examined) of every item when an order is served with exploration, by plain loops."""
    exposure = np.zeros(DEPTH)
    pool = range(POOL[0], POOL[1] + 1)
    for position in range(1, LIMIT + 1):
        item = order[position - 1]
        exposure[item] += (1.0 - RATE / LIMIT) * curve[position - 1]
        for rank in pool:
            exposure[order[rank - 1]] += RATE / (LIMIT * len(pool)) * curve[position - 1]
    return exposure
