"""Plans how likely a full record is per stratum, from a period's traffic and a budget of rows.

Ordinary requests of a stratum with N a day get the rate λ / √N, so that their rows grow with √N
(power allocation: small strata are studied almost as well as large ones), within [floor, 1]; λ is
what spends the budget. Source: M. Bankier, Power Allocations (The American Statistician, 1988).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from recsysops.request_log.sampling import RATE_FLOOR, ordinary_rate
from recsysops.vocabulary import SamplingPlan

RAISED_CAP = 0.9
"""Never everything: even what is always worth a record keeps a known probability below one."""
RAISED_SHARE = 0.5
"""At most so much of the budget goes to raised requests."""
MAX_PLANNED = 150
_STEPS = 80


@dataclass(frozen=True, slots=True)
class StratumTraffic:
    """Requests of one stratum a day: ordinary ones, and those that are raised."""

    stratum: str
    ordinary: float
    raised: float


@dataclass(frozen=True, slots=True)
class PlannedRates:
    """The plan, the rows a day it is expected to log, and whether its floors alone exceed the
    budget: then they hold and the budget does not."""

    plan: SamplingPlan
    expected_rows: float
    over_budget: bool


def plan_rates(
    traffic: Sequence[StratumTraffic],
    *,
    current: SamplingPlan,
    budget_rows: float,
    floor_rows: float,
) -> PlannedRates:
    """Return rates under which the expected log size is the budget.

    Args:
        traffic: requests a day per stratum; none keeps the current plan.
        current: what serves now; exploration and surfaces are kept as they are.
        budget_rows: full records a day.
        floor_rows: full records a day that a stratum gets at least (all it has, if fewer).
    """
    kept = sorted(traffic, key=lambda one: (-one.ordinary - one.raised, one.stratum))[:MAX_PLANNED]
    if not kept:
        return PlannedRates(current, 0.0, over_budget=False)
    total = sum(one.ordinary + one.raised for one in traffic)
    plan = replace(
        current,
        rate=min(1.0, max(RATE_FLOOR, budget_rows / total)),
        raised_rate=_raised_rate(traffic, budget_rows),
    )

    def with_spending(spending: float) -> SamplingPlan:
        rates = {one.stratum: _rate(one, spending, floor_rows) for one in kept}
        return replace(plan, stratum_rates=rates)

    spending = _solve(lambda value: expected_rows(traffic, with_spending(value)), budget_rows)
    planned = with_spending(spending)
    rows = expected_rows(traffic, planned)
    return PlannedRates(planned, rows, over_budget=rows > 1.001 * budget_rows)


def expected_rows(traffic: Sequence[StratumTraffic], plan: SamplingPlan) -> float:
    """Return Σ of the inclusion probabilities: the rows a day that a plan is expected to log."""
    rows = 0.0
    for one in traffic:
        rate = ordinary_rate(plan, one.stratum)
        rows += one.ordinary * rate + one.raised * max(rate, plan.raised_rate)
    return rows


def _rate(one: StratumTraffic, spending: float, floor_rows: float) -> float:
    requests = one.ordinary + one.raised
    low = min(1.0, max(RATE_FLOOR, floor_rows / requests))
    return min(1.0, max(low, spending / sqrt(requests)))


def _raised_rate(traffic: Sequence[StratumTraffic], budget_rows: float) -> float:
    raised = sum(one.raised for one in traffic)
    if not raised:
        return RAISED_CAP
    return min(RAISED_CAP, max(RATE_FLOOR, RAISED_SHARE * budget_rows / raised))


def _solve(rows_of: Callable[[float], float], budget: float) -> float:
    """Return the largest spending whose rows stay within the budget, 0 when none does."""
    low, high = 0.0, 1.0
    while rows_of(high) < budget and high < 1e12:
        high *= 4.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rows_of(middle) <= budget else (low, middle)
    return low
