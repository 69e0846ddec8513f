"""Planned rates spend the budget, keep the floors, and leave estimates unbiased."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.request_log.rates import (
    RAISED_CAP,
    RAISED_SHARE,
    StratumTraffic,
    expected_rows,
    plan_rates,
)
from recsysops.request_log.sampling import RATE_FLOOR, RaisedBudget, decide_sampling
from recsysops.vocabulary import SamplingPlan

from tests.fakes.served_world import NOW

CURRENT = SamplingPlan(explore_rate=0.07)
strata = st.lists(
    st.tuples(st.integers(1, 200_000), st.integers(0, 20_000)), min_size=1, max_size=12
).map(lambda sizes: [StratumTraffic(f"s{n}", *size) for n, size in enumerate(sizes)])


def test_a_plan_made_by_hand() -> None:
    traffic = [StratumTraffic("big", 10_000, 0), StratumTraffic("small", 100, 0)]
    made = plan_rates(traffic, current=CURRENT, budget_rows=1_100, floor_rows=0)
    # rows grow with the root of the traffic: 100 to 10
    assert made.plan.stratum_rates == pytest.approx({"big": 0.1, "small": 1.0}, rel=1e-6)
    assert made.expected_rows == pytest.approx(1_100)
    assert not made.over_budget
    assert made.plan.explore_rate == 0.07


@given(strata, st.floats(1, 300_000), st.floats(0, 500))
def test_the_expected_log_is_the_budget_unless_floors_or_traffic_forbid(
    traffic: list[StratumTraffic], budget: float, floor: float
) -> None:
    made = plan_rates(traffic, current=CURRENT, budget_rows=budget, floor_rows=floor)
    total = sum(one.ordinary + one.raised for one in traffic)
    least = expected_rows(traffic, plan_rates(
        traffic, current=CURRENT, budget_rows=1e-9, floor_rows=floor).plan)  # fmt: skip
    assert made.expected_rows == pytest.approx(expected_rows(traffic, made.plan))
    if made.over_budget:
        assert budget < made.expected_rows
    elif made.expected_rows < 0.999 * budget:
        everything = sum(one.ordinary + one.raised * 1.0 for one in traffic)
        assert made.expected_rows == pytest.approx(everything)
    assert made.expected_rows <= max(budget * 1.001, least * 1.001, total * 1e-9) or (
        made.over_budget
    )


@given(strata, st.floats(1, 300_000), st.floats(1, 500))
def test_every_stratum_gets_its_floor_and_every_rate_is_a_probability(
    traffic: list[StratumTraffic], budget: float, floor: float
) -> None:
    made = plan_rates(traffic, current=CURRENT, budget_rows=budget, floor_rows=floor)
    for one in traffic:
        rate = made.plan.stratum_rates[one.stratum]
        requests = one.ordinary + one.raised
        assert RATE_FLOOR <= rate <= 1.0
        assert rate * requests >= min(floor, requests) * (1 - 1e-9)
    assert RATE_FLOOR <= made.plan.raised_rate <= RAISED_CAP
    raised = sum(one.raised for one in traffic)
    if made.plan.raised_rate > RATE_FLOOR:
        assert made.plan.raised_rate * raised <= RAISED_SHARE * budget * (1 + 1e-9)


def test_without_traffic_the_current_plan_stays() -> None:
    made = plan_rates([], current=CURRENT, budget_rows=10, floor_rows=1)
    assert made.plan is CURRENT


def test_hajek_means_under_a_planned_log_are_unbiased_and_plain_means_are_not() -> None:
    rng = np.random.default_rng(11)
    sizes = {"big": 3_000, "small": 150}
    traffic = [StratumTraffic(name, 0.9 * n, 0.1 * n) for name, n in sizes.items()]
    plan = plan_rates(traffic, current=CURRENT, budget_rows=600, floor_rows=60).plan
    weighted, plain, counts = [], [], []
    for run in range(60):
        rows = []
        for name, n in sizes.items():
            for k in range(n):
                raised = k % 10 == 0
                drawn = decide_sampling(f"{run}-{name}-{k}", plan=plan, stratum=name, raised=raised)
                value = (5.0 if raised else 1.0) + (2.0 if name == "small" else 0.0)
                if drawn.full:
                    rows.append((value + rng.normal(), drawn.inclusion_probability))
        values, probabilities = np.array(rows).T
        weighted.append((values / probabilities).sum() / (1 / probabilities).sum())
        plain.append(values.mean())
        counts.append(len(rows))
    truth = (3_000 * 1.4 + 150 * 3.4) / 3_150
    error = np.std(weighted, ddof=1) / np.sqrt(len(weighted))
    assert abs(np.mean(weighted) - truth) < 4 * error
    assert abs(np.mean(plain) - truth) > 0.2
    spread = np.std(counts, ddof=1) / np.sqrt(len(counts))
    assert abs(np.mean(counts) - expected_rows(traffic, plan)) < 4 * spread


def test_a_minute_raises_so_many_requests_and_the_next_minute_begins_anew() -> None:
    budget = RaisedBudget()
    moments = [NOW.replace(second=n) for n in range(6)]
    assert [budget.take(moment, limit=4) for moment in moments] == [True] * 4 + [False] * 2
    assert budget.take(NOW.replace(minute=NOW.minute + 1), limit=4)
    assert not RaisedBudget().take(NOW, limit=0)
