"""Does a supplier serve us an old batch, again or still?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import numpy as np

from recsysops.detection.cells import Distribution, Sums
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import LAG_DAYS, LEAST_ROWS, OLDER_SHARE_FLOOR

_FLOORS = {
    # of one source; half of it would hide in the number of sources and features that are looked at
    "older_batch_share.slice": 0.1,
    "older_batch_share": OLDER_SHARE_FLOOR,
    "lagging_batch_share": OLDER_SHARE_FLOOR,
    "malformed_batch_share": OLDER_SHARE_FLOOR,
}

_TABLES = """
{items_as_served},
oldest AS (
  SELECT item_id, min(batch) AS oldest_batch FROM items WHERE period = 'reference' GROUP BY item_id
),
cells AS (
  SELECT i.period, slice, i.item_group AS grp, i.weight, 0e0 AS x,
    CASE WHEN i.period <> 'reference' AND i.batch < o.oldest_batch THEN 'batch=older:'
         ELSE 'batch=kept:' END || i.batch AS label
  FROM items i LEFT JOIN oldest o ON i.item_id = o.item_id
  CROSS JOIN UNNEST(ARRAY['all', 'source=' || i.source]) AS s(slice)
)"""


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test per source: batches that went back, that lag behind, and dates that are none."""
    require_both_periods(distributions, of="items as served")
    supported = [found for found in distributions if found.is_supported(LEAST_ROWS)]
    checks: list[Check] = []
    for metric, choose in (
        ("older_batch_share", _older),
        ("lagging_batch_share", lambda found: _lagging(found, context)),
        ("malformed_batch_share", _malformed),
    ):
        checks += _share_checks(supported, metric=metric, choose=choose)
    return checks


def _share_checks(
    distributions: Sequence[Distribution],
    *,
    metric: str,
    choose: Callable[[Distribution], list[int]],
) -> list[Check]:
    changes = share_changes(
        [found.share_of(choose(found)) for found in distributions], of_items=True
    )
    return [
        check_change(
            found,
            change,
            metric=metric,
            floors=_FLOORS,
            subject="batch",
            evidence={"batches": _newest_first(found)},
        )
        for found, change in zip(distributions, changes, strict=True)
    ]


def _older(found: Distribution) -> list[int]:
    return [place for place, cell in enumerate(found.cells) if cell.startswith("older:")]


def _malformed(found: Distribution) -> list[int]:
    return [place for place, day in enumerate(_batch_days(found)) if day is None]


def _lagging(found: Distribution, context: AuditContext) -> list[int]:
    """Batches older at the window's end than twice their age in the reference, and some days."""
    days = _batch_days(found)
    usual = _mean_age_days(found.reference, days, on=context.reference_end.date())
    limit = context.window_end.date() - timedelta(days=2.0 * max(usual, 0.0) + LAG_DAYS)
    return [place for place, day in enumerate(days) if day is not None and day < limit]


def _mean_age_days(sums: Sums, days: Sequence[date | None], *, on: date) -> float:
    known = [place for place, day in enumerate(days) if day is not None]
    weights = sums.weights[known]
    ages = np.array([(on - days[place]).days for place in known], np.float64)  # type: ignore[operator]
    return float((weights * ages).sum() / weights.sum()) if weights.sum() > 0 else 0.0


def _batch_days(found: Distribution) -> list[date | None]:
    return [_as_day(cell.partition(":")[2]) for cell in found.cells]


def _as_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _newest_first(found: Distribution) -> list[dict[str, object]]:
    shares = found.window.weights / max(found.window.weights.sum(), 1e-12)
    seen = [(cell, float(share)) for cell, share in zip(found.cells, shares, strict=True) if share]
    seen.sort(key=lambda pair: pair[0].partition(":")[2], reverse=True)
    return [{"batch": cell, "share": round(share, 4)} for cell, share in seen[:5]]


AUDIT = Audit(
    name="stale_batch",
    question="Does a supplier serve us an old batch, again or still?",
    component="item_features",
    severity="high",
    owner="catalogue",
    runbook="Ask the named supplier for today's batch; mask its volatile features meanwhile.",
    tables=_TABLES,
    judge=judge,
    joins_periods=True,
    test="rise of a share, exact conditional test of counted items",
    floors=_FLOORS,
    slices=("source",),
    depth=4,
)
