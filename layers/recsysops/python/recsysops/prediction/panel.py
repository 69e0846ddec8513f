"""What share of a fixed panel of members has an item in its top k, by the real scorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import BadInput
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import (
    Block,
    Float32Array,
    IndexArray,
    block_contributions,
    round_scores,
)
from recsysops.model.topk import blas_error_bound, order_by_score, shortlist_rows


@dataclass(frozen=True, slots=True)
class Panel:
    """Members whose lists are forecast: vectors (m, d) float32 for ONE model, seen item ids."""

    vectors: Float32Array
    seen: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What an item must beat: each member's best k + 1 others, best first.

    scores: (m, k + 1) float32, -inf where fewer are eligible; rows: (m, k + 1), -1 there.
    """

    scores: Float32Array
    rows: IndexArray
    k: int


def find_frontier(
    catalogue: Catalogue,
    panel: Panel,
    *,
    bias: Float32Array,
    eligible: NDArray[np.bool_],
    k: int,
) -> Frontier:
    """Rank the eligible items for each panel member and keep the best k + 1.

    Args:
        catalogue: items as the model sees them, n rows.
        panel: members with vectors of the catalogue's width.
        bias: popularity to rank with, (n,) float32, today's or an expected one.
        eligible: which rows may be ranked, (n,).
        k: length of the list.

    Raises: BadInput when the panel is empty or of another width.
    """
    if panel.vectors.ndim != 2 or panel.vectors.shape[1:] != catalogue.matrix.shape[1:]:
        raise BadInput(
            f"panel vectors are {panel.vectors.shape}, the model needs "
            f"(members, {catalogue.matrix.shape[1]})"
        )
    if not len(panel.vectors):
        raise BadInput("the panel has no members; at least one is needed")
    rows = np.flatnonzero(eligible)
    approximate = panel.vectors @ catalogue.matrix[rows].T + bias[rows]
    ranker = _Ranker(catalogue, bias, rows, catalogue.encoder.blocks, float(np.abs(bias).max()))
    scores = np.full((len(panel.vectors), k + 1), -np.inf, dtype=np.float32)
    best = np.full((len(panel.vectors), k + 1), -1, dtype=np.intp)
    position_of = _positions(catalogue, rows, panel.seen)
    for member, vector in enumerate(panel.vectors):
        allowed = _unseen(len(rows), panel.seen, member, position_of)
        found, found_scores = ranker.best(vector, approximate[member], allowed=allowed, k=k + 1)
        scores[member, : len(found)] = found_scores
        best[member, : len(found)] = rows[found]
    return Frontier(scores=scores, rows=best, k=k)


def score_item(
    catalogue: Catalogue, panel: Panel, vector: Float32Array, *, biases: Float32Array
) -> Float32Array:
    """Score one item vector (d,) for every panel member with the scoring kernel.

    The kernel's elementwise product is symmetric, so members stand where rows stand.

    Args:
        catalogue: whose encoder's blocks the vector has.
        panel: m members.
        vector: the item, (d,).
        biases: popularity terms of the cases to score, (cases,).

    Returns:
        (cases, m) float32.
    """
    none = np.zeros(len(panel.vectors), dtype=np.float32)
    contributions = block_contributions(
        panel.vectors, vector, bias=none, blocks=catalogue.encoder.blocks
    )
    scores = np.empty((len(biases), len(none)), dtype=np.float32)
    for case, bias in enumerate(biases):
        contributions[:, -1] = bias
        scores[case] = round_scores(contributions)
    return scores


def share_in_top(frontier: Frontier, scores: Float32Array, *, row: int) -> float:
    """Return the share of members whose top k would hold the item at `row` with these scores.

    Equal scores are ranked by item id, as rows are. The item's own place in the frontier, if it
    has one, does not count against it.
    """
    own = (frontier.rows[:, : frontier.k] == row).any(axis=1)
    column = np.where(own, frontier.k, frontier.k - 1)
    members = np.arange(len(scores))
    bar, bar_row = frontier.scores[members, column], frontier.rows[members, column]
    return float(((scores > bar) | ((scores == bar) & (row < bar_row))).mean())


@dataclass(frozen=True, slots=True)
class _Ranker:
    """The eligible rows of a catalogue with a bias of their own; blocks are looked up once."""

    catalogue: Catalogue
    bias: Float32Array
    rows: IndexArray
    blocks: tuple[Block, ...]
    largest_bias: float

    def best(
        self,
        vector: Float32Array,
        approximate: Float32Array,
        *,
        allowed: NDArray[np.bool_] | None,
        k: int,
    ) -> tuple[IndexArray, Float32Array]:
        """Return positions and exact scores of the best k allowed rows, best first."""
        margin = blas_error_bound(
            largest_row_norm=self.catalogue.largest_row_norm,
            vector=vector,
            largest_bias=self.largest_bias,
        )
        if allowed is not None:
            approximate = np.where(allowed, approximate, np.float32(-np.inf))
        short = shortlist_rows(approximate, k=k, margin=margin)
        rows = self.rows[short]
        contributions = block_contributions(
            self.catalogue.matrix[rows], vector, bias=self.bias[rows], blocks=self.blocks
        )
        exact = round_scores(contributions)
        order = order_by_score(exact)[:k]
        return short[order], exact[order]


def _positions(
    catalogue: Catalogue, rows: IndexArray, seen: Sequence[frozenset[str]]
) -> dict[str, int]:
    if not any(seen):
        return {}
    ids = catalogue.item_ids
    return {ids[row]: position for position, row in enumerate(rows.tolist())}


def _unseen(
    count: int, seen: Sequence[frozenset[str]], member: int, position_of: dict[str, int]
) -> NDArray[np.bool_] | None:
    if not position_of or not seen[member]:
        return None
    allowed = np.ones(count, dtype=np.bool_)
    allowed[[position_of[item_id] for item_id in seen[member] if item_id in position_of]] = False
    return allowed
