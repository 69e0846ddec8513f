"""How much of the catalogue is shown at all: in draws of one size, whatever a day's traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.change_check import check_change
from recsysops.detection.checks import Check
from recsysops.detection.compare import mean_change
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import ANYTHING, Root
from recsysops.detection.support import require_both_periods
from recsysops.detection.thresholds import LEAST_ROWS

_LEAST_COVERAGE = 1e-3
"""Where next to nothing of a catalogue was ever shown, no loss of it can be told."""

_TABLES = """
{items_as_served},
described AS (SELECT DISTINCT period, item_id, item_group FROM items),
slots AS (
  SELECT {period} AS period, CAST(event_time AS date) AS day, surface, item_id, count(*) AS n
  FROM slim_requests CROSS JOIN UNNEST(shown) AS s(item_id)
  WHERE {in_periods} AND status = 'ok'
  GROUP BY 1, 2, 3, 4
),
shown AS (
  SELECT period, day, slice, item_id, CAST(sum(n) AS double) AS n
  FROM slots CROSS JOIN UNNEST(ARRAY['all', 'surface=' || surface]) AS u(slice)
  GROUP BY period, day, slice, item_id
),
days AS (
  SELECT period, day, slice, sum(n) AS slots
  FROM shown GROUP BY period, day, slice HAVING sum(n) >= {draw}
),
cells AS (
  SELECT i.period, d.slice, i.item_group AS grp, 1e0 AS weight, 'coverage=mean' AS label,
         1e0 - power(1e0 - {draw} / d.slots, coalesce(s.n, 0e0)) AS x
  FROM described i JOIN days d ON d.period = i.period
  LEFT JOIN shown s
    ON s.period = i.period AND s.day = d.day AND s.slice = d.slice AND s.item_id = i.item_id
)"""
"""x: the chance that an item is among so many slots drawn from its day. A busy day shows more
items, but not in a draw of the same size (Hurlbert, The nonconcept of species diversity, 1971)."""

_FLOORS: Mapping[str, float] = {
    # relative loss of the share of the catalogue in a draw; popular items that grow more popular
    # take a tenth of it in a quiet week
    "coverage": 0.25,
    "coverage.slice": 0.35,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the loss of coverage, with items as what chance groups: a hit is one of them."""
    del context
    require_both_periods(distributions, of="day with slots enough for a draw")
    return [
        check
        for found in distributions
        if found.is_supported(LEAST_ROWS)
        for check in _checks(found)
    ]


def _checks(found: Distribution) -> list[Check]:
    change = mean_change(found.reference, found.window)
    if change.baseline < _LEAST_COVERAGE:
        return []
    loss = -change.increase / change.baseline
    return [
        check_change(
            found, change, metric="coverage", floors=_FLOORS, effect=loss, subject="catalogue"
        )
    ]


AUDIT = Audit(
    name="catalogue_coverage",
    question="Do slates reach as much of the catalogue as they did?",
    component="items",
    severity="high",
    owner="catalogue",
    runbook="Look which items fill the slots, and for a cache or a filter behind the ranking.",
    tables=_TABLES,
    parameters={"draw": 2_000},
    judge=judge,
    test="share of the catalogue in 2,000 slots drawn from a day; jackknife over items",
    floors=_FLOORS,
    slices=("surface",),
    depth=8,
    explained_by=(Root(ANYTHING),),
)
