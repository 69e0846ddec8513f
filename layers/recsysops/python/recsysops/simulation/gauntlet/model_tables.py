"""What stands in the lake before the audits ask: profiles of new models, requests repeated."""

from __future__ import annotations

from datetime import UTC, datetime, time

import numpy as np

from recsysops.model.profile import ProfileSums, correlate_items, sum_by_group
from recsysops.request_log.job_records import PROFILE_DAY, REPLAYED_A_DAY
from recsysops.request_log.records import SCHEMA_VERSION
from recsysops.simulation.gauntlet.columns import Columns, Floats, Rows, as_lists, take_rows
from recsysops.simulation.gauntlet.linear_model import BLOCKS, block_edges
from recsysops.simulation.gauntlet.serve_day import ServedDay
from recsysops.simulation.gauntlet.world import World
from recsysops.vocabulary import ProfileSubject

MICROSECONDS = 1_000_000
_SEGMENTED = ("collaborative", "training_plays")


def profile_new_model(world: World, served: ServedDay) -> Columns:
    """Profile the model on the first day that it serves, once per export; else no rows."""
    if served.model.serves_from != world.date_of(served.day):
        return {}
    sums = _sum_items(world, served)
    exports = [served.model.model_id, f"{served.model.model_id}-c"]
    trained = datetime.combine(served.model.trained_on, time(), UTC)
    count = len(exports) * len(sums)
    return {
        "schema_version": np.full(count, SCHEMA_VERSION),
        "model_id": np.repeat(np.array(exports, dtype=object), len(sums)),
        "trained_at": np.full(count, int(trained.timestamp()) * MICROSECONDS),
        "data_hash": np.full(count, "simulated", dtype=object),
        "dt": np.full(count, PROFILE_DAY, dtype=object),
        **{
            name: np.array([getattr(one, name) for one in sums] * len(exports), dtype=kind)
            for name, kind in _KINDS.items()
        },
    }


_KINDS: dict[str, type] = {
    "subject": object, "segment": object, "item_group": np.int64, "items": np.int64,
    "total": np.float64, "squared": np.float64, "zeros": np.int64,
}  # fmt: skip


def repeat_sample(world: World, served: ServedDay, full: Columns) -> Columns:
    """Repeat a sample of the day's full records: a simulated scorer always comes out the same."""
    rows = np.flatnonzero(np.asarray(full["status"] == "ok", dtype=np.bool_))
    chosen = world.rng(61, served.day).permutation(rows)[:REPLAYED_A_DAY]
    width = len(BLOCKS)
    return {
        **take_rows({name: full[name] for name in _CARRIED}, chosen),
        "schema_version": np.full(len(chosen), SCHEMA_VERSION),
        "outcome": np.full(len(chosen), "bit_equal", dtype=object),
        "blocks": as_lists([BLOCKS] * len(chosen)),
        "block_differences": np.zeros((len(chosen), width)),
    }


_CARRIED = (
    "request_id", "event_time", "surface", "member", "member_group", "model_id", "delta_id",
    "inclusion_probability", "traffic",
)  # fmt: skip


def _sum_items(world: World, served: ServedDay) -> list[ProfileSums]:
    groups = served.items["item_group"].astype(np.intp)
    return [
        sums
        for subject, values in _measure(world, served).items()
        for segment, rows in _segments(served.items).items()
        if segment == "all" or subject in _SEGMENTED
        for sums in sum_by_group(subject, segment, values[rows], groups[rows])
    ]


def _measure(world: World, served: ServedDay) -> dict[ProfileSubject, Floats]:
    edges, vectors = block_edges(world), served.vectors.astype(np.float64)
    measured: dict[ProfileSubject, Floats] = {
        name: np.linalg.norm(vectors[:, start:stop], axis=1)  # type: ignore[misc]
        for name, start, stop in zip(BLOCKS, edges, edges[1:], strict=False)
    }
    plays, kept = served.plays, served.model.rows_kept
    plays = plays if kept is None else plays * kept[served.items["row"]]
    popularity = np.log(plays + 1.0)
    norms = np.linalg.norm(vectors, axis=1)
    measured["popularity_correlation"] = correlate_items(norms, popularity)
    measured["training_plays"] = plays
    return measured


def _segments(items: Columns) -> dict[str, Rows]:
    """Return the rows of each genre, language and source, and of all items."""
    count = len(items["row"])
    genres = items["genres"]
    per_row = np.fromiter(map(len, genres), np.intp, count=count)
    named = {
        "genre": (np.repeat(np.arange(count), per_row), [name for one in genres for name in one]),
        "language": (np.arange(count), [name or "none" for name in items["language"]]),
        "source": (np.arange(count), [name or "none" for name in items["source"]]),
    }
    segments = {"all": np.arange(count)}
    for dimension, (rows, names) in named.items():
        values, codes = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
        for code, value in enumerate(values.tolist()):
            segments[f"{dimension}={value}"] = rows[codes == code]
    return segments
