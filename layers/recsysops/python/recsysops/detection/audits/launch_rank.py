"""Are launches ranked as high as launches of their age were, whether they were shown or not?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.launches import compare_launches
from recsysops.detection.roots import ANYTHING, Root
from recsysops.statistics.jackknife import with_p_value

_SUBJECT = "launches"
_LEAST_GROUPS = 5
"""Hash groups with a launch of the window; of fewer no error is known."""

# a launch of the first day has nothing but its metadata; one of a week, a week of plays
_TABLES = """
cells AS (
  SELECT {period} AS period, slice, item_group AS grp, 1e0 AS weight, rank_percentile AS x,
         'launches=' || CAST(least(age_days, {oldest_apart}) AS varchar) AS label
  FROM launch_ranks CROSS JOIN UNNEST(
    ARRAY['all', 'source=' || source, 'language=' || coalesce(language, 'none')]) AS u(slice)
  WHERE {in_periods}
)"""

_FLOORS: Mapping[str, float] = {
    # rise of the mean rank percentile (0 best), against launches of the same age
    "launch_rank_percentile": 0.12,
    "launch_rank_percentile.slice": 0.15,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the mean rank percentile of launches against peers of their age.

    Without launches enough in both periods there is nothing to say.
    """
    del context
    return [
        check for found in distributions if found.subject == _SUBJECT for check in _checks(found)
    ]


def _checks(found: Distribution) -> Iterator[Check]:
    compared = compare_launches(found)
    groups = int(np.count_nonzero(found.window.groups.sum(axis=0)))
    if compared is None or groups < _LEAST_GROUPS:
        return
    rates = with_p_value(compared.rates.value, compared.rates.error, degrees=groups - 1)
    metric = "launch_rank_percentile"
    yield Check(
        metric=metric,
        subject=_SUBJECT,
        slice=found.slice,
        baseline=compared.expected,
        observed=compared.observed,
        effect=compared.observed - compared.expected,
        effect_floor=_FLOORS[f"{metric}.slice" if found.slice else metric],
        p_value=float(rates.p_value),
        nested=bool(found.slice),
    )


AUDIT = Audit(
    name="launch_rank",
    question="Are launches ranked as high as launches of their age were, shown or not?",
    component="model",
    severity="high",
    owner="ranking",
    runbook="Replay a request that could have shown one; compare the launch with its peers.",
    tables=_TABLES,
    parameters={"oldest_apart": 6},
    judge=judge,
    needs_reference=False,
    test="mean rank percentile standardised by age; jackknife over the hash groups with launches",
    floors=_FLOORS,
    slices=("source", "language"),
    depth=8,
    explained_by=(Root(ANYTHING),),
)
