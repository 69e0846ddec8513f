"""Many changes are tested at once, each as it would be alone."""

from __future__ import annotations

import numpy as np
from recsysops.detection.cells import Sums
from recsysops.detection.compare import mean_change, mean_changes
from recsysops.vocabulary import HASH_GROUPS


def sums_of(seed: int, *, mean: float) -> Sums:
    groups = np.random.default_rng(seed).uniform(5.0, 9.0, (3, HASH_GROUPS))
    rows = groups.sum(axis=1)
    noise = np.random.default_rng(seed + 1).normal(mean, 0.1, groups.shape)
    return Sums(rows, rows, rows, groups, groups * noise)


def test_means_are_tested_together_as_each_alone() -> None:
    pairs = [
        (sums_of(1, mean=0.5), sums_of(2, mean=0.5)),
        (sums_of(3, mean=0.5), sums_of(4, mean=0.7)),
    ]
    assert mean_changes(pairs) == [mean_change(*pair) for pair in pairs]
    still, moved = mean_changes(pairs)
    assert moved.p_value < 1e-6 < still.p_value
    assert abs(moved.increase - 0.2) < 0.05


def test_of_no_means_nothing_is_tested() -> None:
    assert mean_changes([]) == []
