"""The last step: how upcoming items will be treated on their launch day."""

from __future__ import annotations

from recsysops.cli.story.evidence import Outcome
from recsysops.cli.story.scene import Scene

_FORECASTS = """
SELECT item_id, launch_date, role, panel_share, low, high, shadow_share, flagged,
       array_join(reasons, '; ') AS reasons
FROM launch_forecasts
ORDER BY flagged DESC, launch_date, item_id
"""


def launches(scene: Scene) -> Outcome:
    """Dry-run every upcoming launch; the lake must hold a forecast for each of them.

    A flag needs a forecast that wrong metadata would harm, so there may be none.
    """
    answer = scene.stage.forecast_launches(scene.window("recovered").end)
    rows = scene.stage.ports.queries.run(_FORECASTS)
    production = {str(row["item_id"]): row for row in rows if row["role"] == "production"}
    flagged = [row for row in production.values() if str(row["flagged"]).lower() == "true"]
    expected = {item.item_id for item in scene.world.upcoming}
    widest = max((float(str(row["panel_share"])) for row in production.values()), default=0.0)
    return Outcome(
        expected <= set(production),
        f"{len(production)} launches forecast a week ahead, {len(flagged)} flagged; "
        f"the largest reaches {widest:.1%} of the panel",
        {"answer": answer, "flagged": flagged[:10], "query": _FORECASTS.strip()},
    )
