"""Ranks what members chose in a window, and what was launched, whatever they were shown.

Event: {window_start, window_end}, {} for the audit's default.
"""

from collections.abc import Mapping
from dataclasses import asdict

from recsysops.adapters.job_events import read_moment
from recsysops.bootstrap import process_ports
from recsysops.detection.context import plan_context
from recsysops.observability import make_logger
from recsysops.workflows.rank_choices import rank_choices
from recsysops.workflows.rank_launches import rank_launches

PORTS = process_ports()
LOGGER = make_logger("rank_choices")


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Rank the window that the audit with the same input judges; an hour's audits need no ranks."""
    now = read_moment(event, "started_at", default=PORTS.clock())
    context = plan_context(event, now=now)
    if context.every == "hour":
        return {"ranked_count": 0}
    window, queries, cache, lake = context.window, PORTS.queries, PORTS.catalogues, PORTS.lake
    choices = rank_choices(window, queries=queries, cache=cache, lake=lake)
    launches = rank_launches(window, queries=queries, cache=cache, lake=lake)
    LOGGER.info(
        "choices and launches ranked",
        choices=choices.ranked_count,
        launches=launches.ranked_count,
        refused=choices.refused_count + launches.refused_count,
    )
    return {**asdict(choices), "launches": asdict(launches)}
