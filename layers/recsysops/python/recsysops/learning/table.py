"""What a model is trained on: choices over exactly the items of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from recsysops.errors import BadData
from recsysops.model.interactions import Interactions
from recsysops.vocabulary import ItemFeatures


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """Choices whose item codes are row numbers of `items` (ascending by id).

    dropped_rows: choices of items that the catalogue no longer has.
    """

    rows: Interactions
    items: tuple[ItemFeatures, ...]
    dropped_rows: int = 0

    def before(self, seconds: float) -> TrainingTable:
        """Return the table with only the choices strictly before a moment."""
        return replace(self, rows=self.rows.before(seconds))

    def first_rows(self, count: int) -> TrainingTable:
        """Return the table with only its first `count` choices."""
        return replace(self, rows=self.rows.take(np.arange(count)))


def align_rows(interactions: Interactions, items: Iterable[ItemFeatures]) -> TrainingTable:
    """Recode choices to a catalogue; choices of items it lacks are dropped and counted.

    Raises: BadData when nothing is left or an item is listed twice.
    """
    ordered = tuple(sorted(items, key=lambda item: item.item_id))
    row_of = {item.item_id: row for row, item in enumerate(ordered)}
    if len(row_of) != len(ordered):
        raise BadData("the catalogue lists an item twice")
    new_code = np.array([row_of.get(item_id, -1) for item_id in interactions.item_ids], np.int32)
    codes = new_code[interactions.items] if len(interactions) else np.empty(0, np.int32)
    kept = codes >= 0
    if not kept.any():
        raise BadData(
            f"none of {len(interactions)} choices is of one of the {len(ordered)} items: "
            "there is nothing to train on"
        )
    rows = replace(interactions.take(kept), items=codes[kept], item_ids=tuple(row_of))
    return TrainingTable(rows, ordered, dropped_rows=int((~kept).sum()))
