"""The last step: how upcoming items will be treated on their launch day."""

from __future__ import annotations

from recsysops.cli.story.evidence import Outcome
from recsysops.cli.story.grading import flags_point_at_damage
from recsysops.cli.story.scene import Scene

_FORECASTS = """
SELECT item_id, launch_date, role, panel_share, low, high, shadow_share, flagged,
       array_join(reasons, '; ') AS reasons
FROM launch_forecasts
WHERE as_of = (SELECT max(as_of) FROM launch_forecasts)
ORDER BY flagged DESC, launch_date, item_id
"""


def launches(scene: Scene) -> Outcome:
    """Dry-run every upcoming launch; the lake must hold a forecast for each, and flags.

    Some upcoming items were delivered with lost or wrong metadata. At least one must be flagged
    with its reason, and flags must point at such items; those whose metadata matter to nobody
    need no flag.
    """
    answer = scene.stage.forecast_launches(scene.window("recovered").end)
    rows = scene.stage.ports.queries.run(_FORECASTS)
    production = {str(row["item_id"]): row for row in rows if row["role"] == "production"}
    flagged = [row for row in production.values() if str(row["flagged"]).lower() == "true"]
    expected = {item.item_id for item in scene.world.upcoming}
    ok = (
        expected <= set(production)
        and all(row["reasons"] for row in flagged)
        and flags_point_at_damage(
            {str(row["item_id"]) for row in flagged}, mishaps=scene.world.mishaps, fault=scene.truth
        )
    )
    first = f"; {flagged[0]['item_id']}: {flagged[0]['reasons']}" if flagged else ""
    return Outcome(
        ok,
        f"{len(production)} launches forecast a week ahead, {len(flagged)} flagged{first}",
        {"answer": answer, "flagged": flagged[:10], "query": _FORECASTS.strip()},
    )
