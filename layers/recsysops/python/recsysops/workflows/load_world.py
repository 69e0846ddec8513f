"""Writes a world's items into the item table, as an upstream job would."""

from __future__ import annotations

from collections.abc import Sequence

from recsysops.ports import ItemStore, Progress
from recsysops.vocabulary import ItemFeatures

_ITEMS_AT_ONCE = 500


def load_world(
    items: Sequence[ItemFeatures], *, store: ItemStore, progress: Progress | None = None
) -> int:
    """Write all items, launched or upcoming; returns how many. Writing twice changes nothing.

    Raises: DependencyError.
    """
    for start in range(0, len(items), _ITEMS_AT_ONCE):
        if progress is not None:
            progress("writing items", start, len(items))
        store.put_many(items[start : start + _ITEMS_AT_ONCE])
    if progress is not None:
        progress("writing items", len(items), len(items))
    return len(items)
