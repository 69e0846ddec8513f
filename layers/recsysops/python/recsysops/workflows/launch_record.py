"""Knows what the lake says about earlier forecasts: repairs of suppliers, dangers, who serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from recsysops.ports import QueryEngine
from recsysops.prediction.harm import MetadataTrack
from recsysops.request_log.sql import render_sql
from recsysops.vocabulary import ItemFeatures

REMEMBERED_DANGERS_DAYS = 365
_BEFORE_DAYS, _AFTER_DAYS = 7, 7
_ANNOUNCED_DAYS = 60
_DAY = timedelta(days=1)
_BETWEEN_GENRES = "|"
"""Athena prints an array without quoting its elements."""

# of each launch the newest snapshot a week before it, and the oldest a week after it
_METADATA = """
SELECT item_id, is_before, genres, year, language, source, batch, version, anticipation
FROM (
  SELECT item_id, days_left >= {before_days} AS is_before,
         array_join(genres, '|') AS genres, year, language, source, batch, version, anticipation,
         row_number() OVER (
           PARTITION BY item_id, days_left >= {before_days} ORDER BY abs(days_left), delta_id
         ) AS place
  FROM (
    SELECT *, date_diff('day', as_of, CAST(CAST(launch_date AS date) AS timestamp)) AS days_left
    FROM item_snapshots
    WHERE dt >= {first_day} AND as_of < {end}
      AND launch_date >= {first_launch} AND launch_date <= {last_launch}
  ) aged
  WHERE days_left >= {before_days} OR days_left <= -{after_days}
) placed
WHERE place = 1
ORDER BY item_id, is_before
"""

_DANGERS = """
SELECT item_id, max_by(harm_probability, as_of) AS danger
FROM launch_forecasts
WHERE role = 'production' AND dt >= {first_day} AND as_of < {end} AND harm_probability IS NOT NULL
GROUP BY 1
ORDER BY 1
"""

_SERVING = """
SELECT model_id, count(*) AS requests
FROM slim_requests
WHERE dt >= {first_day} AND event_time >= {start} AND event_time < {end} AND model_id <> ''
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT 1
"""


def read_metadata_tracks(
    items: Sequence[ItemFeatures],
    *,
    queries: QueryEngine,
    as_of: datetime,
    remembered_days: int,
) -> list[MetadataTrack]:
    """Return past launches with their metadata a week before and a week after the launch.

    items: the catalogue as it stands, for what never changes. Launches without a snapshot on
    either side are left out: nothing can be said of them.

    Raises: DependencyError.
    """
    today = as_of.astimezone(UTC).date()
    first_launch = today - remembered_days * _DAY
    sql = render_sql(
        _METADATA,
        before_days=_BEFORE_DAYS,
        after_days=_AFTER_DAYS,
        first_day=first_launch - _ANNOUNCED_DAYS * _DAY,
        end=as_of,
        first_launch=first_launch,
        last_launch=today - _AFTER_DAYS * _DAY,
    )
    item_of = {item.item_id: item for item in items}
    sides: dict[str, dict[bool, ItemFeatures]] = {}
    for row in queries.run(sql):
        item = item_of.get(str(row["item_id"]))
        if item is not None:
            is_before = str(row["is_before"]).lower() == "true"
            sides.setdefault(item.item_id, {})[is_before] = _as_delivered(item, row)
    return [MetadataTrack(both[True], both[False]) for both in sides.values() if len(both) == 2]


def read_dangers(*, queries: QueryEngine, as_of: datetime) -> list[float]:
    """Return the last probability of harm that earlier runs gave each launch of the last year.

    Raises: DependencyError.
    """
    first_day = as_of.astimezone(UTC).date() - REMEMBERED_DANGERS_DAYS * _DAY
    rows = queries.run(render_sql(_DANGERS, first_day=first_day, end=as_of))
    return [float(str(row["danger"])) for row in rows]


def read_serving_model(*, queries: QueryEngine, as_of: datetime) -> str | None:
    """Return the model that answered most requests of the last day, None without a request.

    A hotfix may pin another model than the registry names; this is the one that members see. For
    a day after a promotion it may still be the old one.

    Raises: DependencyError.
    """
    start = as_of - _DAY
    rows = queries.run(
        render_sql(_SERVING, first_day=start.astimezone(UTC).date(), start=start, end=as_of)
    )
    return str(rows[0]["model_id"]) if rows else None


def _as_delivered(item: ItemFeatures, row: Mapping[str, object]) -> ItemFeatures:
    genres = str(row["genres"] or "")
    year, signs, language = row["year"], row["anticipation"], row["language"]
    return ItemFeatures(
        item_id=item.item_id,
        title=item.title,
        genres=tuple(genres.split(_BETWEEN_GENRES)) if genres else (),
        year=None if year is None else int(str(year)),
        language=None if language is None else str(language),
        price=item.price,
        in_stock=item.in_stock,
        launch_date=item.launch_date,
        source=str(row["source"]),
        batch=str(row["batch"]),
        version=int(str(row["version"])),
        simulated=item.simulated,
        anticipation=None if signs is None else float(str(signs)),
    )
