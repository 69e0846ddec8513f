"""Exact best-k at the price of one product: `M @ u` shortlists with a proven margin, the kernel
decides.

A full partition of a million scores costs as much as the product itself. So the scores are first
compared with a threshold taken from a small sample of them: it only has to be low enough, and a
count says whether it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsysops.model.kernel import (
    Block,
    Float32Array,
    Float64Array,
    IndexArray,
    block_contributions,
    round_scores,
)

_EPSILON32 = float(np.finfo(np.float32).eps)
_LOWEST32 = np.finfo(np.float32).min

_STRIDE = 97
"""Every so many-th score is in the sample; prime, so that no period of the ids falls in step."""
_SURPLUS = 4
_LEAST_SAMPLED = 8
"""The sample's threshold lets through at least `_SURPLUS` times the rows wanted, and rests on at
least `_LEAST_SAMPLED` of its scores: fewer than k get through about once in 100,000 requests."""


@dataclass(frozen=True, slots=True, eq=False)
class BestRows:
    """The best rows, best first: row numbers (n,), and the kernel's contributions, (n, b + 1)."""

    rows: IndexArray
    contributions: Float64Array


def best_rows(
    matrix: Float32Array,
    vector: Float32Array,
    *,
    bias: Float32Array,
    blocks: Sequence[Block],
    largest_row_norm: float,
    refused: IndexArray,
    k: int,
) -> BestRows:
    """Find the k rows with the highest kernel scores, ties by row, exactly.

    Args:
        matrix: item vectors, (n, d).
        vector: member vector, (d,).
        bias: one per row, (n,).
        blocks: columns of each block of the score.
        largest_row_norm: bounds every row's Euclidean norm.
        refused: rows that may not be ranked.
        k: how many, >= 1; fewer come back when fewer may be ranked.
    """
    approximate, margin = approximate_scores(
        matrix, vector, bias=bias, blocks=blocks, largest_row_norm=largest_row_norm
    )
    approximate[refused] = -np.inf
    rows = shortlist_rows(approximate, k=k, margin=margin)
    contributions = block_contributions(matrix[rows], vector, bias=bias[rows], blocks=blocks)
    order = order_by_score(round_scores(contributions))[:k]
    return BestRows(rows[order], contributions[order])


def order_by_score(scores: Float32Array) -> IndexArray:
    """Return positions best first; equal scores keep their order (rows are sorted by item id)."""
    return np.argsort(-scores, kind="stable")


def approximate_scores(
    matrix: Float32Array,
    vector: Float32Array,
    *,
    bias: Float32Array,
    blocks: Sequence[Block],
    largest_row_norm: float,
) -> tuple[Float32Array, float]:
    """Return fast finite scores of all rows, (n,), and how far they may be from the kernel's.

    Where float32 sums run over, the kernel itself scores every row. A zero vector costs nothing.
    """
    if not vector.any():
        return bias.copy(), 0.0
    # OpenBLAS kernels read past short rows: garbage there raises flags without touching results
    with np.errstate(invalid="ignore", over="ignore"):
        approximate = matrix @ vector
        approximate += bias
        # one sum of squares tells what testing each would; it may run over sooner, never later
        is_finite = bool(np.isfinite(approximate @ approximate))
    if not is_finite and not np.isfinite(approximate).all():
        return round_scores(block_contributions(matrix, vector, bias=bias, blocks=blocks)), 0.0
    margin = blas_error_bound(
        largest_row_norm=largest_row_norm, vector=vector, largest_bias=_largest_magnitude(bias)
    )
    return approximate, margin


def shortlist_rows(approximate: Float32Array, *, k: int, margin: float) -> IndexArray:
    """Return every row that may be among the exact best k, ascending.

    Args:
        approximate: float32 scores from BLAS, (n,); -inf for rows that may not be ranked.
        k: how many best rows must surely be inside.
        margin: bound on |approximate - exact|, see `blas_error_bound`.

    Returns:
        Ascending row numbers; all that may be ranked when there are at most k of them.
    """
    near = _rows_above_sample(approximate, k)
    scores = approximate if near is None else approximate[near]
    if len(scores) <= k:
        return np.flatnonzero(scores >= _LOWEST32)
    threshold = float(np.partition(scores, len(scores) - k)[len(scores) - k])
    # the exact k-th best is at least threshold - margin, so what is below - 2 margins cannot win
    floor = np.float32(threshold - 2.0 * margin - abs(threshold) * _EPSILON32)
    lowest = max(np.nextafter(floor, np.float32(-np.inf)), _LOWEST32)
    if near is None or lowest < scores.min():
        return np.flatnonzero(approximate >= lowest)
    short: IndexArray = near[scores >= lowest]
    return short


def blas_error_bound(
    *, largest_row_norm: float, vector: Float32Array, largest_bias: float
) -> float:
    """Bound |float32 (row · vector + bias) - exact| for any summation order.

    The classical bound gamma_d |row|·|vector| (Higham, Accuracy and Stability of Numerical
    Algorithms, 2002, section 3.1), with |row|·|vector| <= norm(row) norm(vector), plus one
    rounding of the sum with the bias and one of the kernel's result.
    """
    dimension = len(vector)
    magnitude = largest_row_norm * float(np.linalg.norm(vector.astype(np.float64)))
    gamma = (dimension + 2) * _EPSILON32
    return gamma * magnitude + 2.0 * _EPSILON32 * (magnitude + abs(largest_bias))


def _rows_above_sample(scores: Float32Array, k: int) -> IndexArray | None:
    """Return more than k rows that hold the best k, or None where all rows are better searched."""
    sample = scores[::_STRIDE]
    wanted = max(_LEAST_SAMPLED, -(-_SURPLUS * k // _STRIDE))
    if len(sample) <= wanted:
        return None
    threshold = np.partition(sample, len(sample) - wanted)[len(sample) - wanted]
    if threshold < _LOWEST32:  # most rows may not be ranked
        return None
    rows = np.flatnonzero(scores >= threshold)
    return rows if len(rows) > k else None


def _largest_magnitude(numbers: Float32Array) -> float:
    # without a copy of a million absolute values
    return max(float(numbers.max(initial=0.0)), -float(numbers.min(initial=0.0)))


def place_rows(scores: Float32Array, rows: IndexArray) -> Float64Array:
    """Return the places of some rows among all scores (n,), 1 is best; equal scores share the mean.

    NaN counts as best. One sort serves all rows, so the places are those of `scores` as given: what
    only the kernel tells apart is not told apart here.
    """
    ascending = np.sort(scores)
    below, not_above = (
        np.searchsorted(ascending, scores[rows], side=side) for side in ("left", "right")
    )
    places: Float64Array = len(scores) - (below + not_above - 1) / 2.0
    return places
