"""The pictures of the demo's report, every number from a query over the lake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from recsysops.cli.pages.plots import Plot, draw_bars, draw_grouped_bars, draw_intervals
from recsysops.cli.story.report import Report
from recsysops.ports import QueryEngine
from recsysops.request_log.sql import render_sql
from recsysops.simulation.retimed import RetimedWorld
from recsysops.vocabulary import Window

_CHOICE_RANK = """
SELECT avg(CAST(rank AS double) / CAST(eligible_count AS double)) AS percentile,
       sum(CASE WHEN rank <= 10 THEN 1 ELSE 0 END) AS hits, count(*) AS choices
FROM choice_ranks
WHERE rank IS NOT NULL AND event_time >= {start} AND event_time < {end}
"""

_LANGUAGES = """
SELECT coalesce(i.language, 'missing') AS language, count(DISTINCT i.item_id) AS items
FROM item_snapshots i
JOIN (
  SELECT delta_id, row_number() OVER (ORDER BY max(event_time) DESC) AS place
  FROM slim_requests
  WHERE event_time >= {start} AND event_time < {end} AND delta_id <> ''
  GROUP BY delta_id
) s ON s.delta_id = i.delta_id AND s.place = 1
GROUP BY 1
ORDER BY 1
"""

_MODELS = """
SELECT model_id, count(DISTINCT request_id) AS requests
FROM slim_requests
WHERE event_time >= {start} AND event_time < {end}
GROUP BY 1
ORDER BY 2 DESC
"""

_LAUNCHES = """
SELECT item_id, panel_share, low, high, flagged
FROM launch_forecasts
WHERE role = 'production' AND low IS NOT NULL
  AND as_of = (SELECT max(as_of) FROM launch_forecasts)
ORDER BY flagged DESC, panel_share DESC, item_id
LIMIT 15
"""


def draw_story(queries: QueryEngine, world: RetimedWorld, report: Report) -> Iterable[Plot]:
    """Return the pictures for the days that were told."""
    days = {name: stretch.window for name, stretch in world.stretches.items()}
    told = {step.name for step in report.steps if step.ok}
    shown = [name for name, needs in _NEEDS.items() if needs in told]
    windows = {str(name): days[name] for name in days if name in shown}
    if windows:
        yield _hits(queries, windows)
        yield _languages(queries, windows)
        yield _models(queries, windows)
    if "launches" in told:
        yield _launches(queries)


_NEEDS = {
    "reference": "healthy",
    "healthy": "healthy",
    "broken": "detect",
    "recovered": "recover",
}
"""A day is drawn when the step that audited it went well."""


def _hits(queries: QueryEngine, windows: Mapping[str, Window]) -> Plot:
    shares = {}
    for name, window in windows.items():
        row = queries.run(_sql(_CHOICE_RANK, window))[0]
        choices = max(1, int(str(row["choices"] or 0)))
        shares[name] = int(str(row["hits"] or 0)) / choices
    return draw_bars(
        "What members chose stood among our first ten",
        shares,
        caption="Share of choices with a full record that the served model ranks in its first "
        "ten of all eligible items (real choices, re-timed).",
        query=_CHOICE_RANK.strip(),
        unit="share of choices",
    )


def _languages(queries: QueryEngine, windows: Mapping[str, Window]) -> Plot:
    groups = {
        name: {
            str(row["language"]): float(str(row["items"]))
            for row in queries.run(_sql(_LANGUAGES, window))
        }
        for name, window in windows.items()
    }
    return draw_grouped_bars(
        "Items as served, by language (simulated column)",
        groups,
        caption="From the newest delta snapshot that answered requests of each day.",
        query=_LANGUAGES.strip(),
        unit="items",
    )


def _models(queries: QueryEngine, windows: Mapping[str, Window]) -> Plot:
    groups: dict[str, dict[str, float]] = {}
    for name, window in windows.items():
        for row in queries.run(_sql(_MODELS, window)):
            groups.setdefault(str(row["model_id"]), {})[name] = float(str(row["requests"]))
    return draw_grouped_bars(
        "Which model answered",
        groups,
        caption="Requests per day and model id.",
        query=_MODELS.strip(),
        unit="requests",
    )


def _launches(queries: QueryEngine) -> Plot:
    rows = [
        (
            f"{row['item_id']}{' (flagged)' if str(row['flagged']).lower() == 'true' else ''}",
            float(str(row["low"])),
            float(str(row["panel_share"])),
            float(str(row["high"])),
        )
        for row in queries.run(_LAUNCHES)
    ]
    return draw_intervals(
        "Upcoming launches: share of the panel that will see them",
        rows,
        caption="Forecast a week after launch with its 90 % conformal interval; launch dates are "
        "simulated.",
        query=_LAUNCHES.strip(),
        unit="share of the member panel",
    )


def _sql(template: str, window: Window) -> str:
    return render_sql(template, start=window.start, end=window.end)
