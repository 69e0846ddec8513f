"""Do members of a canary play less, or get more fallbacks, than the control on the same hash?

Looked at every hour, so the numbers are cumulative and the test is sequential: a confidence
sequence holds at all looks together, where a z-test looked at fifty times does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root
from recsysops.detection.thresholds import FALLBACK_FLOOR
from recsysops.statistics.sequential import look_at
from recsysops.statistics.shares import Weighted, compare_shares
from recsysops.statistics.student import Floats, student_p_value
from recsysops.vocabulary import HASH_GROUPS

_TABLES = """
asked AS (
  SELECT request_id, {unbroken_period} AS period, member_group, roll_out_id, roll_out_arm, shown,
    CASE WHEN status = 'ok' THEN model_id ELSE '-' END AS served,
    CASE WHEN event_time >= {window_start} THEN 'now' ELSE 'before' END AS seen,
    date_diff('day', timestamp '1970-01-01 00:00:00', event_time) AS day
  FROM slim_requests
  WHERE {unbroken} AND roll_out_id IS NOT NULL AND roll_out_arm IS NOT NULL AND member_known
),
plays AS (
  SELECT DISTINCT request_id, item_id FROM feedback
  WHERE kind = 'play' AND {unbroken} AND request_id IN (SELECT request_id FROM asked)
),
answered AS (
  SELECT a.request_id, a.period, a.member_group, a.roll_out_id, a.roll_out_arm, a.served, a.seen,
    a.day, max(CASE WHEN contains(a.shown, p.item_id) THEN 1 ELSE 0 END) AS hit
  FROM asked a LEFT JOIN plays p ON p.request_id = a.request_id
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
counts AS (
  SELECT period, 'all' AS slice, member_group AS grp, count(*) AS n,
    roll_out_id || '=' || roll_out_arm || CASE WHEN hit = 1 THEN ' played ' ELSE ' ignored ' END
      || seen || ' ' || CAST(day AS varchar) || ' ' || served AS label
  FROM answered
  GROUP BY 1, 2, 3, 5
)"""
# everything since the reference began: a canary is judged by all it did, not by its last hour

_NO_MODEL = "-"
_LEAST_REQUESTS = 300
_LEAST_PLAYS = 30
"""Per arm, and in both together: the sequence rests on a normal approximation."""
_TYPICAL = 0.03
"""The difference of shares at which the sequence is sharpest."""
_LEAST_GROUPS = 2
"""Hash groups with requests, per arm: one alone does not show how members differ."""
_SURE = 1e-8
_LARGEST_FACTOR = 1.35
"""What `_normal_error` makes of an error when Student's t gives it this p: alarms are decided
before, and beyond it the factor stays, or the worse a canary is, the larger its error would be."""
_FLOORS: Final[Mapping[str, float]] = {
    # log ratio of the shares of requests with a play of what was shown: a quarter fewer. A tenth
    # is worth a decision, not a page: 'models compare' tells it
    "canary_plays": 0.3,
    "canary_fallbacks": FALLBACK_FLOOR,
}


@dataclass(frozen=True, slots=True)
class _Cell:
    """What one cell counts: an arm's requests of a day, by outcome and by which model answered."""

    arm: str
    outcome: str
    seen: str
    day: int
    model: str


@dataclass(frozen=True, slots=True)
class _Arm:
    """Requests of one arm by hash group, (32,) each."""

    requests: Floats
    played: Floats
    fallbacks: Floats


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Look at each roll-out that serves in this window; without one there is nothing to watch."""
    del context
    return [check for found in distributions for check in _watch(found)]


def _watch(found: Distribution) -> Iterator[Check]:
    cells = [_read(cell) for cell in found.cells]
    if not any((cell.arm, cell.seen) == ("canary", "now") for cell in cells):
        return
    subject, since = _newest_model(cells) or (found.subject, 0)
    canary, control = (_arm(found, cells, arm, since=since) for arm in ("canary", "control"))
    if not _is_worth_a_look(canary, control):
        return
    shares = {
        "canary_plays": (control.played, canary.played),
        "canary_fallbacks": (control.fallbacks, canary.fallbacks),
    }
    for metric, (before, now) in shares.items():
        yield _check(
            metric, subject, control=(before, control.requests), canary=(now, canary.requests)
        )


def _check(
    metric: str, subject: str, *, control: tuple[Floats, Floats], canary: tuple[Floats, Floats]
) -> Check:
    baseline, observed = (float(part.sum() / whole.sum()) for part, whole in (control, canary))
    # never less than the error of binomials: 0 % against 100 % does not vary between groups
    found = compare_shares(_one_each(*control), _one_each(*canary))
    look = look_at(
        np.array([found.value]),
        np.array([_normal_error(float(found.value), float(found.error))]),
        typical_effect=_TYPICAL,
    )
    fell = math.log(max(baseline, 1e-6) / max(observed, 1e-6))
    return Check(
        metric=metric,
        subject=subject,
        slice={},
        baseline=baseline,
        observed=observed,
        effect=fell if metric == "canary_plays" else observed - baseline,
        effect_floor=_FLOORS[metric],
        p_value=float(look.p_value[0]),
        evidence={
            "canary_requests": float(canary[1].sum()),
            "control_requests": float(control[1].sum()),
            "interval_at_all_looks": [float(look.low[0]), float(look.high[0])],
        },
    )


def _normal_error(value: float, error: float) -> float:
    """Return the error at which a normal is as surprised as Student's t with 31 degrees is.

    The jackknife's error is an estimate of 32 groups; the sequence takes errors as known.
    """
    p_value = float(student_p_value(np.array(value / error), degrees=HASH_GROUPS - 1.0))
    if p_value < _SURE:
        return _LARGEST_FACTOR * error
    surprise = NormalDist().inv_cdf(1.0 - p_value / 2.0)
    return min(abs(value) / surprise, _LARGEST_FACTOR * error) if surprise > 0.0 else error


def _one_each(part: Floats, requests: Floats) -> Weighted:
    return Weighted(part, requests, effective_rows=float(requests.sum()))


def _is_worth_a_look(canary: _Arm, control: _Arm) -> bool:
    least = min(canary.requests.sum(), control.requests.sum())
    plays = canary.played.sum() + control.played.sum()
    groups = min(np.count_nonzero(arm.requests) for arm in (canary, control))
    return bool(least >= _LEAST_REQUESTS and plays >= _LEAST_PLAYS and groups >= _LEAST_GROUPS)


def _newest_model(cells: Sequence[_Cell]) -> tuple[str, int] | None:
    """Return the model that only the canary is served with, the newest one, and its first day."""
    control = {cell.model for cell in cells if cell.arm == "control"}
    began: dict[str, int] = {}
    for cell in cells:
        if cell.arm == "canary" and cell.model not in (_NO_MODEL, *control):
            began[cell.model] = min(cell.day, began.get(cell.model, cell.day))
    return max(began.items(), key=lambda pair: pair[1], default=None)


def _arm(found: Distribution, cells: Sequence[_Cell], arm: str, *, since: int) -> _Arm:
    sums = found.reference.groups + found.window.groups
    here = np.array([cell.arm == arm and cell.day >= since for cell in cells])
    played = np.array([cell.outcome == "played" for cell in cells])
    fallback = np.array([cell.model == _NO_MODEL for cell in cells])
    requests, plays, fallbacks = (
        sums[chosen].sum(axis=0) for chosen in (here, here & played, here & fallback)
    )
    return _Arm(requests, plays, fallbacks)


def _read(cell: str) -> _Cell:
    arm, outcome, seen, day, model = cell.split(" ", 4)
    return _Cell(arm, outcome, seen, int(day), model)


AUDIT = Audit(
    name="release_watch",
    question="Do a canary's members play less, or get more fallbacks, than their control?",
    component="model",
    severity="high",
    owner="ranking",
    runbook="Take the canary back ('recsysops models rollback'), then compare the models.",
    tables=_TABLES,
    judge=judge,
    needs_reference=False,
    cumulative=True,
    every="hour",
    baseline="seasonal",
    test="Normal-mixture confidence sequence over all looks, jackknifed over member groups",
    floors=_FLOORS,
    depth=2,
    explained_by=(Root("served_model"), Root("log_schema"), Root("log_loss")),
)
