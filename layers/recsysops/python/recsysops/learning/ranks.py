"""Where a ranking puts what was really chosen, and what that is worth."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsysops.model.kernel import Float64Array, IndexArray

Scores: TypeAlias = NDArray[np.floating[Any]]
"""float32 or float64: BLAS is fastest in float32."""

NOT_RANKED = 2**31 - 1
"""The rank of a choice that was no candidate: unknown at midnight, or seen before."""


def rank_targets(
    scores: Scores, *, targets: IndexArray, seen: tuple[IndexArray, IndexArray]
) -> IndexArray:
    """Return each target's rank (1 is best) among unseen items, ties by item order.

    Args:
        scores: (n_items,) for all queries, or (q, n_items); -inf is no candidate.
        targets: item per query, (q,).
        seen: (query number, item) pairs that are filtered out.

    Returns:
        (q,) ranks; NOT_RANKED where the target is no candidate.
    """
    table = np.broadcast_to(scores, (len(targets), scores.shape[-1]))
    own = table[np.arange(len(targets)), targets]
    ranks = 1 + (table > own[:, None]).sum(axis=1)
    ties = table == own[:, None]
    if ties.sum() > len(targets):
        ranks += (ties & (np.arange(table.shape[1]) < targets[:, None])).sum(axis=1)
    query, item = seen
    theirs, mine = table[query, item], own[query]
    ahead = (theirs > mine) | ((theirs == mine) & (item < targets[query]))
    ranks -= np.bincount(query, weights=ahead, minlength=len(targets)).astype(ranks.dtype)
    lost = ~np.isfinite(own)
    lost[query[item == targets[query]]] = True
    return np.where(lost, NOT_RANKED, ranks)


def hits(ranks: IndexArray, *, k: int = 10) -> Float64Array:
    """Return 1 where the choice is among the best k, else 0."""
    return (ranks <= k).astype(np.float64)


def discounted_gains(ranks: IndexArray, *, k: int = 10) -> Float64Array:
    """Return NDCG@k of a single relevant item: 1 / log2(1 + rank) within the best k, else 0.

    Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002.
    """
    return np.where(ranks <= k, 1.0 / np.log2(1.0 + ranks), 0.0)


def reciprocal_ranks(ranks: IndexArray) -> Float64Array:
    """Return 1 / rank, 0 where the choice was no candidate."""
    return np.where(ranks == NOT_RANKED, 0.0, 1.0 / ranks)
