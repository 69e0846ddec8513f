"""Reads from the lake how a model in shadow or as canary compares with the one that serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from recsysops.ports import QueryEngine, Row
from recsysops.request_log.sql import render_sql, utc_day
from recsysops.statistics.jackknife import (
    jackknife_difference,
    jackknife_error,
    leave_one_group_out,
    ratio,
)
from recsysops.statistics.sequential import look_at
from recsysops.statistics.student import Floats
from recsysops.vocabulary import HASH_GROUPS, Window

LEAST_REQUESTS = 30
_T90 = 1.6955
"""The 95 % point of Student's t with 31 degrees of freedom: 32 hash groups."""
_TYPICAL_PLAYS = 0.02
"""The difference in plays per request at which the watch is sharpest: a fifth of a usual rate."""

# one row a request, whatever was delivered twice or chosen several times
_SHADOW = """
SELECT member_group AS grp, count(*) AS requests, sum(agreement) AS agreement,
       sum(correlation) AS correlation, count(correlation) AS correlated,
       sum(chosen) AS chosen, sum(served_hit) AS served_hits, sum(shadow_hit) AS shadow_hits
FROM (
  SELECT s.request_id, s.member_group, max(s.agreement_at_10) AS agreement,
    max(s.rank_correlation) AS correlation,
    max(CASE WHEN f.item_id IS NULL THEN 0 ELSE 1 END) AS chosen,
    max(CASE WHEN contains(s.served, f.item_id) THEN 1 ELSE 0 END) AS served_hit,
    max(CASE WHEN contains(s.shadow, f.item_id) THEN 1 ELSE 0 END) AS shadow_hit
  FROM shadow_requests s
  LEFT JOIN (
    SELECT DISTINCT request_id, item_id FROM feedback
    WHERE kind = 'play' AND traffic = 're-timed' AND dt >= {first_day}
  ) f ON f.request_id = s.request_id
  WHERE s.shadow_model_id = {model_id} AND s.dt >= {first_day}
    AND s.event_time >= {start} AND s.event_time < {end}
  GROUP BY s.request_id, s.member_group
) q
GROUP BY member_group
ORDER BY member_group"""

_ARMS = """
SELECT arm, member_group AS grp, count(*) AS requests, sum(hit) AS hits
FROM (
  SELECT s.request_id, s.member_group, s.roll_out_arm AS arm,
    max(CASE WHEN contains(s.shown, f.item_id) THEN 1 ELSE 0 END) AS hit
  FROM slim_requests s
  LEFT JOIN (
    SELECT DISTINCT request_id, item_id FROM feedback
    WHERE kind = 'play' AND dt >= {first_day}
  ) f ON f.request_id = s.request_id
  WHERE s.roll_out_id = {roll_out_id} AND s.dt >= {first_day}
    AND s.event_time >= {start} AND s.event_time < {end}
  GROUP BY s.request_id, s.member_group, s.roll_out_arm
) q
GROUP BY arm, member_group
ORDER BY arm, member_group"""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 90 % interval, by the delete-a-group jackknife over members."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Watch:
    """A value with its 95 % confidence sequence: valid however often it was looked at before.

    p_value: of no difference at all, over all looks together.
    """

    value: float
    low: float
    high: float
    p_value: float

    @property
    def verdict(self) -> Literal["worse", "better", "undecided"]:
        """What may be acted on at this look."""
        if self.low <= 0.0 <= self.high:
            return "undecided"
        return "worse" if self.high < 0.0 else "better"


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """What the lake says; `refusals` name what could not be answered and why.

    agreement_at_10: share of the ten best that both models name. rank_correlation: Spearman's
    over the served shortlist. expected_plays: how many more of 1,000 requests would have had
    what was chosen on their slate, for choices that no slate could change (re-timed traffic).
    canary_plays: the same as observed, canary members against their control. canary_watch: the same
    for whoever looks again and again, since the roll-out began.
    """

    model_id: str
    shadow_requests: int
    canary_requests: int
    control_requests: int
    agreement_at_10: Estimate | None = None
    rank_correlation: Estimate | None = None
    expected_plays: Estimate | None = None
    canary_plays: Estimate | None = None
    canary_watch: Watch | None = None
    refusals: tuple[str, ...] = ()

    def to_document(self) -> dict[str, object]:
        """Return the comparison as JSON-ready values."""
        return asdict(self)


def compare_models(
    model_id: str, window: Window, *, roll_out_id: str | None, queries: QueryEngine
) -> ModelComparison:
    """Compare a model with the serving one over a window: in shadow, and as canary if one runs.

    Raises: DependencyError, BadInput when an id is none.
    """
    first_day = utc_day(window.start)
    times = {"start": window.start, "end": window.end, "first_day": first_day}
    shadow = _by_group(queries.run(render_sql(_SHADOW, model_id=model_id, **times)))
    arms: Mapping[str, Mapping[str, Floats]] = {}
    if roll_out_id is not None:
        arms = _by_arm(queries.run(render_sql(_ARMS, roll_out_id=roll_out_id, **times)))
    canary, control = (arms.get(arm, _by_group(())) for arm in ("canary", "control"))
    refusals: list[str] = []
    plays = _canary_plays(canary, control, refusals)
    return ModelComparison(
        model_id=model_id,
        shadow_requests=_count(shadow, "requests"),
        canary_requests=_count(canary, "requests"),
        control_requests=_count(control, "requests"),
        agreement_at_10=_mean(shadow, "agreement", "requests", refusals),
        rank_correlation=_mean(shadow, "correlation", "correlated", refusals),
        expected_plays=_shadow_plays(shadow, refusals),
        canary_plays=_scaled(_estimate(*plays), 1_000.0) if plays else None,
        canary_watch=_watch(*plays) if plays else None,
        refusals=tuple(refusals),
    )


def _shadow_plays(shadow: Mapping[str, Floats], refusals: list[str]) -> Estimate | None:
    chosen = shadow["chosen"]
    if chosen.sum() < LEAST_REQUESTS:
        refusals.append(
            f"expected_plays: {int(chosen.sum())} shadowed requests have a choice that no slate "
            f"could change (re-timed traffic), {LEAST_REQUESTS} are needed; live traffic asks for "
            "a canary"
        )
        return None
    gained = shadow["shadow_hits"] - shadow["served_hits"]
    return _scaled(_ratio(gained, chosen), 1_000.0)


def _canary_plays(
    canary: Mapping[str, Floats], control: Mapping[str, Floats], refusals: list[str]
) -> tuple[float, float] | None:
    """Return the difference in plays per request and its standard error."""
    least = min(_count(canary, "requests"), _count(control, "requests"))
    if least < LEAST_REQUESTS:
        refusals.append(
            f"canary_plays: the smaller arm has {least} requests, {LEAST_REQUESTS} are needed"
        )
        return None
    found = jackknife_difference(
        ratio,
        reference=(control["hits"], control["requests"]),
        window=(canary["hits"], canary["requests"]),
    )
    return float(found.value), float(found.error)


def _watch(value: float, error: float) -> Watch:
    look = look_at(np.array([value]), np.array([error]), typical_effect=_TYPICAL_PLAYS)
    low, high = 1_000.0 * float(look.low[0]), 1_000.0 * float(look.high[0])
    return Watch(1_000.0 * value, low, high, float(look.p_value[0]))


def _mean(
    sums: Mapping[str, Floats], total: str, count: str, refusals: list[str]
) -> Estimate | None:
    rows = _count(sums, count)
    if rows < LEAST_REQUESTS:
        refusals.append(f"{total}: {rows} shadowed requests, {LEAST_REQUESTS} are needed")
        return None
    return _ratio(sums[total], sums[count])


def _ratio(numerator: Floats, denominator: Floats) -> Estimate:
    replicates = ratio(leave_one_group_out(numerator), leave_one_group_out(denominator))
    value = float(numerator.sum() / denominator.sum())
    return _estimate(value, float(jackknife_error(replicates)))


def _estimate(value: float, error: float) -> Estimate:
    return Estimate(value, value - _T90 * error, value + _T90 * error)


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    return Estimate(estimate.value * factor, estimate.low * factor, estimate.high * factor)


_COLUMNS = (
    "requests", "agreement", "correlation", "correlated", "chosen", "served_hits", "shadow_hits",
    "hits",
)  # fmt: skip


def _by_group(rows: Iterable[Row]) -> dict[str, Floats]:
    """Return each column as sums per hash group, (32,), zero where a group has no rows."""
    sums = {name: np.zeros(HASH_GROUPS) for name in _COLUMNS}
    for row in rows:
        group = int(str(row["grp"]))
        for name in _COLUMNS:
            value = row.get(name)
            sums[name][group] += 0.0 if value is None else float(str(value))
    return sums


def _by_arm(rows: Iterable[Row]) -> dict[str, dict[str, Floats]]:
    listed = list(rows)
    arms = {str(row["arm"]) for row in listed}
    return {arm: _by_group([row for row in listed if row["arm"] == arm]) for arm in arms}


def _count(sums: Mapping[str, Floats], name: str) -> int:
    return int(sums[name].sum())
