"""Does every table of the log still fill, hour by hour?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root
from recsysops.errors import CouldNotJudge
from recsysops.statistics.rates import estimate_dispersions
from recsysops.statistics.seasons import HOURS_OF_WEEK, season_weights, week_hours
from recsysops.statistics.silence import chance_of_silence, silence_p_value
from recsysops.statistics.student import Floats

_TABLES = """
written AS (
  SELECT {period} AS period, 'slim_requests' AS lake_table, event_time, member_group AS grp
  FROM slim_requests WHERE {in_periods}
  UNION ALL
  SELECT {period} AS period, 'full_requests' AS lake_table, event_time, member_group AS grp
  FROM full_requests WHERE {in_periods}
  UNION ALL
  SELECT {period} AS period, 'feedback' AS lake_table, event_time, member_group AS grp
  FROM feedback WHERE {in_periods}
  UNION ALL
  SELECT {period} AS period, 'consumer_logs' AS lake_table, event_time, 0 AS grp
  FROM consumer_logs WHERE {in_periods}
),
counts AS (
  SELECT period, 'all' AS slice, grp, count(*) AS n, lake_table || '=' || CAST(
    date_diff('hour', timestamp '1970-01-05 00:00:00', event_time) % 168 AS varchar) AS label
  FROM written
  GROUP BY 1, 2, 3, 5
)"""

_FLOORS: Final[Mapping[str, float]] = {
    # two hours of a day, or a whole window of one hour
    "silent_share": 1.0 / 12.0,
}
_LEAST_CHANCE = 0.5
"""An hour that stays empty more often than not is not expected to be filled."""


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test per table whether so many of the hours that should have rows can be empty by accident.

    A table that neither period fills is not in use, and not judged.
    """
    if not any(found.reference.rows.sum() for found in distributions):
        raise CouldNotJudge("could not judge, because the reference has no rows in any table")
    observed = week_hours(context.reference_start, context.reference_end)
    asked = week_hours(context.window_start, context.window_end)
    checks = (_check(found, observed=observed, asked=asked) for found in distributions)
    return [check for check in checks if check is not None]


def _check(found: Distribution, *, observed: Floats, asked: Floats) -> Check | None:
    cells = [int(cell) for cell in found.cells]
    before, now = np.zeros(HOURS_OF_WEEK), np.zeros(HOURS_OF_WEEK)
    before[cells], now[cells] = found.reference.rows, found.window.rows
    spread = _hourly_dispersion(found)
    hours = np.flatnonzero(asked >= 1.0)
    chances = chance_of_silence(_expected(before, observed, asked, hours), dispersion=spread)
    due = chances < _LEAST_CHANCE
    if not due.any():
        return None
    silent = now[hours][due] == 0.0
    return Check(
        metric="silent_share",
        subject=found.subject,
        slice={},
        baseline=float(chances[due].mean()),
        observed=float(silent.mean()),
        effect=float(silent.mean()),
        effect_floor=_FLOORS["silent_share"],
        p_value=silence_p_value(chances[due], int(silent.sum())),
        evidence={"hours_due": int(due.sum()), "hours_silent": int(silent.sum())},
    )


def _expected(before: Floats, observed: Floats, asked: Floats, hours: np.ndarray) -> Floats:
    """Return the counts expected of the window's whole hours, (len(hours),)."""
    single = np.eye(HOURS_OF_WEEK)[hours] * asked[hours, None]
    return np.array([season_weights(observed, hour)[0] @ before for hour in single], np.float64)


def _hourly_dispersion(found: Distribution) -> float:
    """Return how clustered the rows of one hour are: the mean over hours, members as clusters."""
    groups = found.reference.groups
    filled = groups.sum(axis=1) >= 2.0
    return float(estimate_dispersions(groups[filled]).mean()) if filled.any() else 1.0


AUDIT = Audit(
    name="table_freshness",
    question="Does every table of the log still fill, hour by hour?",
    component="log",
    severity="high",
    owner="data",
    runbook="Look at the table's delivery stream and at what writes to it.",
    tables=_TABLES,
    judge=judge,
    baseline="seasonal",
    test="Poisson binomial tail of empty hours, members as clusters",
    floors=_FLOORS,
    depth=2,
    explained_by=(Root("traffic", root_subjects=("requests",)), Root("log_loss")),
)
