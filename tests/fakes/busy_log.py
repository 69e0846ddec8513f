"""A log with a bit of everything: cold members, surfaces, filters, exploration, hotfixes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from recsysops.serving.flag_document import (
    build_flag_document,
    dump_flag_document,
    flag_document_key,
)
from recsysops.vocabulary import Hotfix, SamplingPlan, SurfacePlan

from tests.fakes.served_world import FOLD_IN, NOW, ServedWorld, make_world
from tests.fakes.small_catalogue import make_hotfix


def deploy(world: ServedWorld, *hotfixes: Hotfix) -> None:
    """Serve hotfixes, and keep their document for replay."""
    later = NOW + timedelta(days=1)
    document = build_flag_document([replace(hotfix, expires_at=later) for hotfix in hotfixes])
    world.flags.document = document
    world.blobs.put(flag_document_key(document.version), dump_flag_document(document).encode())


def busy_world() -> ServedWorld:
    """Known, cold and hotfixed members on several surfaces, a third of them exploring."""
    world = make_world(150, members=8, fold_in=FOLD_IN)
    surfaces = {
        "item": SurfacePlan(diversity=2.0),
        "tv": SurfacePlan(launch_slots=(1, 3), policy="thompson"),
    }
    world.flags.plan = SamplingPlan(rate=1.0, raised_rate=1.0, explore_rate=0.3, surfaces=surfaces)
    for number in range(30):
        filters = {"languages": ["en", "ja"], "in_stock": True} if number % 3 == 0 else {}
        world.recommend(
            f"plain-{number}",
            f"m{number % 10}",
            surface=("home", "item", "tv")[number % 3],
            session_items=[f"i{number:04d}", "i0100"],
            limit=1 + number,
            filters=filters if number % 2 else {},
        )
    values = {item.item_id: "ja" for item in world.items[:80]}
    deploy(
        world,
        make_hotfix("override_feature", {"feature": "language", "values": values}, percent=60.0),
        make_hotfix("mask_feature", {"block": "year", "item_ids": None}, percent=50.0, salt="s2"),
        make_hotfix("block_items", {"item_ids": ("i0003", "i0004")}, percent=70.0, salt="s3"),
        make_hotfix("popularity_fallback", {"surface": "search"}, percent=50.0, salt="s4"),
    )
    for number in range(30):
        world.recommend(
            f"fixed-{number}", f"m{number % 10}", surface=("home", "search")[number % 2]
        )
    return world
