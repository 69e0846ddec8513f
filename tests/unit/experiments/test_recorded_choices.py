from __future__ import annotations

import numpy as np
import pytest
from recsysops.errors import CouldNotJudge
from recsysops.experiments.recorded_choices import Choices, estimate_hits
from recsysops.experiments.slate_log import SlateRecords, WindowTotals

from tests.fakes.slate_logs import DEPTH, LIMIT, POOL, RATE, Orders, make_orders

KEEP = 1.0 - RATE / LIMIT
EXPLORE = RATE / (POOL[1] - POOL[0] + 1)


def make_records(group: np.ndarray, weight: np.ndarray) -> SlateRecords:
    count = len(group)
    none = np.zeros(count, dtype=np.intp)
    return SlateRecords(
        group=group,
        cluster=np.arange(count),
        weight=weight,
        explored_slot=none,
        explored_rank=none,
        greedy_propensity=np.full(count, KEEP),
        explored_propensity=np.zeros(count),
        click_record=none[:0],
        click_slot=none[:0],
    )


def make_totals(hits: np.ndarray) -> WindowTotals:
    none = np.zeros(0, dtype=np.intp)
    return WindowTotals(np.ones(len(hits)), hits.astype(float), none, none)


def test_gains_and_losses_are_as_computed_by_hand() -> None:
    """40 choices: 30 unmoved, 6 enter from rank 50 (shown never), 4 fall into the pool."""
    orders = Orders(np.tile(np.arange(DEPTH), (1, 1)))
    old = np.array([1] * 30 + [50] * 6 + [2] * 4)
    new = np.array([1] * 30 + [3] * 6 + [12] * 4)
    records = make_records(np.zeros(40, dtype=np.intp), np.full(40, 2.0))
    choices = Choices(np.arange(40), old, new)
    found = estimate_hits(orders.pairs, records, make_totals(old <= LIMIT), choices)
    assert found.difference.value == pytest.approx((6 * KEEP - 4 * (KEEP - EXPLORE)) / 40)
    assert found.now.value == pytest.approx(34 / 40)
    assert found.new.value == pytest.approx(found.now.value + found.difference.value)
    assert found.difference.low < found.difference.value < found.difference.high


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    orders = make_orders(1, groups=200)
    rng = np.random.default_rng(2)
    chance = 1.0 / np.arange(1, DEPTH + 1)
    chance /= chance.sum()
    new_rank = orders.pairs.new_rank

    def shown(ranks: np.ndarray) -> np.ndarray:
        pooled = (ranks >= POOL[0]) & (ranks <= POOL[1])
        return (ranks <= LIMIT) * KEEP + pooled * EXPLORE

    truth = float((chance * (shown(new_rank) - shown(np.arange(1, DEPTH + 1)))).sum(1).mean())
    held = []
    for _ in range(150):
        group = rng.integers(0, 200, 500)
        old = rng.choice(DEPTH, size=500, p=chance) + 1
        full = np.flatnonzero(rng.random(500) < 0.4)
        choices = Choices(np.arange(len(full)), old[full], new_rank[group, old - 1][full])
        records = make_records(group[full], np.full(len(full), 2.5))
        found = estimate_hits(orders.pairs, records, make_totals(old <= LIMIT), choices)
        held.append(found.difference.contains(truth))
    assert np.mean(held) >= 0.85


def test_few_choices_make_it_refuse() -> None:
    orders = make_orders(1)
    few = np.arange(5)
    records = make_records(few, np.ones(5))
    with pytest.raises(CouldNotJudge, match="only 5 choices"):
        estimate_hits(orders.pairs, records, make_totals(few), Choices(few, few + 1, few + 1))
