"""Exact best-k: `M @ u` shortlists with a proven margin, the scoring kernel decides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsysops.model.kernel import Float32Array, IndexArray

_EPSILON32 = float(np.finfo(np.float32).eps)


def order_by_score(scores: Float32Array) -> IndexArray:
    """Return positions best first; equal scores keep their order (rows are sorted by item id)."""
    return np.argsort(-scores, kind="stable")


def shortlist_rows(
    approximate: Float32Array, *, k: int, margin: float, eligible: NDArray[np.bool_] | None = None
) -> IndexArray:
    """Return every row that may be among the exact best k, ascending.

    Args:
        approximate: float32 scores from BLAS, (n,).
        k: how many best rows must surely be inside.
        margin: bound on |approximate - exact|, see `blas_error_bound`.
        eligible: rows that may be ranked, (n,); None means all.

    Returns:
        Ascending row numbers; all eligible rows when there are at most k of them.
    """
    rows = np.arange(len(approximate)) if eligible is None else np.flatnonzero(eligible)
    if len(rows) <= k:
        return rows
    scores = approximate[rows]
    threshold = float(np.partition(scores, len(scores) - k)[len(scores) - k])
    # the exact k-th best is at least threshold - margin, so what is below - 2 margins cannot win
    floor = threshold - 2.0 * margin - abs(threshold) * _EPSILON32
    lowest = float(np.nextafter(np.float32(floor), np.float32(-np.inf)))
    return rows[scores >= np.float32(lowest)]


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
