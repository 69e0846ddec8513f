"""Input or model? The same members scored under {items now, items before} × {model now, before}."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array, block_contributions

COLLAPSED_SPREAD = 0.05
"""A block whose spread falls below this share of what it was has stopped ranking anything."""


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """Mean absolute difference of scores (in the score's unit) that each swap makes.

    input_effect: items now against items before, under the model now. model_effect: model now
    against model before, on the items before. input_effect_on_suspects: the first, on the
    suspected items only. Popularity is left out: it is fresh by design.
    """

    input_effect: float
    input_effect_on_suspects: float
    model_effect: float
    members: int
    items: int


@dataclass(frozen=True, slots=True)
class Corners:
    """Catalogues of the square's corners that are compared; popularity plays no part in them."""

    model_now_items_now: Catalogue
    model_now_items_before: Catalogue
    model_before_items_before: Catalogue


def content_scores(
    catalogue: Catalogue, vectors: Sequence[Float32Array], *, item_ids: Sequence[str]
) -> NDArray[np.float64]:
    """Return score without popularity, (members, items), through the scoring kernel."""
    rows = np.array([catalogue.row_of[item_id] for item_id in item_ids], dtype=np.intp)
    no_bias = np.zeros(len(rows), dtype=np.float32)
    return np.array(
        [
            block_contributions(
                catalogue.matrix[rows], vector, bias=no_bias, blocks=catalogue.encoder.blocks
            ).sum(axis=1)
            for vector in vectors
        ]
    ).reshape(len(vectors), len(rows))


def compare_corners(
    corners: Corners,
    *,
    vectors_now: Sequence[Float32Array],
    vectors_before: Sequence[Float32Array],
    item_ids: Sequence[str],
    suspects: Sequence[str],
) -> TwoByTwo:
    """Measure both effects over members (their vectors for either model) and items.

    `suspects` must be among `item_ids`; no members or items give zero effects.
    """
    now = content_scores(corners.model_now_items_now, vectors_now, item_ids=item_ids)
    inputs = content_scores(corners.model_now_items_before, vectors_now, item_ids=item_ids)
    models = content_scores(corners.model_before_items_before, vectors_before, item_ids=item_ids)
    odd = np.isin(np.asarray(item_ids), np.asarray(suspects, dtype=str))
    return TwoByTwo(
        input_effect=_mean_absolute(now - inputs),
        input_effect_on_suspects=_mean_absolute((now - inputs)[:, odd]),
        model_effect=_mean_absolute(inputs - models),
        members=len(vectors_now),
        items=len(item_ids),
    )


def block_spreads(
    catalogue: Catalogue, vectors: Sequence[Float32Array], *, item_ids: Sequence[str]
) -> dict[str, float]:
    """Return the standard deviation over items of each block's contribution, mean over members."""
    rows = np.array([catalogue.row_of[item_id] for item_id in item_ids], dtype=np.intp)
    no_bias = np.zeros(len(rows), dtype=np.float32)
    blocks = catalogue.encoder.blocks
    if not len(vectors) or not len(rows):
        return {block.name: 0.0 for block in blocks}
    spreads = np.mean(
        [
            block_contributions(catalogue.matrix[rows], vector, bias=no_bias, blocks=blocks).std(
                axis=0
            )[:-1]
            for vector in vectors
        ],
        axis=0,
    )
    return {block.name: float(spread) for block, spread in zip(blocks, spreads, strict=True)}


def collapsed_blocks(now: Mapping[str, float], before: Mapping[str, float]) -> list[str]:
    """Return blocks that ranked items before and do not now, the largest loss first."""
    lost = [
        name
        for name, spread in before.items()
        if spread > 0 and now.get(name, 0.0) < COLLAPSED_SPREAD * spread
    ]
    return sorted(lost, key=lambda name: -before[name])


def _mean_absolute(differences: NDArray[np.float64]) -> float:
    return float(np.abs(differences).mean()) if differences.size else 0.0
