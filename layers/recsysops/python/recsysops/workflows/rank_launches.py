"""Finds where members' rankings have recent launches, whether anybody was shown them or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from recsysops.errors import ArtefactError, BadData, FlagError
from recsysops.ports import LakeWriter, QueryEngine
from recsysops.request_log.job_records import (
    FOLLOWED_LAUNCH_DAYS,
    RANKED_FOR_LAUNCHES_A_DAY,
    LaunchRankRow,
)
from recsysops.request_log.lake_rows import read_lake_row, select_columns
from recsysops.request_log.records import SCHEMA_VERSION
from recsysops.request_log.sql import Declared, render_sql, utc_day
from recsysops.serving.ranking import place_launches
from recsysops.serving.replay import ranking_request_of
from recsysops.vocabulary import ItemFeatures, Window, hash_group
from recsysops.workflows.day_objects import cover_days, day_of, write_days
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.logged_rankings import LoggedRequest, RankReport, report_ranked
from recsysops.workflows.replay_requests import load_logged_catalogue

# ids often count upwards: read backwards, their order is spread over the window
_REQUESTS = """
SELECT {logged} FROM full_requests r
WHERE r.dt >= {first_day} AND r.event_time >= {start} AND r.event_time < {end}
  AND r.status = 'ok'
ORDER BY reverse(r.request_id) LIMIT {limit}"""


@dataclass(slots=True)
class _Standing:
    """Where one launch stood in the requests of one day: their number, Σw and Σw·percentile."""

    item: ItemFeatures
    requests: int = 0
    weight: float = 0.0
    weighted: float = 0.0


def rank_launches(
    window: Window,
    *,
    queries: QueryEngine,
    cache: CatalogueCache,
    lake: LakeWriter,
    sample: int = RANKED_FOR_LAUNCHES_A_DAY,
) -> RankReport:
    """Rank every launch of the last seven days in a sample of the window's requests.

    One row per UTC day and launch that at least one of them could have been shown, for whole
    days. A request whose artefact, snapshot or flags cannot be read is refused and counted.
    Time grows with requests times items.

    Raises: DependencyError; BadData when the log holds a row that is none.
    """
    standings: dict[tuple[datetime, str], _Standing] = {}
    refusals: list[str] = []
    for request in _read_requests(queries, cover_days(window), sample):
        try:
            _add_request(standings, request, cache)
        except (ArtefactError, FlagError, BadData) as error:
            refusals.append(str(error))
    rows = [_row(day, standing) for (day, _), standing in sorted(standings.items())]
    keys = write_days("launch_ranks", rows, lake=lake, name="launches")
    return report_ranked(rows, refusals, keys)


def _read_requests(queries: QueryEngine, days: Window, sample: int) -> list[LoggedRequest]:
    """Read a sample of the answered requests, each once, grouped by model and snapshot."""
    sql = render_sql(
        _REQUESTS,
        logged=Declared(select_columns(LoggedRequest, table="r")),
        first_day=utc_day(days.start),
        start=days.start,
        end=days.end,
        limit=sample * (days.end - days.start).days,
    )
    read = (read_lake_row(LoggedRequest, row) for row in queries.run(sql))
    distinct = {request.request_id: request for request in read}.values()
    return sorted(distinct, key=lambda r: (r.model_id, r.delta_id, r.event_time, r.request_id))


def _add_request(
    standings: dict[tuple[datetime, str], _Standing],
    request: LoggedRequest,
    cache: CatalogueCache,
) -> None:
    catalogue, hotfixes = load_logged_catalogue(request, cache)
    ranking = ranking_request_of(request, catalogue, hotfixes=hotfixes)
    rows, percentiles = place_launches(catalogue, ranking, days=FOLLOWED_LAUNCH_DAYS)
    day = day_of(request.event_time)
    weight = 1.0 / request.inclusion_probability
    for row, percentile in zip(rows.tolist(), percentiles.tolist(), strict=True):
        item = catalogue.items[row]
        standing = standings.setdefault((day, item.item_id), _Standing(item))
        standing.requests += 1
        standing.weight += weight
        standing.weighted += weight * percentile


def _row(day: datetime, standing: _Standing) -> LaunchRankRow:
    item, launched = standing.item, standing.item.launch_date or date.min
    return LaunchRankRow(
        schema_version=SCHEMA_VERSION,
        event_time=day,
        item_id=item.item_id,
        item_group=hash_group(item.item_id),
        source=item.source,
        language=item.language,
        launch_date=launched.isoformat(),
        age_days=(day.date() - launched).days,
        requests=standing.requests,
        rank_percentile=standing.weighted / standing.weight,
    )
