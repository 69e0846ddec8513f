"""Estimators over many repeated logs with a known truth: no bias, and intervals that hold."""

from __future__ import annotations

import numpy as np
from recsysops.experiments.examination import power_curve
from recsysops.experiments.slate_support import SupportRules
from recsysops.experiments.slate_value import estimate_slate_value

from tests.fakes.slate_logs import (
    DECAY,
    DEPTH,
    LIMIT,
    draw_log,
    make_orders,
    make_relevance,
    true_exposure,
)

CURVE = power_curve(DECAY, LIMIT)
ANYTHING = SupportRules(most_unsupported=1.0, fewest_matches=0.0, fewest_explored_clicks=0)


def test_every_estimator_is_unbiased_over_repeated_logs() -> None:
    orders, relevance = make_orders(5, disorder=2.0), make_relevance(5)
    exposure = np.array([true_exposure(order, CURVE) for order in orders.new])
    truth = float((exposure * relevance).sum(axis=1).mean())
    rng = np.random.default_rng(8)
    runs = []
    for _ in range(150):
        records, totals = draw_log(orders, relevance, rng, count=1_500)
        found = estimate_slate_value(orders.pairs, records, totals, rules=ANYTHING)
        runs.append((found.new.value, found.ips, found.snips))
    errors = np.array(runs) - truth
    standard_error = errors.std(axis=0) / np.sqrt(len(runs))
    assert (np.abs(errors.mean(axis=0)) < 4 * standard_error).all()
    assert errors[:, 0].std() < errors[:, 1].std(), "doubly robust is the sharper one"


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    orders, relevance = make_orders(6, groups=60), make_relevance(6, groups=60) / 6
    exposure = np.array([true_exposure(order, CURVE) for order in orders.new])
    old = true_exposure(np.arange(DEPTH), CURVE)
    truth = float((exposure * relevance).sum(axis=1).mean())
    gain = truth - float((old * relevance).sum(axis=1).mean())
    rng = np.random.default_rng(9)
    held = []
    for _ in range(100):
        records, totals = draw_log(orders, relevance, rng, count=3_000)
        found = estimate_slate_value(orders.pairs, records, totals, rules=ANYTHING)
        held.append((found.new.contains(truth), found.difference.contains(gain)))
    assert (np.mean(held, axis=0) >= 0.85).all()
