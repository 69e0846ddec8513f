"""What a served day leaves in the lake: request lines, full records, snapshot, feedback, ranks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time

import numpy as np

from recsysops.request_log.records import SCHEMA_VERSION
from recsysops.simulation.gauntlet.columns import (
    Column,
    Columns,
    Floats,
    Mask,
    Rows,
    as_texts,
    choose_texts,
    number_texts,
    take_rows,
)
from recsysops.simulation.gauntlet.launch_ranks import rank_recent_launches
from recsysops.simulation.gauntlet.linear_model import BLOCKS, block_edges
from recsysops.simulation.gauntlet.model_tables import profile_new_model, repeat_sample
from recsysops.simulation.gauntlet.responses import (
    KINDS,
    Choices,
    Taste,
    count_plays,
    rank_of_choices,
    respond,
)
from recsysops.simulation.gauntlet.serve_day import ServedDay
from recsysops.simulation.gauntlet.slates import SLATE
from recsysops.simulation.gauntlet.world import World

MICROSECONDS = 1_000_000
LOGGED_SHORTLIST = 20
RATE = 0.04
"""Inclusion probability of an ordinary request's full record."""
RAISED_RATE = 0.25
"""The same of an explored request or a fallback."""
CONSUMERS = {"home": "tv-app", "search": "partner-site"}
CONSUMED_SHARE = 0.15
_LATENCY_MS = {"home": 12.0, "search": 16.0, "item": 9.0}
_LATENCY_SPREAD = 0.35
_LAUNCH_DAYS = 7


@dataclass(frozen=True, slots=True, eq=False)
class LoggedDay:
    """A day's tables of the lake, and the plays that really happened, (n_items of the world,)."""

    day: int
    tables: dict[str, Columns]
    played: Floats


def log_day(world: World, taste: Taste, served: ServedDay) -> LoggedDay:
    """Let members respond and write what the lake would hold of the day."""
    slim = _slim_requests(world, served)
    choices = _choose(world, taste, served, slim)
    full = _full_requests(world, served, slim)
    tables = {
        "slim_requests": slim,
        "full_requests": full,
        "model_profiles": profile_new_model(world, served),
        "replayed_requests": repeat_sample(world, served, full),
        "item_snapshots": _item_snapshots(world, served),
        "feedback": _feedback(world, served, slim, choices),
        "choice_ranks": _choice_ranks(world, served, slim, choices),
        "launch_ranks": rank_recent_launches(
            world, served, slim, midnight=midnight_of(world, served.day)
        ),
        "consumer_logs": _consumer_logs(world, served, slim),
    }
    played = count_plays(choices, n_items=len(world.item_ids))
    return LoggedDay(served.day, tables, played)


def midnight_of(world: World, day: int) -> int:
    """Return when a day begins, in microseconds since 1970 UTC."""
    start = datetime.combine(world.date_of(day), time(), UTC)
    return int(start.timestamp()) * MICROSECONDS


def snapshot_id(world: World, day: int) -> str:
    """Name the snapshot of a day."""
    return f"d-{world.seed}-{day}"


def _slim_requests(world: World, served: ServedDay) -> Columns:
    requests, slates = served.requests, served.slates
    member = requests["member"]
    rng = world.rng(40, served.day)
    reason = served.fallback["reason"]
    failed = np.asarray(reason != None, dtype=np.bool_)  # noqa: E711 - a column of objects
    empty = rng.random(len(member)) < float(served.settings["empty_share"][0])
    arm = choose_texts(slates.explored, "explore", "greedy")
    rate = np.where(failed | slates.explored, RAISED_RATE, RATE)
    midnight = midnight_of(world, served.day)
    return {
        "schema_version": np.full(len(member), SCHEMA_VERSION),
        "request_id": requests["request_id"],
        "event_time": midnight + np.round(requests["seconds"] * MICROSECONDS).astype(np.int64),
        "surface": requests["surface"],
        "country": requests["country"],
        "member": world.members["pseudonym"][member],
        "member_group": world.members["group"][member],
        "member_known": requests["known"],
        **_who_served(world, served),
        "arm": arm,
        "shown": served_ids(world, served, slates.shown),
        "scores": slates.shown_scores,
        "propensities": slates.propensities,
        "slate_length": np.where(empty, 0, SLATE),
        "eligible_count": np.full(len(member), slates.eligible_count),
        "status": choose_texts(failed, "fallback", "ok"),
        "fallback_reason": reason,
        "fallback_step": choose_texts(failed, "popularity", None),
        "latency_ms": _latencies(requests, served.settings, rng=rng),
        "stratum": _strata(world, served),
        "inclusion_probability": rate,
        "full": rng.random(len(member)) < rate,
        "traffic": _constant("simulated", len(member)),
    }


def _who_served(world: World, served: ServedDay) -> Columns:
    """Name model, snapshot and roll-out arm; the canary is a second export of the same model."""
    arm = served.requests["roll_out_arm"]
    model_id = served.model.model_id
    canary, taking_part = (
        np.asarray(found, dtype=np.bool_)
        for found in (arm == "canary", arm != None)  # noqa: E711 - a column of objects
    )
    return {
        "model_id": choose_texts(canary, f"{model_id}-c", model_id),
        "delta_id": _constant(snapshot_id(world, served.day - served.snapshot_age), len(arm)),
        "flag_version": _constant("f-1", len(arm)),
        "flag_rejected": _constant(None, len(arm)),
        "roll_out_id": choose_texts(taking_part, "ro-1", None),
        "roll_out_arm": arm,
    }


def _latencies(requests: Columns, settings: Columns, *, rng: np.random.Generator) -> Floats:
    centre = np.full(len(requests["surface"]), 10.0)
    for surface, milliseconds in _LATENCY_MS.items():
        centre[requests["surface"] == surface] = milliseconds
    drawn = centre * np.exp(rng.normal(0.0, _LATENCY_SPREAD, len(centre)))
    return np.round(drawn * float(settings["latency_factor"][0]), 3)


def _strata(world: World, served: ServedDay) -> Column:
    age = world.date_of(served.day).toordinal() - served.items["launch_day"]
    launches: Mask = np.any((age < _LAUNCH_DAYS)[served.slates.shown], axis=1)
    # eight texts and one addition a row, not a text for every part of it
    endings = as_texts(
        [
            f"/{member}/{launch}/{arm}"
            for member in ("unknown", "known")
            for launch in ("no-launch", "launch")
            for arm in ("greedy", "explore")
        ]
    )
    place = 4 * served.requests["known"] + 2 * launches + served.slates.explored
    stratum: Column = served.requests["surface"] + endings[place.astype(np.intp)]
    return stratum


def served_ids(world: World, served: ServedDay, columns: Rows) -> Column:
    """Return item ids of served columns, any shape."""
    ids: Column = world.item_ids[served.items["row"]][columns]
    return ids


def _full_requests(world: World, served: ServedDay, slim: Columns) -> Columns:
    rows = np.flatnonzero(slim["full"])
    order = served.slates.order[rows, :LOGGED_SHORTLIST]
    active = served.slates.active[rows]
    contributions = _contributions(world, served, active, order)
    kept = {name: slim[name][rows] for name in slim if name not in ("full", "scores", "latency_ms")}
    return {
        **kept,
        "member_vector": choose_texts(kept["member_known"], "packed", None),
        "context": _constant("{}", len(rows)),
        "limit": np.full(len(rows), SLATE),
        "explore_rate": np.full(len(rows), float(served.settings["explore_rate"][0])),
        "shortlist": served_ids(world, served, order),
        "scores": served.slates.scores[active[:, None], order].astype(np.float64),
        "blocks": as_texts(BLOCKS)[None, :].repeat(len(rows), axis=0),
        "contributions": contributions.reshape(len(rows), -1),
        "code_version": _constant("gauntlet", len(rows)),
        "fingerprint": _constant("simulated", len(rows)),
        "input_digest": _constant("simulated", len(rows)),
    }


def _contributions(world: World, served: ServedDay, active: Rows, order: Rows) -> Floats:
    """Return what each block adds to each logged item's score, (f, k, blocks)."""
    products = served.members[active][:, None, :] * served.vectors[order]
    edges = block_edges(world)[:-1]
    linear = np.add.reduceat(products.astype(np.float64), edges, axis=2)
    bias = served.bias[order].astype(np.float64)
    return np.concatenate([linear, bias[:, :, None]], axis=2)


def _item_snapshots(world: World, served: ServedDay) -> Columns:
    items = served.items
    count = len(items["row"])
    launch_date = np.array(
        [
            None if day == 0 else datetime.fromordinal(day).date().isoformat()
            for day in items["launch_day"].tolist()
        ],
        dtype=object,
    )
    return {
        **{name: column for name, column in items.items() if name not in _NOT_IN_SNAPSHOTS},
        "schema_version": np.full(count, SCHEMA_VERSION),
        "delta_id": _constant(snapshot_id(world, served.day), count),
        "as_of": np.full(count, midnight_of(world, served.day)),
        "model_id": _constant(served.model.model_id, count),
        "launch_date": launch_date,
        "changed": np.zeros(count, dtype=np.bool_),
        "log_popularity": np.log1p(served.plays),
        "simulated": np.empty((count, 0), dtype=object),
    }


_NOT_IN_SNAPSHOTS = ("row", "launch_day", "quality", "is_launch")


def _choose(world: World, taste: Taste, served: ServedDay, slim: Columns) -> Choices:
    row_of_column = served.items["row"]
    can_be_played = np.zeros(len(world.item_ids), dtype=np.bool_)
    can_be_played[row_of_column[np.isfinite(served.slates.scores[-1])]] = True
    return respond(
        taste,
        members=served.requests["member"],
        shown=row_of_column[served.slates.shown],
        can_be_seen=np.arange(SLATE) < slim["slate_length"][:, None],
        can_be_played=can_be_played,
        rng=world.rng(50, served.day),
    )


def _feedback(world: World, served: ServedDay, slim: Columns, choices: Choices) -> Columns:
    rng = world.rng(51, served.day)
    asked = take_rows({name: slim[name] for name in _CARRIED_TO_FEEDBACK}, choices.requests)
    count = len(choices.requests)
    last = midnight_of(world, served.day + 1) - 1
    delay = (rng.exponential(60.0, count) * MICROSECONDS).astype(np.int64)
    return {
        **asked,
        "schema_version": np.full(count, SCHEMA_VERSION),
        "event_id": number_texts(f"e-{world.seed}-{served.day}-", count),
        "event_time": np.minimum(asked["event_time"] + delay, last),
        "item_id": world.item_ids[choices.items],
        "kind": as_texts(KINDS)[choices.kinds],
        "value": np.ones(count),
        "traffic": _constant("simulated", count),
    }


_CARRIED_TO_FEEDBACK = (
    "request_id", "event_time", "member", "member_group", "surface", "country"
)  # fmt: skip


def _choice_ranks(world: World, served: ServedDay, slim: Columns, choices: Choices) -> Columns:
    """Rank what was chosen after requests with a full record, as rank_choices would."""
    chosen = np.flatnonzero(slim["full"][choices.requests])
    requests, items = choices.requests[chosen], choices.items[chosen]
    column_of = np.full(int(served.items["row"].max(initial=0)) + 1, -1)
    column_of[served.items["row"]] = np.arange(len(served.items["row"]))
    columns = np.where(items < len(column_of), column_of[np.minimum(items, len(column_of) - 1)], -1)
    slates = served.slates
    ranks = rank_of_choices(slates.scores, active=slates.active[requests], columns=columns)
    ranks = np.where(columns < 0, np.nan, ranks)
    asked = take_rows({name: slim[name] for name in _CARRIED_TO_RANKS}, requests)
    return {
        **asked,
        "schema_version": np.full(len(requests), SCHEMA_VERSION),
        "item_id": world.item_ids[items],
        "eligible": ~np.isnan(ranks),
        "rank": ranks,
        "in_shortlist": np.nan_to_num(ranks, nan=np.inf) <= LOGGED_SHORTLIST,
    }


_CARRIED_TO_RANKS = (
    "request_id", "event_time", "surface", "country", "member", "member_group", "member_known",
    "model_id", "delta_id", "eligible_count", "inclusion_probability", "traffic",
)  # fmt: skip


def _consumer_logs(world: World, served: ServedDay, slim: Columns) -> Columns:
    """Echo what consumers showed of a fraction of their traffic, a few seconds later."""
    rng = world.rng(52, served.day)
    consumed = np.isin(slim["surface"].astype(str), list(CONSUMERS))
    rows = np.flatnonzero(consumed & (rng.random(len(consumed)) < CONSUMED_SHARE))
    asked = take_rows({name: slim[name] for name in _CARRIED_TO_CONSUMERS}, rows)
    consumer = np.array([CONSUMERS[surface] for surface in asked["surface"]], dtype=object)
    last = midnight_of(world, served.day + 1) - 1
    return {
        **asked,
        "schema_version": np.full(len(rows), SCHEMA_VERSION),
        "event_time": np.minimum(asked["event_time"] + 2 * MICROSECONDS, last),
        "consumer": consumer,
        "fraction": np.full(len(rows), CONSUMED_SHARE),
    }


_CARRIED_TO_CONSUMERS = (
    "request_id", "event_time", "surface", "shown", "slate_length", "traffic"
)  # fmt: skip


def _constant(value: str | None, count: int) -> Column:
    return as_texts([value])[np.zeros(count, dtype=np.intp)]
