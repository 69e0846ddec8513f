"""Did a column of the log become empty, or take values that nobody ever sent?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.rises import Rise, rise_checks
from recsysops.detection.support import require_both_periods

_SLIM = (
    "surface", "country", "member", "member_known", "arm", "shown", "scores", "propensities",
    "eligible_count", "status", "latency_ms", "stratum", "inclusion_probability", "traffic",
)  # fmt: skip
_FEEDBACK = ("member", "item_id", "kind", "value")
"""Columns that every row fills, and the country, which most do."""


def _counted(columns: Sequence[str]) -> str:
    """Return the SELECT list that counts the filled rows of columns."""
    names = ", ".join(f"'{name}'" for name in columns)
    counts = ", ".join(f"count({name})" for name in columns)
    return f"count(*) AS n, ARRAY[{names}] AS names, ARRAY[{counts}] AS filled"


_TABLES = """
slim AS (
  SELECT {period} AS period, member_group AS grp, coalesce(surface, 'none') AS surface,
         <slim columns>
  FROM slim_requests WHERE {in_periods}
  GROUP BY 1, 2, 3
),
acts AS (
  SELECT {period} AS period, member_group AS grp, <feedback columns>
  FROM feedback WHERE {in_periods}
  GROUP BY 1, 2
),
filled AS (
  SELECT period, grp, surface, 'slim_requests.' || element_at(names, place) AS subject, n,
         element_at(filled, place) AS filled
  FROM slim CROSS JOIN UNNEST(sequence(1, cardinality(names))) AS t(place)
  UNION ALL
  SELECT period, grp, 'none' AS surface, 'feedback.' || element_at(names, place) AS subject, n,
         element_at(filled, place) AS filled
  FROM acts CROSS JOIN UNNEST(sequence(1, cardinality(names))) AS t(place)
),
seen AS (
  SELECT {period} AS period, member_group AS grp, surface, country, status, arm, traffic,
         count(*) AS n
  FROM slim_requests WHERE {in_periods}
  GROUP BY 1, 2, 3, 4, 5, 6, 7
),
counts AS (
  SELECT period, slice, subject || '=' || state AS label, grp,
         CASE WHEN state = 'null' THEN n - filled ELSE filled END AS n
  FROM filled
  CROSS JOIN UNNEST(ARRAY['filled', 'null']) AS s(state)
  CROSS JOIN UNNEST(CASE WHEN surface = 'none' THEN ARRAY['all']
    ELSE ARRAY['all', 'surface=' || surface] END) AS p(slice)
  UNION ALL
  SELECT period, 'all' AS slice, 'values.' || label AS label, grp, n
  FROM seen CROSS JOIN UNNEST(ARRAY['surface=' || surface, 'country=' || country,
    'status=' || status, 'arm=' || arm, 'traffic=' || traffic]) AS v(label)
  WHERE label IS NOT NULL
  UNION ALL
  SELECT {period} AS period, 'all' AS slice, 'values.kind=' || kind AS label, member_group AS grp,
         count(*) AS n
  FROM feedback WHERE {in_periods} AND kind IS NOT NULL
  GROUP BY 1, 2, 3, 4
)""".replace("<slim columns>", _counted(_SLIM)).replace("<feedback columns>", _counted(_FEEDBACK))

_FLOORS: Final[Mapping[str, float]] = {
    # a column that a writer forgot is null in all its rows; the country may come and go a little
    "null_share": 0.05,
    "null_share.slice": 0.1,
    # of the rows of the window; one request in a hundred may come from a new corner of the world
    "category_unseen": 0.01,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test per column the rise of nulls, and values that the reference does not have."""
    del context
    require_both_periods(distributions, of="rows")
    rises = [rise for found in distributions for rise in _rises(found)]
    return rise_checks(rises, floors=_FLOORS)


def _rises(found: Distribution) -> Iterator[Rise]:
    kind, _, column = found.subject.partition(".")
    if kind != "values":
        yield Rise(found, metric="null_share", cells=["null"])
        return
    for place, value in enumerate(found.cells):
        if found.window.rows[place] > 0 and not found.reference.rows[place]:
            yield Rise(
                found,
                metric="category_unseen",
                cells=[value],
                subject=f"{'feedback' if column == 'kind' else 'slim_requests'}.{column}",
                slice={column: value},
            )


AUDIT = Audit(
    name="log_schema",
    question="Did a column of the log become empty, or take values that nobody ever sent?",
    component="log",
    severity="high",
    owner="data",
    runbook="Find the release that changed what is logged; map or restore the column.",
    tables=_TABLES,
    judge=judge,
    test="Jackknifed rises of null shares and of values without a past",
    floors=_FLOORS,
    slices=("surface",),
    depth=0,
    telling=("category_unseen",),
)
