"""Knows how two models' rankings of one request are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsysops.model.kernel import Float32Array, Float64Array, round_scores
from recsysops.serving.ranking import RankedSlate, RankingRequest, score_rows
from recsysops.serving.served_request import RankedRequest
from recsysops.vocabulary import Shadow, hash_unit

COMPARED = 10


def is_shadowed(shadow: Shadow, request_id: str) -> bool:
    """Return whether a request is in the shadow's share, by a hash of its own."""
    return hash_unit(f"shadow-{shadow.model_id}", request_id) < shadow.share


def agreement(served: Sequence[str], shadow: Sequence[str], *, at: int = COMPARED) -> float:
    """Return the share of the two best lists that is in both, in [0, 1].

    Lists shorter than `at` are compared at the length of the longer; two empty ones agree.

    >>> agreement(["a", "b"], ["b", "c"])
    0.5
    """
    one, two = set(served[:at]), set(shadow[:at])
    return len(one & two) / max(len(one), len(two)) if one or two else 1.0


def rank_correlation(one: Float32Array, two: Float32Array) -> float | None:
    """Return Spearman's correlation of two score lists (n,), ties sharing their mean rank.

    None below two items or when either list is constant: there is no order to compare.
    Source: C. Spearman, The Proof and Measurement of Association between Two Things (1904).

    >>> rank_correlation(np.float32([3, 2, 1]), np.float32([30, 20, 10]))
    1.0
    """
    if len(one) < 2:
        return None
    centred = [ranks - ranks.mean() for ranks in (_mean_ranks(one), _mean_ranks(two))]
    scale = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return None if scale == 0.0 else float((centred[0] * centred[1]).sum() / scale)


def correlate_with_served(ranked: RankedRequest, shadow: RankedRequest) -> float | None:
    """Correlate both models' scores of the items on the served shortlist."""
    row_of = shadow.catalogue.row_of
    rows = np.array([row_of[item_id] for item_id in ranked.slate.shortlist], dtype=np.intp)
    scores = round_scores(score_rows(shadow.catalogue, shadow.ranking.member_vector, rows))
    return rank_correlation(ranked.slate.scores, scores)


def greedy_slate(slate: RankedSlate, ranking: RankingRequest) -> list[str]:
    """Return the best items in score order, at least the ten that are compared."""
    return list(slate.shortlist[: max(COMPARED, ranking.limit)])


def _mean_ranks(scores: Float32Array) -> Float64Array:
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Float64Array = (last - (counts - 1) / 2.0)[place]
    return ranks
