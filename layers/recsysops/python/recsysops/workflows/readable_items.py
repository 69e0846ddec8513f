"""All items as they can be served: one mistyped row costs its own news, not everybody's.

An upstream job may write anything into the item table. A row that cannot be read keeps the
version that the served snapshot has of it; everything else goes on being published.
"""

from __future__ import annotations

from collections.abc import Collection

from recsysops.errors import ArtefactError
from recsysops.ports import BlobStore, ItemStore, RejectRow
from recsysops.vocabulary import ItemFeatures
from recsysops.workflows.load_catalogue import load_delta, read_delta_pointer


def read_items(
    items: ItemStore, *, blobs: BlobStore, reject: RejectRow
) -> tuple[ItemFeatures, ...]:
    """Return all items ascending by id; rows that cannot be read as they were served last.

    Each such row is told to `reject`, whether it has a last good version or is left out.

    Raises: DependencyError.
    """
    mistyped: dict[str, str] = {}
    readable = {item.item_id: item for item in items.scan(reject=mistyped.__setitem__)}
    kept = _served_last(blobs, mistyped.keys() - readable.keys()) if mistyped else {}
    for item_id, reason in sorted(mistyped.items()):
        reject(item_id, f"{reason}; {'as before' if item_id in kept else 'left out'}")
    together = {**kept, **readable}
    return tuple(together[item_id] for item_id in sorted(together))


def _served_last(blobs: BlobStore, item_ids: Collection[str]) -> dict[str, ItemFeatures]:
    try:
        served = load_delta(blobs, read_delta_pointer(blobs).delta_id).items
    except ArtefactError:
        return {}  # nothing was published yet, or nothing that can be read
    return {item.item_id: item for item in served if item.item_id in item_ids}
