"""Counts whom an incident touches: requests and members of its window, from the slim log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from recsysops.ports import QueryEngine
from recsysops.request_log.sql import Declared, render_sql, utc_day
from recsysops.vocabulary import ID_PATTERN, Finding, Incident

MOST_ITEMS = 500
"""Items of a diagnosis that are looked for on slates: a query has bounds, too."""
_COLUMNS = {"surface": "surface", "country": "country", "model": "model_id"}
"""Slices that the slim log knows, as its columns."""

_COUNT = """
SELECT count(DISTINCT request_id) AS requests, count(DISTINCT member) AS members
FROM slim_requests
WHERE dt >= {first_day} AND event_time >= {start} AND event_time < {end}{touched}"""


def estimate_affected(
    incident: Incident, *, item_ids: Sequence[str], queries: QueryEngine
) -> dict[str, int]:
    """Return {requests, members} that were shown one of the items, else those of the slice.

    {} when the incident speaks of items and the diagnosis named none: everybody would be a guess.
    Raises: DependencyError.
    """
    touched = _shown_one_of(item_ids) or _in_slice(incident)
    if not touched and incident.component == "item_features":
        return {}
    sql = render_sql(
        _COUNT,
        first_day=utc_day(incident.window.start),
        start=incident.window.start,
        end=incident.window.end,
        touched=Declared(touched),
    )
    [row] = queries.run(sql)
    return {name: int(str(row[name])) for name in ("requests", "members")}


def _shown_one_of(item_ids: Sequence[str]) -> str:
    listed = [render_sql("{item}", item=item) for item in item_ids[:MOST_ITEMS]]
    return f" AND any_match(shown, item -> item IN ({', '.join(listed)}))" if listed else ""


def _in_slice(incident: Incident) -> str:
    if not incident.findings:
        return ""
    return "".join(
        render_sql(" AND {column} = {value}", column=Declared(column), value=value)
        for column, value in _conditions(incident.findings[0])
        if re.fullmatch(ID_PATTERN, value)
    )


def _conditions(root: Finding) -> Iterable[tuple[str, str]]:
    for dimension, value in root.slice.items():
        if dimension in _COLUMNS:
            yield _COLUMNS[dimension], value
    if root.metric == "fallback_share":
        yield "fallback_reason", root.subject
    if root.metric == "unapproved_model_share":
        yield "model_id", root.subject
    if root.component == "traffic":
        yield "surface", root.subject
