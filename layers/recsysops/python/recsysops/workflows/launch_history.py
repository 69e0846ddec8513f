"""Knows what deployed state says about past launches: snapshots that served, first weeks, panel."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from recsysops.errors import ArtefactError, CouldNotJudge
from recsysops.model.artefact import ModelArtefact
from recsysops.model.delta import DeltaSnapshot, launch_day
from recsysops.model.packing import unpack_vector
from recsysops.ports import BlobStore, MemberStore, QueryEngine
from recsysops.prediction.first_week import WEEK_DAYS
from recsysops.prediction.panel import Panel
from recsysops.request_log.sql import render_sql
from recsysops.vocabulary import ItemFeatures, Member, PastLaunch, hash_unit
from recsysops.workflows.load_catalogue import load_delta, read_delta_pointer

REMEMBERED_DAYS = 84
"""Launches of the last twelve weeks teach; older ones belong to another market."""

PANEL_SIZE = 400
_SNAPSHOT_DAYS = 8
_DAY = timedelta(days=1)

_PLAYS = """
SELECT item_id AS item_id,
 date_diff('day', TIMESTAMP '1970-01-01 00:00:00', event_time) AS play_day,
 count(DISTINCT event_id) AS plays
FROM feedback
WHERE kind = 'play' AND dt >= {first_day} AND event_time >= {start} AND event_time < {end}
GROUP BY 1, 2
ORDER BY 1, 2
"""

_SERVED = """
SELECT delta_id AS delta_id, max(event_time) AS last_served
FROM slim_requests
WHERE dt >= {first_day} AND event_time >= {start} AND event_time < {end} AND delta_id <> ''
GROUP BY 1
ORDER BY 2, 1
"""


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The newest snapshot of a moment, and the oldest that served in the eight days before."""

    newest: DeltaSnapshot
    earlier: DeltaSnapshot | None


def find_snapshots(blobs: BlobStore, queries: QueryEngine, *, as_of: datetime) -> Snapshots:
    """Return the snapshots a forecast of that moment stands on.

    Raises: CouldNotJudge when nothing was published by then; ArtefactError; DependencyError.
    """
    start = as_of - _SNAPSHOT_DAYS * _DAY
    sql = render_sql(_SERVED, first_day=start.date(), start=start, end=as_of)
    served = [str(row["delta_id"]) for row in queries.run(sql)]
    pointer = read_delta_pointer(blobs)
    if pointer.as_of > as_of and not served:
        raise CouldNotJudge(
            f"no snapshot served in the {_SNAPSHOT_DAYS} days before {as_of.isoformat()}"
        )
    newest = load_delta(blobs, pointer.delta_id if pointer.as_of <= as_of else served[-1])
    others = [delta_id for delta_id in served if delta_id != newest.delta_id]
    return Snapshots(newest, _load_if_kept(blobs, others[0]) if others else None)


def read_past_launches(
    delta: DeltaSnapshot, artefact: ModelArtefact, *, queries: QueryEngine, as_of: datetime
) -> list[PastLaunch]:
    """Return the launches of the last twelve weeks whose first week is over, oldest first.

    Plays since the model was trained come from the lake, earlier ones from the artefact. A launch
    from before the training that the artefact does not know is left out: its plays are unknown,
    not zero.

    Raises: DependencyError.
    """
    today = as_of.astimezone(UTC).date()
    first, last = today - REMEMBERED_DAYS * _DAY, today - WEEK_DAYS * _DAY
    trained_at = datetime.fromisoformat(artefact.manifest.trained_at).astimezone(UTC)
    logged = _read_plays(queries, since=trained_at, until=as_of)
    past = []
    for item in delta.items:
        if item.launch_date is not None and first <= item.launch_date <= last:
            trained_on = artefact.manifest.first_weeks.get(item.item_id)
            if trained_on is None and item.launch_date < trained_at.date():
                continue
            plays = _first_week(item, trained_on or (0.0,) * WEEK_DAYS, logged=logged)
            past.append(PastLaunch(item, item.launch_date, plays, item.anticipation))
    return sorted(past, key=lambda launch: (launch.launched_on, launch.item.item_id))


def draw_panel(members: MemberStore, model_id: str) -> list[Member]:
    """Return at most PANEL_SIZE members known to a model, the same ones every day."""
    known = (member for member in members.scan() if model_id in member.vectors)
    return heapq.nsmallest(PANEL_SIZE, known, key=_place_in_line)


def seat_panel(drawn: Sequence[Member], artefact: ModelArtefact) -> Panel:
    """Return the panel as one model sees it; members whose vector does not fit stay away.

    Raises: CouldNotJudge when nobody is left.
    """
    vectors, seen = [], []
    for member in drawn:
        try:
            packed = member.vectors.get(artefact.model_id, b"")
            vectors.append(unpack_vector(packed, owner=artefact.owner))
            seen.append(frozenset(member.seen))
        except ArtefactError:
            continue
    if not vectors:
        raise CouldNotJudge(f"no member has a vector of {artefact.model_id}")
    return Panel(np.stack(vectors), tuple(seen))


def _load_if_kept(blobs: BlobStore, delta_id: str) -> DeltaSnapshot | None:
    try:
        return load_delta(blobs, delta_id)
    except ArtefactError:
        return None  # expired: forecasts then expect popularity to stay as it is


def _place_in_line(member: Member) -> tuple[float, str]:
    return hash_unit("launch-panel", member.member_id), member.member_id


def _read_plays(
    queries: QueryEngine, *, since: datetime, until: datetime
) -> Mapping[tuple[str, int], float]:
    if since >= until:
        return {}
    rows = queries.run(render_sql(_PLAYS, first_day=since.date(), start=since, end=until))
    return {
        (str(row["item_id"]), int(str(row["play_day"]))): float(str(row["plays"])) for row in rows
    }


def _first_week(
    item: ItemFeatures,
    trained_on: Sequence[float],
    *,
    logged: Mapping[tuple[str, int], float],
) -> tuple[float, ...]:
    """Return plays by day, (7,): until the model was trained, and as logged from then on."""
    first = launch_day(item.launch_date)
    return tuple(
        plays + logged.get((item.item_id, first + day), 0.0) for day, plays in enumerate(trained_on)
    )
