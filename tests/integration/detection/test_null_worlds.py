"""Worlds with everything that makes naive tests cry wolf: the level holds, in a run and over time.

The log is a 1 % sample, stratified, of requests whose rows go together and whose members come
back, on both days; 300 checks look at it.
"""

import numpy as np
import pytest
from recsysops.detection.context import Cadence
from recsysops.detection.decide import decide_findings
from recsysops.statistics.discoveries import adjust_p_values
from recsysops.statistics.shares import Weighted, compare_shares, effective_rows
from recsysops.statistics.student import normal_p_value
from recsysops.vocabulary import HASH_GROUPS

from tests.unit.detection.distributions import check, context, judgement

CHECKS = 300
MEMBERS, REQUESTS, ROWS = 2_000, 40_000, 20
STRATA, RATES = (0.9, 0.1), (0.005, 0.055)
"""Shares of two strata of requests, and the probabilities with which they are logged in full."""


class World:
    """Members with tastes that stay, in hash groups that stay."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.taste = rng.normal(0, 0.4, (MEMBERS, CHECKS))
        self.group = rng.integers(0, HASH_GROUPS, MEMBERS)

    def log_day(self, *, tilt: np.ndarray | None = None) -> Weighted:
        """Return 300 shares over the full records of a day; `tilt` (300,) moves the truth."""
        rng = self.rng
        stratum = rng.choice(2, size=REQUESTS, p=STRATA)
        logged = np.flatnonzero(rng.random(REQUESTS) < np.array(RATES)[stratum])
        owner, stratum = rng.integers(0, MEMBERS, len(logged)), stratum[logged]
        logit = self.taste[owner] + rng.normal(0, 0.4, (len(logged), CHECKS)) - 1.5
        logit += 0.5 * stratum[:, None] + (0.0 if tilt is None else tilt)
        hits = rng.binomial(ROWS, 1.0 / (1.0 + np.exp(-logit)))
        weight = 1.0 / np.array(RATES)[stratum]
        groups = np.zeros((2, CHECKS, HASH_GROUPS))
        for group in range(HASH_GROUPS):
            inside = self.group[owner] == group
            groups[0, :, group] = weight[inside] @ hits[inside]
            groups[1, :, group] = weight[inside].sum() * ROWS
        worth = effective_rows(weight.sum() * ROWS, (weight**2).sum() * ROWS)
        return Weighted(groups[0], groups[1], np.full(CHECKS, float(worth)))


def test_three_hundred_checks_of_a_sampled_clustered_log_keep_the_false_discovery_level() -> None:
    rng = np.random.default_rng(21)
    worlds, single, runs = 120, 0, 0
    for _ in range(worlds):
        world = World(rng)
        p_values = compare_shares(world.log_day(), world.log_day()).p_value
        single += int((p_values < 0.05).sum())
        runs += bool((adjust_p_values(p_values) <= 0.05).any())
    # one check alone stays near its nominal level; clusters cost a little accuracy
    assert 0.03 <= single / (worlds * CHECKS) <= 0.07
    # all null: any discovery is false, so the share of runs with one is the false discovery rate
    assert runs / worlds <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / worlds)


def test_among_true_changes_the_share_of_false_discoveries_keeps_the_level_too() -> None:
    rng = np.random.default_rng(22)
    tilt = np.where(np.arange(CHECKS) < CHECKS // 10, 1.5, 0.0)
    shares, found = [], 0
    for _ in range(60):
        world = World(rng)
        p_values = compare_shares(world.log_day(), world.log_day(tilt=tilt)).p_value
        discoveries = adjust_p_values(p_values) <= 0.05
        shares.append(discoveries[tilt == 0].sum() / max(discoveries.sum(), 1))
        found += int(discoveries[tilt > 0].sum())
    assert found / (60 * CHECKS // 10) > 0.95
    assert np.mean(shares) <= 0.05 + 3 * np.std(shares) / np.sqrt(len(shares))


RUNS: tuple[tuple[Cadence, int, int], ...] = (("hour", 168, 30), ("day", 7, CHECKS))
"""Cadence, runs a week, checks a run; every window is judged twice."""


@pytest.mark.parametrize("together", [0.0, 0.5], ids=["independent", "correlated"])
def test_a_schedule_of_hours_and_days_stays_within_the_weeks_alert_budget(together: float) -> None:
    """No floor protects these checks: significance alone raises the alarm."""
    rng = np.random.default_rng(23)
    weeks, alarms = 1_000, 0
    for every, runs, checks in RUNS:
        hours = {"hour": 1.0, "day": 24.0}[every]
        for _ in range(weeks):
            shared, own = rng.normal(size=(runs, 1)), rng.normal(size=(runs, checks))
            first = np.sqrt(together) * shared + np.sqrt(1 - together) * own
            late = 0.95 * first + np.sqrt(1 - 0.95**2) * rng.normal(size=(runs, checks))
            for revision, z in enumerate((first, late)):
                asked = context(every_hours=hours, every=every, revision=revision)
                alarms += sum(_alarms(row, asked) for row in z if np.abs(row).max() > 3.0)
    assert alarms / weeks <= 0.1
    assert alarms > 0


def _alarms(z: np.ndarray, asked) -> bool:  # type: ignore[no-untyped-def]
    """Whether a run alarms; what is less sure than |z| = 3 cannot, at any of its levels."""
    p_values = normal_p_value(z)
    kept = [check(float(p)) for p in p_values if p <= 0.05]
    return bool(decide_findings([judgement(*kept, wholes=len(z))], asked).findings)
