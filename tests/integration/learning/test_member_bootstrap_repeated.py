"""Bootstrap intervals over members, repeated, cover the truth."""

from __future__ import annotations

import numpy as np
from recsysops.learning.member_bootstrap import resample_members


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng([seed, 1])
        own = rng.normal(size=60)
        members = np.repeat(np.arange(60, dtype=np.int32), 5)
        values = (own[members] + rng.normal(size=300))[:, None]
        interval = resample_members(values, members, rng=rng).interval(0)
        covered += interval.low <= 0.0 <= interval.high
    assert 52 <= covered <= 60
