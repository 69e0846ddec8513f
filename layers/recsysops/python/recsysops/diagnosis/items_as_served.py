"""Items as the lake says they were served, and the named queries that fetch them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from recsysops.errors import BadData
from recsysops.request_log.sql import render_sql
from recsysops.vocabulary import Window


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """SQL with the name under which its result stands in the evidence."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class ServedItem:
    """One item's raw features in one delta snapshot; batch is the supplier's date or None."""

    item_id: str
    genres: frozenset[str]
    year: int | None
    language: str | None
    price: float | None
    in_stock: bool | None
    source: str
    batch: date | None


_SERVED_VERSIONS = """
SELECT model_id, delta_id, cardinality(hotfix_ids) > 0 AS hotfixed,
       count(*) AS requests, max(event_time) AS last_seen,
       max_by(flag_version, event_time) AS flag_version
FROM slim_requests
WHERE dt >= {first_day} AND event_time >= {start} AND event_time < {end}
GROUP BY 1, 2, 3
ORDER BY requests DESC
"""

_ITEMS = """
SELECT item_id, array_join(genres, '|') AS genres, year, language, price, in_stock, source, batch
FROM item_snapshots
WHERE delta_id = {delta_id}
ORDER BY item_id
"""


def query_served_versions(window: Window, *, name: str) -> NamedQuery:
    """Count requests of a window by model, delta and whether a hotfix touched them."""
    sql = render_sql(
        _SERVED_VERSIONS, first_day=window.start.date(), start=window.start, end=window.end
    )
    return NamedQuery(name, sql)


def query_items(delta_id: str, *, name: str) -> NamedQuery:
    """Fetch every item of one snapshot. Raises: BadInput when `delta_id` is no id."""
    return NamedQuery(name, render_sql(_ITEMS, delta_id=delta_id))


def served_item(row: Mapping[str, object]) -> ServedItem:
    """Read one row of `query_items`. Raises: BadData on a row of another shape."""
    try:
        return ServedItem(
            item_id=str(row["item_id"]),
            # joined by the query: engines disagree on what an array of texts comes back as
            genres=frozenset(name for name in str(row["genres"] or "").split("|") if name),
            year=_as_int(row["year"]),
            language=None if row["language"] is None else str(row["language"]),
            price=_as_float(row["price"]),
            in_stock=None if row["in_stock"] is None else bool(row["in_stock"]),
            source=str(row["source"]),
            batch=_as_date(row["batch"]),
        )
    except KeyError as error:
        raise BadData(f"item_snapshots row lacks column {error}") from error


def _as_int(value: object) -> int | None:
    return None if value is None else int(str(value))


def _as_float(value: object) -> float | None:
    return None if value is None else float(str(value))


def _as_date(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
