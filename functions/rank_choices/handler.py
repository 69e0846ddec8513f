"""Ranks what members chose in a window: {window_start, window_end}, {} for the audit's default."""

from collections.abc import Mapping
from dataclasses import asdict

from recsysops.adapters.job_events import read_moment
from recsysops.bootstrap import process_ports
from recsysops.detection.context import plan_context
from recsysops.observability import make_logger
from recsysops.workflows.rank_choices import rank_choices

PORTS = process_ports()
LOGGER = make_logger("rank_choices")


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Rank the window that the audit with the same input judges; an hour's audits need no ranks."""
    now = read_moment(event, "started_at", default=PORTS.clock())
    context = plan_context(event, now=now)
    if context.every == "hour":
        return {"ranked_count": 0}
    ranked = rank_choices(
        context.window, queries=PORTS.queries, cache=PORTS.catalogues, lake=PORTS.lake
    )
    LOGGER.info("choices ranked", ranked=ranked.ranked_count, refused=ranked.refused_count)
    return asdict(ranked)
