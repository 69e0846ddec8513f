"""The steps before anything breaks: items, models, two days of traffic without an incident."""

from __future__ import annotations

from dataclasses import asdict

from recsysops.cli.story.days import load_items, train_models
from recsysops.cli.story.evidence import Outcome
from recsysops.cli.story.scene import Scene

FEWEST_REQUESTS = 1000
"""What the lake must hold of a day before its audit means anything."""


def load(scene: Scene) -> Outcome:
    """Write all items; the table must hold them."""
    written = load_items(scene.stage, scene.world)
    found = sum(1 for _ in scene.stage.ports.items.scan())
    simulated = ", ".join(scene.world.simulated_columns)
    return Outcome(
        found == written,
        f"{found:,} items in the table; simulated columns: {simulated}",
        {"table": scene.stage.settings.items_table, "items": found},
    )


def train(scene: Scene) -> Outcome:
    """Train two models; the registry must approve one and scorers must serve it."""
    scene.models = train_models(scene.stage, scene.world, seed=scene.seed)
    delta_id = scene.stage.publish(scene.window("reference").start)
    entries = scene.stage.ports.registry.entries()
    approved = [entry.model_id for entry in entries if entry.status == "production"]
    ok = approved == [scene.models.production]
    if ok:
        scene.stage.wait_until_served(delta_id=delta_id, model_id=scene.models.production)
    return Outcome(
        ok,
        f"model {scene.models.production} serves snapshot {delta_id}"
        if ok
        else f"the registry approves {approved}, not {scene.models.production}",
        {"registry": [asdict(entry) for entry in entries], "delta_id": delta_id},
    )


def healthy(scene: Scene) -> Outcome:
    """Two ordinary days; the audit of the second must find nothing."""
    scene.send_stretch("reference")
    scene.send_day("healthy")
    incidents = scene.audit("healthy")
    counts = [scene.count(name) for name in ("reference", "healthy")]
    enough = all(int(str(row["requests"])) >= FEWEST_REQUESTS for row in counts)
    return Outcome(
        enough and not incidents,
        f"{counts[0]['requests']} + {counts[1]['requests']} requests served and logged; "
        f"audit: {incidents[0].title if incidents else 'healthy'}",
        {
            "requests": counts,
            "query": scene.count_sql("healthy"),
            "incidents": [one.title for one in incidents],
        },
    )
