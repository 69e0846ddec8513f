"""The last step: how upcoming items will be treated on their launch day."""

from __future__ import annotations

from recsysops.cli.story.days import deliver_mishaps
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
    """A late batch spoils upcoming items; dry runs must flag launches that it harms.

    The lake must hold a forecast of every upcoming item. At least one must be flagged with its
    reason, and flags must point at spoiled items; those whose metadata matter to nobody need no
    flag.
    """
    as_of = scene.window("recovered").end
    spoiled = deliver_mishaps(scene.stage, scene.world)
    scene.stage.publish(as_of)
    answer = scene.stage.forecast_launches(as_of)
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
        f"{len(production)} launches forecast a week ahead, a late batch spoiled {spoiled} of "
        f"them, {len(flagged)} flagged{first}",
        {"answer": answer, "flagged": flagged[:10], "query": _FORECASTS.strip()},
    )
