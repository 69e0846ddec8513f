from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.errors import CouldNotJudge
from recsysops.experiments.examination import Examination, power_curve
from recsysops.experiments.slate_log import (
    new_exposure,
    reversed_pairs,
)
from recsysops.experiments.slate_support import SupportRules, orders_agree
from recsysops.experiments.slate_value import estimate_slate_value
from recsysops.experiments.slate_weights import SlateLog, realised_exposure, weigh_slates

from tests.fakes.slate_logs import (
    DECAY,
    DEPTH,
    LIMIT,
    RATE,
    Orders,
    draw_log,
    make_orders,
    make_relevance,
    true_exposure,
)

CURVE = power_curve(DECAY, LIMIT)
KNOWN = Examination(DECAY, 0.0, 1_000)
ANYTHING = SupportRules(most_unsupported=1.0, fewest_matches=0.0, fewest_explored_clicks=0)
SAME = Orders(np.tile(np.arange(DEPTH), (6, 1)))


def naive_ips(orders: Orders, records, curve: np.ndarray) -> float:
    """Σ weight · click · new exposure / logged exposure over Σ weight, one click at a time."""
    total = 0.0
    for record, slot in zip(records.click_record, records.click_slot, strict=True):
        group = records.group[record]
        explored = slot == records.explored_slot[record]
        item = records.explored_rank[record] - 1 if explored else slot - 1
        gained = true_exposure(orders.new[group], curve)[item]
        logged = true_exposure(np.arange(DEPTH), curve)[item]
        total += records.weight[record] * gained / logged
    return total / records.weight.sum()


def naive_realised(orders: Orders, records, curve: np.ndarray) -> float:
    """Σ weight · ratio · examination over every shown slot."""
    total = 0.0
    for record, group in enumerate(records.group):
        gained = true_exposure(orders.new[group], curve)
        logged = true_exposure(np.arange(DEPTH), curve)
        for slot in range(1, LIMIT + 1):
            explored = slot == records.explored_slot[record]
            item = records.explored_rank[record] - 1 if explored else slot - 1
            total += records.weight[record] * gained[item] / logged[item] * curve[slot - 1]
    return total


@given(seed=st.integers(0, 1000))
@settings(max_examples=15)
def test_exposure_agrees_with_plain_loops_and_adds_up(seed: int) -> None:
    orders = make_orders(seed)
    found = new_exposure(orders.pairs, CURVE)
    for group, order in enumerate(orders.new):
        assert found[group] == pytest.approx(true_exposure(order, CURVE)[order])
    assert found.sum(axis=1) == pytest.approx(np.full(6, CURVE.sum()))


def test_reversing_twice_gives_the_pairs_back() -> None:
    pairs = make_orders(1).pairs
    again = reversed_pairs(reversed_pairs(pairs))
    assert np.array_equal(again.new_rank, pairs.new_rank)
    assert np.array_equal(again.old_rank, pairs.old_rank)


@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_weights_agree_with_a_naive_loop(seed: int) -> None:
    orders = make_orders(seed)
    records, totals = draw_log(orders, make_relevance(seed), np.random.default_rng(seed), count=120)
    log = SlateLog(orders.pairs, records, totals)
    weights = weigh_slates(log, KNOWN)
    ips = (records.weight[records.click_record] * weights.click_ratio).sum()
    assert ips / records.weight.sum() == pytest.approx(naive_ips(orders, records, CURVE))
    assert realised_exposure(log, weights) == pytest.approx(naive_realised(orders, records, CURVE))


def test_ips_of_the_estimate_agrees_with_the_naive_loop_at_the_estimated_curve() -> None:
    orders = make_orders(3)
    records, totals = draw_log(orders, make_relevance(3), np.random.default_rng(3), count=2_000)
    found = estimate_slate_value(orders.pairs, records, totals, rules=ANYTHING)
    curve = found.examination.curve(LIMIT)
    assert found.ips == pytest.approx(naive_ips(orders, records, curve))


def test_the_same_order_is_worth_exactly_the_same_and_needs_no_exploration() -> None:
    records, totals = draw_log(SAME, make_relevance(1), np.random.default_rng(1), count=200)
    silent = replace(records, explored_slot=np.zeros_like(records.explored_slot))
    found = estimate_slate_value(SAME.pairs, silent, totals)
    assert (found.difference.low, found.difference.high) == (0.0, 0.0)
    assert found.new == found.now


def test_a_wrong_propensity_moves_the_estimate() -> None:
    orders = make_orders(2)
    records, totals = draw_log(orders, make_relevance(2), np.random.default_rng(2), count=2_000)
    wrong = replace(records, explored_propensity=records.explored_propensity / 2)
    right = estimate_slate_value(orders.pairs, records, totals, rules=ANYTHING)
    moved = estimate_slate_value(orders.pairs, wrong, totals, rules=ANYTHING)
    assert moved.ips > right.ips * 1.05


def test_without_exploration_it_refuses() -> None:
    orders = make_orders(2)
    records, totals = draw_log(orders, make_relevance(2), np.random.default_rng(2), count=500)
    silent = replace(records, explored_slot=np.zeros_like(records.explored_slot))
    with pytest.raises(CouldNotJudge, match="no request of the window explored"):
        estimate_slate_value(orders.pairs, silent, totals, rules=ANYTHING)


def test_items_that_were_never_shown_make_it_refuse() -> None:
    orders = make_orders(2, disorder=400.0)
    records, totals = draw_log(orders, make_relevance(2), np.random.default_rng(2), count=500)
    with pytest.raises(CouldNotJudge, match="was never shown by the logged policy"):
        estimate_slate_value(orders.pairs, records, totals)


def test_too_few_matches_make_it_refuse() -> None:
    orders = make_orders(2)
    records, totals = draw_log(orders, make_relevance(2), np.random.default_rng(2), count=150)
    rules = replace(ANYTHING, fewest_matches=500.0)
    with pytest.raises(CouldNotJudge, match="times in effect"):
        estimate_slate_value(orders.pairs, records, totals, rules=rules)


def test_too_few_explored_clicks_make_it_refuse() -> None:
    orders = make_orders(2)
    records, totals = draw_log(orders, make_relevance(2), np.random.default_rng(2), count=150)
    rules = replace(ANYTHING, fewest_explored_clicks=10_000)
    with pytest.raises(CouldNotJudge, match="tell position from relevance"):
        estimate_slate_value(orders.pairs, records, totals, rules=rules)


def test_unsupported_items_widen_the_interval_by_a_bound() -> None:
    """Two logs alike but for one group whose new first item was never shown."""
    orders = make_orders(4, disorder=2.0)
    blind = orders.new.copy()
    blind[0, [0, 55]] = blind[0, [55, 0]]
    records, totals = draw_log(orders, make_relevance(4), np.random.default_rng(4), count=3_000)
    seen = estimate_slate_value(orders.pairs, records, totals, rules=ANYTHING)
    unseen = estimate_slate_value(Orders(blind).pairs, records, totals, rules=ANYTHING)
    assert unseen.support.unsupported > seen.support.unsupported
    assert unseen.new.high - unseen.new.low > seen.new.high - seen.new.low


def test_a_shorter_new_order_does_not_agree_with_the_old_one() -> None:
    pairs = SAME.pairs
    new_rank, old_rank = pairs.new_rank.copy(), pairs.old_rank.copy()
    new_rank[0, LIMIT - 1 :], old_rank[0, LIMIT - 1 :] = 0, -1
    assert orders_agree(pairs)
    assert not orders_agree(replace(pairs, new_rank=new_rank, old_rank=old_rank))


def test_the_explored_share_of_the_new_policy_is_counted() -> None:
    """Without exploration of its own the new policy would show its greedy slate always."""
    pairs = replace(SAME.pairs, rate=np.zeros(6))
    first = new_exposure(pairs, CURVE)[0, 0]
    assert first == 1.0
    assert new_exposure(SAME.pairs, CURVE)[0, 0] == pytest.approx(1.0 - RATE / LIMIT)
