"""Makes the catalogue as it stands an immutable snapshot and points the scorers at it.

The same items, plays and moment give the same bytes, hence the same id: repeating changes
nothing. The pointer is written last, so nothing half-written is ever pointed to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import ArtefactError, BadData
from recsysops.model.artefact import ModelArtefact
from recsysops.model.delta import POINTER_KEY, delta_key, launch_day, pack_delta
from recsysops.model.feedback_weights import PLAYS_ONLY, FeedbackWeights, WeighedClass
from recsysops.model.kernel import Float32Array, Float64Array
from recsysops.ports import BlobStore, ItemStore, LakeWriter, QueryEngine, RejectRow
from recsysops.request_log.job_records import ItemSnapshotRow
from recsysops.request_log.records import SCHEMA_VERSION
from recsysops.request_log.schema import to_row
from recsysops.request_log.sql import Declared, render_sql, utc_day
from recsysops.serving.api import truncate_milliseconds
from recsysops.serving.static_list import dump_static_list, most_popular, static_list_key
from recsysops.vocabulary import ItemFeatures, ModelPointer, hash_group
from recsysops.workflows.load_catalogue import (
    DeltaPointer,
    dump_delta_pointer,
    load_artefact,
    parse_delta_pointer,
    read_delta_pointer,
)
from recsysops.workflows.readable_items import read_items

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# whole hours: integers are the same in every engine, sums of powers are not; what is worth
# something else is another query, so that weights are multiplied here
_PLAYS = """
SELECT item_id AS item_id,
       date_diff('hour', TIMESTAMP '1970-01-01 00:00:00', event_time) AS hours,
       count(DISTINCT event_id) AS plays
FROM feedback
WHERE {counted} AND event_time >= {since} AND event_time < {until} AND dt >= {first_day}
GROUP BY 1, 2
ORDER BY 1, 2"""

OUTCOME_DAYS = 14
"""Impressions this recent, and whether they were played, are what exploration learns from."""

# a line that the log holds twice counts once
_OUTCOMES = """
WITH shown AS (
  SELECT DISTINCT r.request_id AS request_id, s.item_id AS item_id
  FROM slim_requests r CROSS JOIN UNNEST(r.shown) AS s(item_id)
  WHERE r.event_time >= {since} AND r.event_time < {until} AND r.dt >= {first_day}
), played AS (
  SELECT DISTINCT request_id, item_id FROM feedback
  WHERE kind = 'play' AND event_time >= {since} AND event_time < {until} AND dt >= {first_day}
)
SELECT shown.item_id AS item_id, count(*) AS shown, count(played.item_id) AS played
FROM shown LEFT JOIN played
  ON played.request_id = shown.request_id AND played.item_id = shown.item_id
GROUP BY 1 ORDER BY 1"""


@dataclass(frozen=True, slots=True, eq=False)
class _Snapshot:
    """A snapshot before it is packed; items ascend by id."""

    items: tuple[ItemFeatures, ...]
    half_life_days: tuple[float, ...]
    log_popularity: Float32Array
    changed_rows: NDArray[np.intp]
    changed_vectors: Float32Array
    outcomes: NDArray[np.int64] | None


def publish_delta(
    *,
    items: ItemStore,
    blobs: BlobStore,
    lake: LakeWriter,
    queries: QueryEngine | None,
    pointer: ModelPointer,
    as_of: datetime,
    pinnable: Sequence[str] = (),
    reject: RejectRow = lambda _item_id, _reason: None,
    weights: FeedbackWeights = PLAYS_ONLY,
) -> str:
    """Publish a snapshot of all items with popularity as of a moment; returns its delta id.

    The snapshot holds popularity for the production model, the candidate and every `pinnable`
    model (those a hotfix or a mistake may point back to), whose half-lives may differ.

    Plays since the artefact was trained, and other feedback in plays by its `weights`, come from
    the lake; without a query engine popularity
    only decays. Writes the snapshot, its rows for the lake, then the pointer, which never goes
    back in time. Beside the snapshot lies its list of popular items, the scorers' last resort.

    A row of the item table that cannot be read is told to `reject` and served as it was last.

    Raises: ArtefactError when the production model cannot be read; BadData when the item table
        holds nothing that can be published; DependencyError.
    """
    moment = truncate_milliseconds(as_of)
    artefact = load_artefact(blobs, pointer.production)
    if not artefact.manifest.popularity:
        raise ArtefactError(f"{artefact.model_id} has no popularity term to refresh")
    ordered = read_items(items, blobs=blobs, reject=reject)
    if not ordered:
        raise BadData("the item table is empty: an empty catalogue is never published")
    snapshot = _take_snapshot(
        artefact,
        ordered,
        others=_load_others(blobs, [pointer.candidate, *pinnable]),
        queries=queries,
        as_of=moment,
        weights=weights,
    )
    delta_id, body = pack_delta(
        as_of=moment,
        model_id=artefact.model_id,
        half_life_days=snapshot.half_life_days,
        items=snapshot.items,
        log_popularity=snapshot.log_popularity,
        changed_rows=snapshot.changed_rows,
        changed_vectors=snapshot.changed_vectors,
        outcomes=snapshot.outcomes,
    )
    rows = _lake_rows(snapshot, delta_id=delta_id, model_id=artefact.model_id, as_of=moment)
    blobs.put(delta_key(delta_id), body)
    blobs.put(static_list_key(delta_id), _static_list(snapshot, delta_id, moment))
    lake.write_rows("item_snapshots", rows=rows, ingest_time=moment, name=delta_id)
    _point_forward(blobs, DeltaPointer(delta_id, moment, artefact.model_id))
    return delta_id


def _point_forward(blobs: BlobStore, pointer: DeltaPointer) -> None:
    """Point scorers at a snapshot unless one of a later moment is served by now.

    Two publications may overlap (stream and schedule); the one that began earlier must not win
    because it ended later.
    """

    def forward(body: bytes | None) -> bytes | None:
        try:
            is_later = body is not None and parse_delta_pointer(body).as_of > pointer.as_of
        except ArtefactError:
            is_later = False  # a garbled pointer is replaced
        return None if is_later else dump_delta_pointer(pointer)

    blobs.update(POINTER_KEY, forward)


def moment_to_publish(blobs: BlobStore, *, now: datetime, retimed: bool) -> datetime:
    """Return now; where traffic is re-timed, the moment at which the world's clock stands.

    That is the newest snapshot's, so that a stream's batch that arrives late makes the same
    snapshot again instead of one from another day.
    """
    if not retimed:
        return now
    try:
        return read_delta_pointer(blobs).as_of
    except ArtefactError:
        return now  # nothing was published yet


def find_changed_rows(
    artefact: ModelArtefact, items: Sequence[ItemFeatures]
) -> tuple[NDArray[np.intp], Float32Array]:
    """Return the rows of `items` whose vector is not the artefact's, and their vectors (k, d).

    Changed: the encoded content differs in any bit, the collaborative part stays. New: the
    collaborative part is zero, content carries the item.
    """
    width = artefact.encoder.content_width
    vectors = np.zeros((len(items), artefact.encoder.width), dtype=np.float32)
    known = _artefact_rows(artefact, items)
    vectors[known >= 0] = artefact.item_matrix[known[known >= 0]]
    content = np.stack([artefact.encoder.encode(item) for item in items])
    changed = (known < 0) | (vectors[:, :width] != content).any(axis=1)
    vectors[:, :width] = content
    rows = np.flatnonzero(changed)
    return rows, vectors[rows]


def decay_plays(
    artefact: ModelArtefact,
    items: Sequence[ItemFeatures],
    *,
    queries: QueryEngine | None,
    as_of: datetime,
    weights: FeedbackWeights = PLAYS_ONLY,
) -> Float64Array:
    """Return plays decayed to `as_of` per item and popularity term of the model, (n, terms).

    The artefact's counts decay from its training; later plays from the middle of their hour.
    """
    half_lives = _half_lives(artefact)
    trained_at = datetime.fromisoformat(artefact.manifest.trained_at).astimezone(UTC)
    known = _artefact_rows(artefact, items)
    counts = np.zeros((len(items), len(half_lives)))
    counts[known >= 0] = artefact.play_counts[known[known >= 0]]
    counts *= _decay(as_of - trained_at, half_lives)
    if queries is None or trained_at >= as_of:
        return counts
    row_of = {item.item_id: row for row, item in enumerate(items)}
    for counted in weights.classes():
        for play in queries.run(_plays_sql(counted, trained_at, as_of)):
            row = row_of.get(str(play["item_id"]))
            if row is not None:
                played_at = _EPOCH + timedelta(hours=float(str(play["hours"])) + 0.5)
                plays = counted.weight * float(str(play["plays"]))
                counts[row] += plays * _decay(as_of - played_at, half_lives)
    return counts


def count_outcomes(
    items: Sequence[ItemFeatures], *, queries: QueryEngine | None, as_of: datetime
) -> NDArray[np.int64] | None:
    """Return recent impressions per item and how many of them were played, (n, 2).

    None without a query engine: nobody counted.
    """
    if queries is None:
        return None
    since = as_of - timedelta(days=OUTCOME_DAYS)
    sql = render_sql(_OUTCOMES, since=since, until=as_of, first_day=utc_day(since))
    outcomes = np.zeros((len(items), 2), dtype=np.int64)
    row_of = {item.item_id: row for row, item in enumerate(items)}
    for line in queries.run(sql):
        row = row_of.get(str(line["item_id"]))
        if row is not None:
            outcomes[row] = int(str(line["shown"])), int(str(line["played"]))
    return outcomes


def _take_snapshot(
    artefact: ModelArtefact,
    items: tuple[ItemFeatures, ...],
    *,
    others: Sequence[ModelArtefact],
    queries: QueryEngine | None,
    as_of: datetime,
    weights: FeedbackWeights,
) -> _Snapshot:
    columns: dict[float, Float32Array] = {}
    for model in (artefact, *others):
        if set(_half_lives(model)) <= set(columns):
            continue
        counts = decay_plays(model, items, queries=queries, as_of=as_of, weights=weights)
        logs = np.log(counts + model.manifest.popularity_smoothing).astype(np.float32)
        for place, half_life in enumerate(_half_lives(model)):
            columns.setdefault(half_life, logs[:, place])
    rows, vectors = find_changed_rows(artefact, items)
    return _Snapshot(
        items=items,
        half_life_days=tuple(columns),
        log_popularity=np.stack(list(columns.values()), axis=1),
        changed_rows=rows,
        changed_vectors=vectors,
        outcomes=count_outcomes(items, queries=queries, as_of=as_of),
    )


def _static_list(snapshot: _Snapshot, delta_id: str, moment: datetime) -> bytes:
    """List the items launched by the moment by popularity at the first half-life."""
    today = launch_day(moment.date())
    launched = np.array([launch_day(item.launch_date) <= today for item in snapshot.items])
    item_ids = [item.item_id for item in snapshot.items]
    return dump_static_list(
        delta_id, most_popular(item_ids, snapshot.log_popularity[:, 0], launched)
    )


def _load_others(blobs: BlobStore, model_ids: Sequence[str | None]) -> list[ModelArtefact]:
    loaded = []
    for model_id in dict.fromkeys(model_ids):
        try:
            loaded += [] if model_id is None else [load_artefact(blobs, model_id)]
        except ArtefactError:
            continue  # whoever loads it to serve it reports it; production must not wait for it
    return loaded


def _half_lives(artefact: ModelArtefact) -> list[float]:
    return [term.half_life_days for term in artefact.manifest.popularity]


def _artefact_rows(artefact: ModelArtefact, items: Sequence[ItemFeatures]) -> NDArray[np.intp]:
    row_of = {item_id: row for row, item_id in enumerate(artefact.item_ids.tolist())}
    return np.array([row_of.get(item.item_id, -1) for item in items], dtype=np.intp)


def _decay(age: timedelta, half_life_days: Sequence[float]) -> Float64Array:
    days = max(0.0, age / timedelta(days=1))
    decayed: Float64Array = 0.5 ** (days / np.array(half_life_days))
    return decayed


def _plays_sql(counted: WeighedClass, since: datetime, until: datetime) -> str:
    return render_sql(
        _PLAYS,
        counted=Declared(_condition(counted)),
        since=since,
        until=until,
        first_day=utc_day(since),
    )


def _condition(counted: WeighedClass) -> str:
    parts = [render_sql("kind = {kind}", kind=counted.kind)]
    if counted.at_least is not None:
        parts.append(render_sql("value >= {least}", least=float(counted.at_least)))
    if counted.below is not None:
        parts.append(render_sql("value < {below}", below=float(counted.below)))
    return " AND ".join(parts)


def _lake_rows(
    snapshot: _Snapshot, *, delta_id: str, model_id: str, as_of: datetime
) -> list[dict[str, object]]:
    changed = set(snapshot.changed_rows.tolist())
    popularity = snapshot.log_popularity[:, 0].tolist()
    return [
        to_row(
            ItemSnapshotRow(
                schema_version=SCHEMA_VERSION,
                delta_id=delta_id,
                as_of=as_of,
                model_id=model_id,
                item_id=item.item_id,
                item_group=hash_group(item.item_id),
                title=item.title,
                genres=list(item.genres),
                year=item.year,
                language=item.language,
                price=item.price,
                in_stock=item.in_stock,
                launch_date=None if item.launch_date is None else item.launch_date.isoformat(),
                source=item.source,
                batch=item.batch,
                version=item.version,
                changed=row in changed,
                log_popularity=popularity[row],
                simulated=list(item.simulated),
                anticipation=item.anticipation,
            )
        )
        for row, item in enumerate(snapshot.items)
    ]
