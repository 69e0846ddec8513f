"""Are requests drawn into arms, exploration and full records as often as planned?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from recsysops.detection.cells import Distribution, Sums
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import Change, mean_change, share_changes, window_mean
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root
from recsysops.detection.thresholds import LEAST_ROWS
from recsysops.errors import CouldNotJudge
from recsysops.statistics.random_signs import fair_draw_p_value

_TABLES = """
drawn AS (
  SELECT {period} AS period, member, member_known, member_group AS grp, surface,
    coalesce(country, 'none') AS country, inclusion_probability AS pi,
    CASE WHEN "full" THEN 1e0 ELSE 0e0 END AS recorded,
    CASE WHEN arm = 'explore' THEN 1e0 ELSE 0e0 END AS explored,
    CASE WHEN status = 'ok' AND policy IS NULL AND cardinality(propensities) >= 2
          AND cardinality(propensity_errors) = 0
         THEN cardinality(propensities) * (1e0 - array_max(propensities)) END AS planned,
    roll_out_id, CASE WHEN roll_out_arm = 'canary' THEN 0.5e0 ELSE -0.5e0 END AS canary
  FROM slim_requests
  WHERE {in_periods}
),
gaps AS (
  SELECT period, grp, surface, country, 'full_records=drawn' AS label, pi AS weight,
         recorded / pi - 1e0 AS x
  FROM drawn WHERE pi > 0e0
  UNION ALL
  SELECT period, grp, surface, country, 'exploration=' ||
    CASE WHEN explored = 1e0 THEN 'explored' ELSE 'greedy' END AS label, 1e0 AS weight,
    explored - planned AS x
  FROM drawn WHERE planned IS NOT NULL
),
added AS (
  SELECT period, grp, surface, country, label, count(*) AS n, sum(weight) AS w,
         sum(weight * weight) AS ww, sum(weight * x) AS wx, sum(weight * x * x) AS wxx
  FROM gaps
  GROUP BY 1, 2, 3, 4, 5
),
taking_part AS (
  SELECT period, member, grp, surface, country, roll_out_id, count(*) AS asked,
         sum(canary) AS canary
  FROM drawn WHERE roll_out_id IS NOT NULL AND member_known
  GROUP BY period, member, grp, surface, country, roll_out_id
),
members AS (
  SELECT period, slice, roll_out_id, min(grp) AS grp, CAST(sum(asked) AS double) AS weight,
         sum(canary) AS canary
  FROM taking_part
  CROSS JOIN UNNEST(
    ARRAY['all', 'surface=' || coalesce(surface, 'none'), 'country=' || country]) AS s(slice)
  GROUP BY period, slice, roll_out_id, member
),
sums AS (
  SELECT period, slice, label, grp, sum(n) AS n, sum(w) AS w, sum(ww) AS ww, sum(wx) AS wx,
         sum(wxx) AS wxx
  FROM added
  CROSS JOIN UNNEST(
    ARRAY['all', 'surface=' || coalesce(surface, 'none'), 'country=' || country]) AS s(slice)
  GROUP BY 1, 2, 3, 4
  UNION ALL
  SELECT period, slice, 'roll_out:' || roll_out_id || '=drawn' AS label, grp, count(*) AS n,
         sum(weight) AS w, sum(weight * weight) AS ww, sum(canary) AS wx,
         sum(canary * canary / weight) AS wxx
  FROM members
  GROUP BY period, slice, roll_out_id, grp
)"""
# a greedy slot's propensity is 1 - rate / slots: every slate tells the rate it was planned with;
# a member stays in its arm, so one row of a roll-out is a member with all of its requests; the
# log knows no two requests of an unknown member for one's

_FLOORS: Final[Mapping[str, float]] = {
    # full records over expected ones, less one: of 200 a day a quarter is three standard errors
    "full_record_gap": 0.25,
    # share of explored requests less the planned one, which is 0.1
    "exploration_gap": 0.02,
    # the same share against the reference's: a plan may change, but somebody should know
    "exploration_share": 0.05,
    # canary's share of a roll-out's requests less one half
    "roll_out_gap": 0.1,
    # the same against the reference's: members stay in their arms, so their luck cancels out
    "roll_out_change": 0.1,
}
_METRICS: Final = {"full_records": "full_record_gap", "exploration": "exploration_gap"}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test what was drawn against what was planned, and a roll-out also against its reference."""
    del context
    if not any(found.window.rows.sum() for found in distributions):
        raise CouldNotJudge("could not judge, because the window has no requests")
    checks = [check for found in distributions for check in _gap_checks(found)]
    explored = [found for found in distributions if found.subject == "exploration"]
    return [*checks, *_share_checks([f for f in explored if f.is_supported(LEAST_ROWS)])]


def _gap_checks(found: Distribution) -> Iterator[Check]:
    """Yield the gap's test: requests are drawn one by one, a roll-out draws members."""
    metric = _METRICS.get(found.subject)
    if metric is None and found.window.effective >= LEAST_ROWS:
        yield _check(found, "roll_out_gap", _split_change(found.window))
        if found.is_supported(LEAST_ROWS):
            yield _check(found, "roll_out_change", mean_change(found.reference, found.window))
    elif metric is not None and found.window.rows.sum() >= LEAST_ROWS:
        yield _check(found, metric, window_mean(found.window))


def _split_change(members: Sums) -> Change:
    """Test the canary's share against a fair draw of the members that asked, each with its weight.

    Σ weight · x, where x is one half either way, against Σ weight² / 4.
    """
    total, squared = float(members.values.sum()), float(members.squared.sum())
    gap = total / float(members.weights.sum())
    return Change(0.0, gap, fair_draw_p_value(total, squared / 4.0))


def _share_checks(distributions: Sequence[Distribution]) -> Iterator[Check]:
    changes = share_changes(
        [found.share_of(found.places_of("explored")) for found in distributions]
    )
    for found, change in zip(distributions, changes, strict=True):
        yield _check(found, "exploration_share", change)


def _check(found: Distribution, metric: str, change: Change) -> Check:
    return check_change(found, change, metric=metric, floors=_FLOORS, effect=abs(change.increase))


AUDIT = Audit(
    name="sample_ratio",
    question="Are requests drawn into arms, exploration and full records as often as planned?",
    component="experiment",
    severity="high",
    owner="experiments",
    runbook="Stop reading experiments of these days; compare the hash, the salt and the plan.",
    tables=_TABLES,
    judge=judge,
    needs_reference=False,
    test="Jackknifed gap between what was drawn and its probability; fair draw of members",
    floors=_FLOORS,
    slices=("surface", "country"),
    depth=3,
    explained_by=(
        Root("log_schema"),
        Root("log_loss"),
        Root("repeated_rows"),
        Root("member_concentration"),
        Root("fallback_share", subjects=("exploration",), metrics=("exploration_share",)),
    ),
)
