"""Where a day's rankings have its launches, as `rank_launches` would find out from the log."""

from __future__ import annotations

from datetime import date

import numpy as np

from recsysops.model.topk import place_rows
from recsysops.request_log.job_records import FOLLOWED_LAUNCH_DAYS, RANKED_FOR_LAUNCHES_A_DAY
from recsysops.request_log.records import SCHEMA_VERSION
from recsysops.simulation.gauntlet.columns import Columns, Floats, Rows
from recsysops.simulation.gauntlet.serve_day import ServedDay
from recsysops.simulation.gauntlet.world import World


def rank_recent_launches(
    world: World, served: ServedDay, slim: Columns, *, midnight: int
) -> Columns:
    """Rank every launch that is out in a sample of the day's full records, one row a launch."""
    answered = slim["full"] & np.asarray(slim["status"] == "ok", dtype=np.bool_)
    sampled = world.rng(62, served.day).permutation(np.flatnonzero(answered))
    sampled = sampled[:RANKED_FOR_LAUNCHES_A_DAY]
    launches, age = _eligible_launches(world, served)
    count = len(launches) if len(sampled) else 0
    if not count:
        return {}
    weights = 1.0 / slim["inclusion_probability"][sampled]
    items = {name: served.items[name][launches] for name in ("item_group", "source", "language")}
    return {
        **items,
        "schema_version": np.full(count, SCHEMA_VERSION),
        "event_time": np.full(count, midnight),
        "item_id": world.item_ids[served.items["row"][launches]],
        "launch_date": np.array(
            [
                date.fromordinal(day).isoformat()
                for day in served.items["launch_day"][launches].tolist()
            ],
            dtype=object,
        ),
        "age_days": age,
        "requests": np.full(count, len(sampled)),
        "rank_percentile": weights @ _percentiles(served, sampled, launches) / weights.sum(),
    }


def _eligible_launches(world: World, served: ServedDay) -> tuple[Rows, Rows]:
    """Return the columns of launches that could be shown and their ages in days, both (k,)."""
    age = world.date_of(served.day).toordinal() - served.items["launch_day"]
    # nobody's scores stand last: -inf where an item is not eligible for anybody
    could_be_shown = ~np.isneginf(served.slates.scores[-1])
    launches = np.flatnonzero((age >= 0) & (age < FOLLOWED_LAUNCH_DAYS) & could_be_shown)
    return launches, age[launches]


def _percentiles(served: ServedDay, requests: Rows, launches: Rows) -> Floats:
    """Return where each launch stands in each request's ranking, (r, k), 0 is best."""
    slates = served.slates
    places = [place_rows(slates.scores[row], launches) for row in slates.active[requests]]
    return (np.array(places) - 0.5) / slates.eligible_count
