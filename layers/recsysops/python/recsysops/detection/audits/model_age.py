"""Does a model answer that nobody has trained for long?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root
from recsysops.request_log.job_records import PROFILE_DAY

_TABLES = """
trained AS (
  SELECT model_id, max(trained_at) AS trained_at
  FROM model_profiles WHERE dt = {profile_day} GROUP BY model_id
),
served AS (
  SELECT {period} AS period, member_group AS grp, model_id, coalesce(surface, 'none') AS surface,
         date_trunc('hour', event_time) AS hour, count(*) AS n
  FROM slim_requests
  WHERE {in_periods} AND model_id <> ''
  GROUP BY 1, 2, 3, 4, 5
),
cells AS (
  SELECT s.period, slice, 'model=' || s.model_id AS label, s.grp,
         CAST(s.n AS double) AS weight, date_diff('second', t.trained_at, s.hour) / 86400e0 AS x
  FROM served s JOIN trained t ON t.model_id = s.model_id
  CROSS JOIN UNNEST(ARRAY['all', 'surface=' || s.surface]) AS u(slice)
)"""

_FLOORS: Final[Mapping[str, float]] = {
    # days since its training: two missed weekly trainings. Whoever trains once a month raises it
    "model_age_days": 14.0,
}
_LEAST_SHARE = 0.02
"""A model that answers less is a shadow or a roll-out's beginning."""
_MOST = 0.5
"""A model that answers so much of one surface is that surface's own, however small it is."""


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Tell the age of every model that answers a fair part of the window, or most of a surface.

    An age is a fact, so p = 0; and it is told whatever was before, because a training that was
    left out makes no day differ from the last one. Models without a profile are another audit's.
    """
    del context
    found = [one for one in distributions if one.window.weights.sum() > 0]
    checks = [check for one in found if not one.slice for check in _checks(one, _LEAST_SHARE)]
    told = {check.subject for check in checks}
    of_surfaces = [check for one in found if one.slice for check in _checks(one, _MOST)]
    return [*checks, *(check for check in of_surfaces if check.subject not in told)]


def _checks(found: Distribution, least_share: float) -> list[Check]:
    weights = found.window.weights
    ages, before = (
        sums.values.sum(axis=1) / sums.weights.clip(min=1e-12)
        for sums in (found.window, found.reference)
    )
    return [
        Check(
            metric="model_age_days",
            subject=model_id,
            slice=found.slice,
            baseline=float(before[place]),
            observed=float(ages[place]),
            effect=float(ages[place]),
            effect_floor=_FLOORS["model_age_days"],
            p_value=0.0,
            evidence={"share_of_requests": round(float(weights[place] / weights.sum()), 4)},
        )
        for place, model_id in enumerate(found.cells)
        if weights[place] >= least_share * weights.sum()
    ]


AUDIT = Audit(
    name="model_age",
    question="Does a model answer that nobody has trained for long?",
    component="model",
    severity="high",
    owner="ranking",
    runbook="Look at the last trainings and why none was released; train and roll out.",
    tables=_TABLES,
    parameters={"profile_day": PROFILE_DAY},
    judge=judge,
    needs_reference=False,
    baseline="none",
    test="none: the age is a fact",
    floors=_FLOORS,
    slices=("surface",),
    depth=3,
    # two old models are one gap in the trainings
    explained_by=(Root("served_model", same_subject=True), Root("model_age")),
)
