"""The columns of an item vector: vocabularies, content and factors, made from training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.learning.affinity import background_share
from recsysops.learning.factors import FACTORS, fold_in_traits, train_factors
from recsysops.learning.table import TrainingTable
from recsysops.model.encoder import FeatureEncoder
from recsysops.model.kernel import Float32Array, Float64Array

_YEAR_KNOTS = 12
_YEARS_AHEAD = 3.0
_ANY_YEAR = (1900.0, 2100.0)


@dataclass(frozen=True, slots=True)
class ItemSpace:
    """content: (n_items, content width); factors: (n_items, FACTORS); fold_traits: what fold-in
    sums; background: share of each content column over the training rows."""

    encoder: FeatureEncoder
    content: Float64Array
    factors: Float64Array
    fold_traits: Float64Array
    background: Float64Array

    @property
    def matrix(self) -> Float32Array:
        """Item vectors, columns as `encoder.blocks`, (n_items, width) float32."""
        return np.hstack([self.content, self.factors]).astype(np.float32)


def build_item_space(table: TrainingTable, *, seed: int) -> ItemSpace:
    """Fix vocabularies, encode all items and factorise the rows.

    Vocabularies come from items somebody has chosen: what only untried items say (a typing
    error, a language nobody has seen) has no member behind it to learn from.
    """
    encoder = choose_vocabularies(table)
    content = np.stack([encoder.encode(item) for item in table.items]).astype(np.float64)
    plays = np.bincount(table.rows.items, minlength=len(table.items)).astype(np.float64)
    factors = train_factors(table.rows, seed=seed)
    return ItemSpace(
        encoder=encoder,
        content=content,
        factors=factors,
        fold_traits=fold_in_traits(factors),
        background=background_share(content, plays),
    )


def choose_vocabularies(table: TrainingTable) -> FeatureEncoder:
    """Return the encoder for the values that chosen items have.

    Year knots are quantiles over the rows, with one a few years ahead for what is to come.
    """
    chosen = np.unique(table.rows.items)
    items = [table.items[row] for row in chosen.tolist()]
    years = {row: item.year for row, item in zip(chosen.tolist(), items, strict=True)}
    played_years = [years[row] for row in table.rows.items.tolist() if years[row]]
    return FeatureEncoder(
        genres=tuple(sorted({genre for item in items for genre in item.genres})),
        year_knots=_year_knots(np.array(played_years, dtype=np.float64)),
        languages=tuple(sorted({item.language for item in items if item.language})),
        collaborative_width=FACTORS,
    )


def _year_knots(years: Float64Array) -> tuple[float, ...]:
    if not len(years):
        return _ANY_YEAR
    inner = np.floor(np.quantile(years, np.linspace(0.0, 1.0, _YEAR_KNOTS)))
    return tuple(sorted({*inner.tolist(), float(years.max()) + _YEARS_AHEAD}))
