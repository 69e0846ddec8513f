"""Small data sets of choices for tests of learning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from recsysops.learning.table import TrainingTable, align_rows
from recsysops.learning.weights import ChoiceSets
from recsysops.model.interactions import SECONDS_PER_DAY, Interactions, make_interactions
from recsysops.simulation.members import SimulatedWorld
from recsysops.vocabulary import ItemFeatures

START = 20_000 * SECONDS_PER_DAY
"""Midnight UTC of the day that tests begin with."""


def rows_of(
    triples: Sequence[tuple[str, str, float]], *, items: Sequence[str] = ()
) -> Interactions:
    """Build choices from (member, item, days after START)."""
    return make_interactions(
        members=[member for member, _, _ in triples],
        items=[item for _, item, _ in triples],
        times=START + SECONDS_PER_DAY * np.array([days for _, _, days in triples], np.float64),
        values=np.ones(len(triples), dtype=np.float32),
        item_ids=items,
    )


def plain_item(item_id: str, **columns: object) -> ItemFeatures:
    """Return an item with the columns that matter to a test."""
    features: dict[str, object] = {
        "item_id": item_id, "title": item_id, "genres": ("Drama",), "year": 2000, "language": "en",
        "price": 9.0, "in_stock": True, "launch_date": None, "source": "supplier-1",
        "batch": "2024-01-01", "version": 1,
    }  # fmt: skip
    return ItemFeatures(**{**features, **columns})  # type: ignore[arg-type]


def simulated_table(seed: int = 1, *, n_members: int = 120, n_items: int = 150) -> TrainingTable:
    """Return the choices of a simulated world as a training table."""
    world = SimulatedWorld(seed=seed, n_members=n_members, n_items=n_items)
    return align_rows(world.interactions, world.items)


def draw_choices(truth: np.ndarray, *, events: int, options: int, seed: int) -> ChoiceSets:
    """Choices of a multinomial logit with known weights; about a fifth of options are closed."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(events, options, len(truth)))
    open_ = rng.random((events, options)) < 0.8
    open_[:, 0] = True
    utility = np.where(open_, features @ truth + rng.gumbel(size=(events, options)), -np.inf)
    return ChoiceSets(features, open_, utility.argmax(axis=1))
