"""Knows which requests are logged in full: their stratum, its probability, and the draw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from recsysops.vocabulary import Arm, SamplingPlan, Surface, hash_unit

RECENT_LAUNCH_DAYS = 30
"""An item counts as a launch for this long."""

RATE_FLOOR = 0.01
"""No stratum is sampled less: its weights (1 / probability) would drown every estimate."""

_PARTS = 4
"""Parts of a stratum's name before the country."""


@dataclass(slots=True)
class RaisedBudget:
    """How many requests one scorer has raised in the minute that runs.

    Whether a request may be raised depends on the requests before it, never on its own draw, so
    the probability that stands in its record is the true one.
    """

    _minute: int = -1
    _taken: int = 0

    def take(self, moment: datetime, *, limit: int) -> bool:
        """Return whether one more request may be raised in this minute."""
        minute = int(moment.timestamp()) // 60
        if minute != self._minute:
            self._minute, self._taken = minute, 0
        self._taken += 1
        return self._taken <= limit


class SamplingDecision(NamedTuple):
    """Stratum, probability of a full record, and whether this request is drawn.

    One for every request: a tuple is made in half the time of a frozen dataclass.
    """

    stratum: str
    inclusion_probability: float
    full: bool


def name_stratum(
    *,
    surface: Surface,
    member_known: bool,
    launch_shown: bool,
    arm: Arm,
    country: str | None = None,
) -> str:
    """Name the stratum of a request: surface × member × launch × arm (× country, where told).

    >>> name_stratum(surface="home", member_known=True, launch_shown=False, arm="greedy")
    'home/known/no-launch/greedy'
    """
    member = "known" if member_known else "unknown"
    launch = "launch" if launch_shown else "no-launch"
    stratum = f"{surface}/{member}/{launch}/{arm}"
    return f"{stratum}/{country}" if country else stratum


def ordinary_rate(plan: SamplingPlan, stratum: str) -> float:
    """Return the rate of a stratum's ordinary requests in [RATE_FLOOR, 1].

    The plan's own rate for it, else that of the same stratum in all countries, else the overall.
    """
    rates = plan.stratum_rates
    rate = rates.get(stratum)
    if rate is None and not rates:
        rate = plan.rate
    elif rate is None:
        rate = rates.get("/".join(stratum.split("/")[:_PARTS]), plan.rate)
    if RATE_FLOOR <= rate <= 1.0:
        return rate
    return min(1.0, max(RATE_FLOOR, rate))


def inclusion_probability(plan: SamplingPlan, stratum: str, *, raised: bool) -> float:
    """Return the probability of a full record in [RATE_FLOOR, 1].

    `raised` (fallback, exploration or an active hotfix) lifts it to the plan's raised rate, never
    above it: an outage in which everything falls back must not log everything.
    """
    rate = ordinary_rate(plan, stratum)
    return min(1.0, max(rate, plan.raised_rate)) if raised else rate


def decide_sampling(
    request_id: str, *, plan: SamplingPlan, stratum: str, raised: bool
) -> SamplingDecision:
    """Draw a request by the hash of its id, so that a repeat decides the same."""
    probability = inclusion_probability(plan, stratum, raised=raised)
    return SamplingDecision(stratum, probability, hash_unit("sample", request_id) < probability)
