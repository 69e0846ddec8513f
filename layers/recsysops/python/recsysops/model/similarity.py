"""Exact most-similar items by cosine: BLAS shortlists with a proven margin, float64 decides.

The discipline of `model.kernel`: a cosine is computed from one row and the query alone, in
float64, elementwise product and per-row sum, rounded to float32 once. So it depends neither on
the batch nor on the BLAS, and ties go to the lower row (rows are sorted by item id).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsysops.model.kernel import Float32Array, Float64Array, IndexArray
from recsysops.model.topk import order_by_score, shortlist_rows

_EPSILON32 = float(np.finfo(np.float32).eps)
_TINY_NORM = 1e-18
"""Below it float32 products underflow, and no relative error bound holds."""


@dataclass(frozen=True, slots=True, eq=False)
class SimilarRows:
    """The most similar rows, best first: row numbers (n,) and their cosines (n,) in [-1, 1]."""

    rows: IndexArray
    cosines: Float32Array


def row_norms(matrix: Float32Array) -> Float64Array:
    """Return the Euclidean norm of every row of (n, d), (n,); worth keeping between queries."""
    norms: Float64Array = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64))
    return norms


def most_similar(
    matrix: Float32Array,
    vector: Float32Array,
    *,
    norms: Float64Array,
    refused: NDArray[np.bool_],
    k: int,
) -> SimilarRows:
    """Find the k rows with the highest cosine to a vector, ties by row, exactly.

    Args:
        matrix: item vectors, (n, d), finite.
        vector: the query, (d,), finite.
        norms: `row_norms(matrix)`.
        refused: rows that may not be shown, (n,).
        k: how many, >= 1.

    Returns:
        At most k rows. A zero row points nowhere and is similar to nothing, so it never comes
        back; a zero vector finds nothing.
    """
    allowed = ~refused & (norms > 0.0)
    if not vector.any() or not allowed.any():
        return SimilarRows(np.empty(0, np.intp), np.empty(0, np.float32))
    approximate, margin = _approximate_cosines(matrix, vector, norms=norms, allowed=allowed)
    rows = shortlist_rows(approximate, k=k, margin=margin)
    cosines = exact_cosines(matrix[rows], vector)
    order = order_by_score(cosines)[:k]
    return SimilarRows(rows[order], cosines[order])


def exact_cosines(rows: Float32Array, vector: Float32Array) -> Float32Array:
    """Return the cosine of each row (n, d) with a vector (d,), none of them zero, (n,) float32."""
    wide, query = rows.astype(np.float64), vector.astype(np.float64)
    lengths = np.sqrt((wide * wide).sum(axis=1)) * np.sqrt((query * query).sum())
    cosines: Float32Array = ((wide * query).sum(axis=1) / lengths).astype(np.float32)
    return cosines


def _approximate_cosines(
    matrix: Float32Array,
    vector: Float32Array,
    *,
    norms: Float64Array,
    allowed: NDArray[np.bool_],
) -> tuple[Float32Array, float]:
    """Return fast cosines, (n,), -inf where not allowed, and how far they may be from exact."""
    wide = vector.astype(np.float64)
    unit = (wide / np.sqrt((wide * wide).sum())).astype(np.float32)
    cosines = np.full(len(matrix), -np.inf, dtype=np.float32)
    # OpenBLAS kernels read past short rows: garbage there raises flags without touching results
    with np.errstate(invalid="ignore", over="ignore"):
        products = matrix @ unit
    doubtful = allowed & ((norms < _TINY_NORM) | ~np.isfinite(products))
    sure = allowed & ~doubtful
    cosines[sure] = products[sure] / norms[sure]
    cosines[doubtful] = exact_cosines(matrix[doubtful], vector)
    # gamma_d of the product (Higham 2002, section 3.1) and one rounding each of the unit vector,
    # the quotient and the exact cosine
    return cosines, (len(vector) + 6) * _EPSILON32
