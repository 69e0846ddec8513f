"""Plans the sampling rates from what the slim log counted, for a budget, and deploys them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from recsysops.errors import BadInput, FlagError
from recsysops.ports import ConfigDeployer, QueryEngine
from recsysops.request_log.lake_rows import read_lake_row, select_columns
from recsysops.request_log.rates import PlannedRates, StratumTraffic, plan_rates
from recsysops.request_log.records import FullRequest
from recsysops.request_log.schema import encode_record
from recsysops.request_log.sql import Declared, render_sql, utc_day
from recsysops.serving.roll_out import dump_sampling_plan, parse_sampling_plan
from recsysops.vocabulary import SamplingPlan, Window

FLOOR_ROWS = 200.0
"""Full records a day and stratum that an audit needs to say anything."""

# what can have no full record (no ranking, mirrored) takes no part
_COUNTS = """
SELECT stratum, raised, count(*) AS requests
FROM (
  SELECT DISTINCT request_id, stratum,
    CASE WHEN status = 'fallback' OR arm = 'explore' OR cardinality(hotfix_ids) > 0
      THEN 1 ELSE 0 END AS raised
  FROM slim_requests
  WHERE dt >= {first_day} AND event_time >= {start} AND event_time < {end}
    AND inclusion_probability > 0
) q
GROUP BY stratum, raised
ORDER BY stratum, raised"""

_SAMPLE = """
SELECT {columns} FROM full_requests r
WHERE r.dt >= {first_day} AND r.event_time >= {start} AND r.event_time < {end}
ORDER BY reverse(r.request_id)
LIMIT 50"""


@dataclass(frozen=True, slots=True)
class LogBudget:
    """Full records a day, or bytes a day of JSON before Parquet packs them."""

    rows_per_day: float | None = None
    bytes_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class SampledPlan:
    """What was planned, for which budget, and the deployment ('' when nothing changed)."""

    planned: PlannedRates
    budget_rows: float
    deployment_id: str = ""

    def summarize(self) -> dict[str, object]:
        """Return what the job answers and logs."""
        return {
            "budget_rows": self.budget_rows,
            "expected_rows": self.planned.expected_rows,
            "over_budget": self.planned.over_budget,
            "deployment_id": self.deployment_id,
        }


def plan_sampling(
    window: Window, *, budget: LogBudget, queries: QueryEngine, current: SamplingPlan
) -> SampledPlan:
    """Plan the rates from a window's traffic; a window without any keeps the current plan.

    Raises: BadInput when the budget names neither rows nor bytes, or no record's size is known;
        DependencyError.
    """
    traffic = count_traffic(window, queries)
    rows = _budget_rows(budget, window, queries)
    planned = plan_rates(traffic, current=current, budget_rows=rows, floor_rows=FLOOR_ROWS)
    return SampledPlan(planned, rows)


def deploy_sampling(planned: SampledPlan, *, deployer: ConfigDeployer, note: str) -> SampledPlan:
    """Deploy a plan at once, unless it is what serves already.

    Raises: FlagError when scorers would refuse it; ConflictError while a deployment runs.
    """
    document = dump_sampling_plan(planned.planned.plan)
    parse_sampling_plan(document)  # what scorers would refuse is never deployed
    if planned.planned.plan == read_sampling_plan(deployer):
        return planned
    deployment_id = deployer.deploy(document, strategy="at-once", note=note)
    return SampledPlan(planned.planned, planned.budget_rows, deployment_id)


def read_sampling_plan(deployer: ConfigDeployer) -> SamplingPlan:
    """Return the deployed plan; without one, or with a broken one, the default."""
    try:
        return parse_sampling_plan(deployer.current())
    except FlagError:
        return SamplingPlan()


def count_traffic(window: Window, queries: QueryEngine) -> list[StratumTraffic]:
    """Count the requests a day of every stratum, ordinary and raised."""
    days = (window.end - window.start) / timedelta(days=1)
    times = {"start": window.start, "end": window.end, "first_day": utc_day(window.start)}
    counts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in queries.run(render_sql(_COUNTS, **times)):
        counts[str(row["stratum"])][int(str(row["raised"]))] += float(str(row["requests"])) / days
    return [StratumTraffic(name, *both) for name, both in sorted(counts.items())]


def _budget_rows(budget: LogBudget, window: Window, queries: QueryEngine) -> float:
    if budget.rows_per_day is not None and budget.rows_per_day > 0:
        return budget.rows_per_day
    if budget.bytes_per_day is None or budget.bytes_per_day <= 0:
        raise BadInput("a sampling budget needs rows or bytes a day, above zero")
    sizes = _record_bytes(window, queries)
    if not sizes:
        raise BadInput("no full record in the window: its size is unknown; give rows a day")
    return budget.bytes_per_day * len(sizes) / sum(sizes)


def _record_bytes(window: Window, queries: QueryEngine) -> Sequence[int]:
    sql = render_sql(
        _SAMPLE,
        columns=Declared(select_columns(FullRequest, table="r")),
        start=window.start,
        end=window.end,
        first_day=utc_day(window.start),
    )
    rows = queries.run(sql)
    return [len(encode_record(read_lake_row(FullRequest, row))) + 1 for row in rows]
