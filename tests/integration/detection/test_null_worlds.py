"""Worlds without a fault, with everything that makes naive tests cry wolf: the level holds."""

import numpy as np
from recsysops.statistics.discoveries import adjust_p_values
from recsysops.statistics.shares import Weighted, compare_shares, effective_rows
from recsysops.vocabulary import HASH_GROUPS

CHECKS = 300
WORLDS = 120
MEMBERS, REQUESTS, ROWS = 250, 400, 20
RATES = (0.02, 0.2)
"""Two strata of requests, logged in full with these probabilities."""


def draw_window(rng: np.random.Generator) -> Weighted:
    """300 shares over full records: rows of a request and of a member go together, requests are
    sampled by stratum, and strata differ."""
    owner = rng.integers(0, MEMBERS, REQUESTS)
    stratum = rng.integers(0, 2, REQUESTS)
    taste = rng.normal(0, 0.4, (MEMBERS, CHECKS))[owner]
    tilt = taste + rng.normal(0, 0.4, (REQUESTS, CHECKS)) + 0.5 * stratum[:, None]
    hits = rng.binomial(ROWS, 1.0 / (1.0 + np.exp(1.5 - tilt)))
    weight = 1.0 / np.array(RATES)[stratum]
    groups = np.zeros((2, CHECKS, HASH_GROUPS))
    member_group = rng.integers(0, HASH_GROUPS, MEMBERS)[owner]
    for group in range(HASH_GROUPS):
        inside = member_group == group
        groups[0, :, group] = weight[inside] @ hits[inside]
        groups[1, :, group] = weight[inside].sum() * ROWS
    worth = effective_rows(weight.sum() * ROWS, (weight**2).sum() * ROWS)
    return Weighted(groups[0], groups[1], np.full(CHECKS, float(worth)))


def test_three_hundred_checks_of_sampled_clustered_rows_keep_the_false_discovery_level() -> None:
    rng = np.random.default_rng(21)
    single, runs = 0, 0
    for _ in range(WORLDS):
        p_values = compare_shares(draw_window(rng), draw_window(rng)).p_value
        single += int((p_values < 0.05).sum())
        runs += bool((adjust_p_values(p_values) <= 0.05).any())
    # one check alone stays near its nominal level; clusters cost a little accuracy
    assert 0.03 <= single / (WORLDS * CHECKS) <= 0.07
    # all null: any discovery is false, so the share of runs with one is the false discovery rate
    assert runs / WORLDS <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / WORLDS)
