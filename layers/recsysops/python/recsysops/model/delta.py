"""The delta snapshot: the catalogue as served at one moment, immutable and named by its hash.

It carries every item's raw features, the vectors of items that changed since the artefact (or
are new), and fresh popularity. A request logs the id of the snapshot it used.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import ArtefactError
from recsysops.model.item_rows import (
    PackedRows,
    SnapshotItems,
    are_rows,
    pack_rows,
)
from recsysops.model.kernel import Float32Array
from recsysops.vocabulary import ItemFeatures

DELTA_PREFIX = "deltas"
POINTER_KEY = "pointers/delta.json"
"""Apart from the snapshots: those expire when no logged request can need them any more."""
LAUNCHED_LONG_AGO = -(2**31)
_LAUNCH_PLACE = 7
"""Where the launch date stands in `features_to_row`."""
_STORED = frozenset({"item_rows", "log_popularity"})
"""Members of the npz that deflate would cost time and save nothing."""


@dataclass(frozen=True, slots=True)
class DeltaSnapshot:
    """A snapshot in memory; items ascend by id.

    model_id: the model whose encoder made `changed_vectors`. log_popularity: (n, terms) float32,
    log of (decayed plays + smoothing) per half-life. changed_rows: (k,) row numbers whose vector
    differs from the artefact's; changed_vectors: (k, d) float32. outcomes: (n, 2) recent
    impressions and those of them that were played, None when nobody counted them.
    """

    delta_id: str
    as_of: datetime
    model_id: str
    half_life_days: tuple[float, ...]
    items: Sequence[ItemFeatures]
    log_popularity: Float32Array
    changed_rows: NDArray[np.intp]
    changed_vectors: Float32Array
    outcomes: NDArray[np.int64] | None = None


def delta_key(delta_id: str) -> str:
    """Return the key of a snapshot in the artefact bucket."""
    return f"{DELTA_PREFIX}/{delta_id}.npz"


def pack_delta(
    *,
    as_of: datetime,
    model_id: str,
    half_life_days: Sequence[float],
    items: Sequence[ItemFeatures],
    log_popularity: Float32Array,
    changed_rows: NDArray[np.intp],
    changed_vectors: Float32Array,
    outcomes: NDArray[np.int64] | None = None,
) -> tuple[str, bytes]:
    """Return (delta_id, npz bytes); items must ascend by id.

    Raises: ArtefactError when items are not ascending or a shape does not fit.
    """
    ids = [item.item_id for item in items]
    if ids != sorted(set(ids)):
        raise ArtefactError("delta items must ascend by id without repeats")
    if log_popularity.shape != (len(ids), len(half_life_days)):
        raise ArtefactError(f"log_popularity is {log_popularity.shape} for {len(ids)} items")
    head = {
        "as_of": as_of.isoformat(),
        "model_id": model_id,
        "half_life_days": list(half_life_days),
        "item_ids": ids,
    }
    counted = {} if outcomes is None else {"outcomes": outcomes.astype(np.int64)}
    item_rows, item_row_ends = pack_rows(items)
    body = _npz_bytes(
        head=np.frombuffer(json.dumps(head, separators=(",", ":")).encode(), dtype=np.uint8),
        launch_days=np.array([launch_day(item.launch_date) for item in items], dtype=np.int32),
        item_rows=item_rows,
        item_row_ends=item_row_ends,
        log_popularity=log_popularity.astype(np.float32),
        changed_rows=changed_rows.astype(np.int64),
        changed_vectors=changed_vectors.astype(np.float32),
        **counted,
    )
    return delta_id_of(body), body


def delta_id_of(body: bytes) -> str:
    """Name a snapshot by its bytes."""
    return f"d-{hashlib.sha256(body).hexdigest()[:16]}"


def unpack_delta(delta_id: str, body: bytes) -> DeltaSnapshot:
    """Read a snapshot back.

    Raises: ArtefactError when the bytes do not hash to the id or are no snapshot.
    """
    if delta_id_of(body) != delta_id:
        raise ArtefactError(f"{delta_id}: bytes hash to {delta_id_of(body)}")
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
            head = json.loads(arrays["head"].tobytes())
            snapshot = DeltaSnapshot(
                delta_id=delta_id,
                as_of=datetime.fromisoformat(head["as_of"]),
                model_id=head["model_id"],
                half_life_days=tuple(head["half_life_days"]),
                items=_read_items(head, arrays),
                log_popularity=arrays["log_popularity"],
                changed_rows=arrays["changed_rows"].astype(np.intp),
                changed_vectors=arrays["changed_vectors"],
                outcomes=arrays.get("outcomes"),
            )
    except (EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ArtefactError(f"{delta_id}: not a delta snapshot ({error})") from error
    _refuse_misfits(snapshot)
    return snapshot


def item_ids_of(delta: DeltaSnapshot) -> list[str]:
    """Return the ids of a snapshot's items without making the items."""
    if isinstance(delta.items, SnapshotItems):
        return delta.items.ids
    return [item.item_id for item in delta.items]


def launch_days_of(delta: DeltaSnapshot) -> NDArray[np.int64]:
    """Return the launch days of a snapshot's items, (n,), without making the items."""
    if isinstance(delta.items, SnapshotItems):
        return delta.items.launch_days
    return np.array([launch_day(item.launch_date) for item in delta.items], dtype=np.int64)


def _read_items(head: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> SnapshotItems:
    """Check what every item must have; the rest is looked at with its item.

    Raises: KeyError, TypeError or ValueError.
    """
    if "items" in head:
        return _read_early_items(head["items"])
    ids, days = head["item_ids"], arrays["launch_days"].astype(np.int64)
    if not set(map(type, ids)) <= {str} or days.shape != (len(ids),):
        raise ValueError("an item has no id or no launch day")
    ends = arrays["item_row_ends"].tolist()
    rows = PackedRows(arrays["item_rows"].tobytes(), ends, count=len(ids))
    return SnapshotItems(rows, ids=ids, launch_days=days)


def _read_early_items(rows: list[list[object]]) -> SnapshotItems:
    """Read the rows of a snapshot of before decision 0070: all in its head."""
    if not are_rows(rows):
        raise ValueError("an item has no id, or too few or too many values")
    launches = [row[_LAUNCH_PLACE] for row in rows]
    # few different days: a hundred thousand items cost what a hundred do
    day_of = {one: launch_day(one and date.fromisoformat(one)) for one in set(launches)}  # type: ignore[arg-type]
    days = np.array([day_of[launch] for launch in launches], dtype=np.int64)
    return SnapshotItems(rows, ids=[str(row[0]) for row in rows], launch_days=days)


def _refuse_misfits(snapshot: DeltaSnapshot) -> None:
    """Refuse arrays that do not belong to the items, as a faulty publisher would make them."""
    count, rows = len(snapshot.items), snapshot.changed_rows
    fits = (
        snapshot.log_popularity.shape == (count, len(snapshot.half_life_days))
        and snapshot.changed_vectors.shape[:1] == rows.shape
        and bool(((rows >= 0) & (rows < count)).all())
        and (snapshot.outcomes is None or _are_outcomes(snapshot.outcomes, count))
    )
    if not fits:
        raise ArtefactError(f"{snapshot.delta_id}: its arrays do not fit its {count} items")


def _are_outcomes(outcomes: NDArray[np.int64], count: int) -> bool:
    """Return whether these are (count, 2) numbers of impressions and, no more, of plays."""
    shaped = outcomes.shape == (count, 2) and outcomes.dtype == np.int64
    return shaped and bool(((outcomes[:, 1] >= 0) & (outcomes[:, 1] <= outcomes[:, 0])).all())


def launch_day(launch: date | None) -> int:
    """Return days since 1970-01-01, or LAUNCHED_LONG_AGO."""
    return (
        LAUNCHED_LONG_AGO if launch is None else launch.toordinal() - date(1970, 1, 1).toordinal()
    )


def _npz_bytes(**arrays: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            # stamped 1980-01-01 by default, so the same arrays give the same bytes
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = zipfile.ZIP_STORED if name in _STORED else zipfile.ZIP_DEFLATED
            with archive.open(member, "w") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()
