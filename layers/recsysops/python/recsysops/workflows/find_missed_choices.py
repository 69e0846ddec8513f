"""Reads a window's ranked choices with their items from the lake, to be browsed."""

from __future__ import annotations

from datetime import timedelta

from recsysops.diagnosis.missed_choices import RankedChoice
from recsysops.errors import BadData
from recsysops.ports import QueryEngine
from recsysops.request_log.sql import render_sql, utc_day
from recsysops.vocabulary import Window

_LOOK_BACK = timedelta(days=35)
_MOST_ROWS = 200_000

_CHOICES = """
WITH ranked AS (
  SELECT request_id, item_id, surface, rank, eligible_count, delta_id, event_time,
         1e0 / inclusion_probability AS weight
  FROM choice_ranks
  WHERE dt >= {first_day} AND event_time >= {start} AND event_time < {end}
),
described AS (
  SELECT delta_id, item_id, title, genres, language, source, year,
         percent_rank() OVER (PARTITION BY delta_id ORDER BY log_popularity) AS popularity
  FROM item_snapshots
  WHERE dt >= {first_snapshot_day} AND delta_id IN (SELECT DISTINCT delta_id FROM ranked)
)
SELECT r.request_id AS request_id, r.item_id AS item_id, d.title AS title, r.surface AS surface,
       r.rank AS rank, r.eligible_count AS eligible_count, r.weight AS weight,
       array_join(d.genres, '|') AS genres, d.language AS language, d.source AS source,
       year(r.event_time) - d.year AS age_years, d.popularity AS popularity
FROM ranked r LEFT JOIN described d ON d.delta_id = r.delta_id AND d.item_id = r.item_id
ORDER BY r.event_time, r.request_id, r.item_id
LIMIT {most}"""


def read_ranked_choices(queries: QueryEngine, window: Window) -> list[RankedChoice]:
    """Return the window's choices, oldest first, at most 200,000 of them.

    `rank_choices` must have run over the window. Raises: DependencyError; BadData.
    """
    sql = render_sql(
        _CHOICES,
        start=window.start,
        end=window.end,
        first_day=utc_day(window.start),
        first_snapshot_day=utc_day(window.start - _LOOK_BACK),
        most=_MOST_ROWS,
    )
    return [_read(row) for row in queries.run(sql)]


def _read(row: dict[str, object]) -> RankedChoice:
    try:
        return RankedChoice(
            request_id=str(row["request_id"]),
            item_id=str(row["item_id"]),
            title=str(row["title"] or ""),
            surface=str(row["surface"]),
            rank=_whole(row["rank"]),
            eligible_count=_whole(row["eligible_count"]) or 0,
            weight=float(str(row["weight"])),
            genres=tuple(name for name in str(row["genres"] or "").split("|") if name),
            language=_text(row["language"]),
            source=_text(row["source"]),
            age_years=_whole(row["age_years"]),
            popularity=None if row["popularity"] is None else float(str(row["popularity"])),
        )
    except (KeyError, ValueError) as error:
        raise BadData(f"a ranked choice {row!r:.200} cannot be read: {error}") from error


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
