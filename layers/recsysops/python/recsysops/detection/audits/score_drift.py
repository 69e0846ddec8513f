"""Do scores, and what each block adds to them, still look as they did?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.compare import (
    distribution_change,
    mean_change,
    quantiles_of_bins,
    share_changes,
    smallest_p_value,
    standard_deviation,
)
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import ANYTHING, Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import (
    BLOCK_ROWS,
    BLOCK_SHIFT_FLOOR,
    LEAST_ROWS,
    SCORE_KS_FLOOR,
    SCORE_SHIFT_FLOOR,
    SPREAD_FLOOR,
    ZERO_SHARE_FLOOR,
)
from recsysops.errors import CouldNotJudge
from recsysops.model.encoder import BLOCK_OF_FEATURE

SCORE = "score"
_FLOORS = {
    "mean_shift": SCORE_SHIFT_FLOOR,
    "mean_shift.block": BLOCK_SHIFT_FLOOR,
    "distribution_ks": SCORE_KS_FLOOR,
    "zero_contribution_share": ZERO_SHARE_FLOOR,
    "spread": SPREAD_FLOOR,
}
_HOTFIXED = "hotfixed"
_IQR_TO_SIGMA = 1.349

_TABLES = """
records AS (
  SELECT {period} AS period, member_group, model_id, blocks, contributions,
         1e0 / inclusion_probability AS weight, cardinality(blocks) AS width
  FROM full_requests
  WHERE {in_periods} AND status = 'ok' AND cardinality(hotfix_ids) = 0 AND cardinality(blocks) > 0
),
parts AS (
  SELECT period, member_group, model_id, weight, element_at(blocks, (n - 1) % width + 1) AS subject,
         contributions[n] AS x
  FROM records
  CROSS JOIN UNNEST(sequence(1, least(cardinality(contributions), {best_items} * width))) AS t(n)
  UNION ALL
  SELECT {period} AS period, member_group, model_id, 1e0 AS weight, 'score' AS subject, score AS x
  FROM slim_requests CROSS JOIN UNNEST(scores) AS s(score)
  WHERE {in_periods} AND status = 'ok' AND cardinality(hotfix_ids) = 0
),
hotfixed AS (
  SELECT {period} AS period, member_group AS grp, cardinality(scores) AS shown
  FROM slim_requests
  WHERE {in_periods} AND status = 'ok' AND cardinality(hotfix_ids) > 0
),
{edges},
binned AS (
  SELECT p.period, p.model_id, p.member_group AS grp, p.subject,
    CASE WHEN p.x = 0e0 THEN -1 ELSE width_bucket(p.x, e.bins) END AS bin,
    count(*) AS n, sum(p.weight) AS w, sum(p.weight * p.weight) AS ww,
    sum(p.weight * p.x) AS wx, sum(p.weight * p.x * p.x) AS wxx
  FROM parts p LEFT JOIN edges e ON e.subject = p.subject
  GROUP BY 1, 2, 3, 4, 5
),
sums AS (
  SELECT period, slice, subject || '=' || CASE WHEN bin < 0 THEN 'zero' WHEN bin >= 0
           THEN CAST(bin AS varchar) ELSE 'unbinned' END AS label, grp, sum(n) AS n, sum(w) AS w,
         sum(ww) AS ww, sum(wx) AS wx, sum(wxx) AS wxx
  FROM binned CROSS JOIN UNNEST(ARRAY['all', 'model=' || model_id]) AS s(slice)
  GROUP BY 1, 2, 3, 4
  UNION ALL
  SELECT period, 'all' AS slice, 'hotfixed=' || 'yes' AS label, grp, sum(shown) AS n,
         CAST(sum(shown) AS double) AS w, CAST(sum(shown) AS double) AS ww, 0e0 AS wx, 0e0 AS wxx
  FROM hotfixed WHERE shown > 0
  GROUP BY 1, 2, 3, 4
)"""
# edges only say where bins lie: a quarter of the members tells it, and what is read twice is kept
_TO_BIN = """
    SELECT element_at(blocks, (n - 1) % width + 1) AS subject, contributions[n] AS x
    FROM records
    CROSS JOIN UNNEST(sequence(1, least(cardinality(contributions), {best_items} * width))) AS t(n)
    WHERE period = 'reference' AND member_group % 4 = 0 AND contributions[n] <> 0e0
    UNION ALL
    SELECT 'score' AS subject, score AS x
    FROM slim_requests CROSS JOIN UNNEST(scores) AS s(score)
    WHERE {in_periods} AND {period} = 'reference' AND status = 'ok' AND score <> 0e0
      AND cardinality(hotfix_ids) = 0 AND member_group % 4 = 0"""
# added up before it is sliced: a million shown scores once, not once per slice


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test shown scores, and per block zeros, mean and spread; a model new in the window is
    compared with all of the reference. Requests under a hotfix are changed on purpose."""
    del context
    judged = [found for found in distributions if found.subject != _HOTFIXED]
    if len(judged) < len(distributions) and not any(f.window.rows.sum() for f in judged):
        return []  # every request of the window was under a hotfix
    require_both_periods(judged, of="requests with scores")
    if {found.subject for found in judged} == {SCORE}:
        raise CouldNotJudge("could not judge, because no full record was logged")
    whole = {found.subject: found for found in judged if not found.slice}
    comparable = [_with_baseline(found, whole) for found in judged]
    return [
        check
        for found in comparable
        if found.is_supported(LEAST_ROWS)
        for check in (_score_checks(found) if found.subject == SCORE else _block_checks(found))
    ]


def _with_baseline(found: Distribution, whole: Mapping[str, Distribution]) -> Distribution:
    """Compare a model that the reference does not know with everything in the reference."""
    overall = whole.get(found.subject)
    if found.reference.rows.sum() > 0 or overall is None:
        return found
    return overall.with_window_of(found)


def _score_checks(found: Distribution) -> Iterator[Check]:
    yield _shift_check(found, floor=_FLOORS["mean_shift"])
    change = distribution_change(found, ordered=True)
    yield replace(
        _check(found, "distribution_ks", change.ks, change.p_value),
        baseline=change.baseline,
        observed=change.observed,
        evidence={"cell": change.cell, "cells_are": "quantile bins of the reference"},
    )


def _block_checks(found: Distribution) -> Iterator[Check]:
    [zeros] = share_changes([found.share_of(found.places_of("zero"))])
    yield replace(
        _check(found, "zero_contribution_share", zeros.increase, zeros.p_value),
        baseline=zeros.baseline,
        observed=zeros.observed,
    )
    yield _shift_check(found, floor=_FLOORS["mean_shift.block"])
    before, now = standard_deviation(found.reference), standard_deviation(found.window)
    effect = abs(math.log((now + 1e-9) / (before + 1e-9)))
    yield replace(
        _check(found, "spread", effect, smallest_p_value(found, ordered=False)),
        baseline=before,
        observed=now,
    )


def _shift_check(found: Distribution, *, floor: float) -> Check:
    change = mean_change(found.reference, found.window)
    low, high = quantiles_of_bins(found.reference, at=(0.25, 0.75))
    sigma = max((high - low) / _IQR_TO_SIGMA, 1e-9)
    effect = abs(change.increase) / float(sigma)
    return replace(
        _check(found, "mean_shift", effect, change.p_value),
        effect_floor=floor,
        baseline=change.baseline,
        observed=change.observed,
        evidence={"robust_sigma": float(sigma)},
    )


def _check(found: Distribution, metric: str, effect: float, p_value: float) -> Check:
    return Check(
        metric=metric,
        subject=found.subject,
        slice=found.slice,
        baseline=0.0,
        observed=0.0,
        effect=effect,
        effect_floor=_FLOORS[metric],
        p_value=p_value,
        nested=bool(found.slice),
    )


AUDIT = Audit(
    name="score_drift",
    question="Do scores, and what each block adds to them, still look as they did?",
    component="model",
    severity="high",
    owner="ranking",
    runbook="Diagnose: replay the window's requests; pin the last good model if a block is gone.",
    tables=_TABLES,
    parameters={"best_items": BLOCK_ROWS},
    judge=judge,
    to_bin=_TO_BIN,
    test="Hájek means, binned KS, shares of zeros; jackknife over members",
    floors=_FLOORS,
    slices=("model",),
    depth=6,
    explained_by=(
        # scores move whenever anything before them does; a lost block does not
        Root(ANYTHING, metrics=("mean_shift", "distribution_ks", "spread")),
        Root("served_model"),
        Root("item_features", feeds=BLOCK_OF_FEATURE),
    ),
    telling=("zero_contribution_share",),
)
