"""The small collaborative block: item factors by ALS, members folded in by ridge regression.

Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", 2008.
"""

from __future__ import annotations

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recsysops.learning.histories import Histories
from recsysops.model.interactions import Interactions
from recsysops.model.kernel import Float64Array

FACTORS = 16
_CONFIDENCE = 20.0
_RIDGE = 1.0
_ITERATIONS = 12


def train_factors(rows: Interactions, *, seed: int) -> Float64Array:
    """Return item factors, (n_items, FACTORS); items nobody has chosen have zeros.

    One thread and one seed: the same rows give the same bits on the same machine.
    """
    shape = (len(rows.member_ids), len(rows.item_ids))
    weights = np.full(len(rows), _CONFIDENCE, dtype=np.float32)
    matrix = csr_matrix((weights, (rows.members, rows.items)), shape=shape)
    with threadpool_limits(limits=1):
        model = AlternatingLeastSquares(
            factors=FACTORS,
            regularization=_RIDGE,
            alpha=1.0,
            iterations=_ITERATIONS,
            num_threads=1,
            random_state=seed,
        )
        model.fit(matrix, show_progress=False)
    factors = np.array(model.item_factors, dtype=np.float64)
    factors[np.bincount(rows.items, minlength=shape[1]) == 0] = 0.0
    return factors


def fold_in_traits(factors: Float64Array) -> Float64Array:
    """Return the per-item traits whose history sums `fold_in` needs: q, then the upper q qᵀ."""
    upper = np.triu_indices(factors.shape[1])
    return np.hstack([factors, factors[:, upper[0]] * factors[:, upper[1]]])


def fold_in(histories: Histories, *, factors: Float64Array) -> Float64Array:
    """Return member factors, (q, k): ridge regression on the member's decayed history.

    Solves (QᵀQ + c Σ w q qᵀ + ridge) p = c Σ w q; a member without history gets zeros.

    Args:
        histories: sums of `fold_in_traits(factors)`.
        factors: Q, (n_items, k).
    """
    width = factors.shape[1]
    upper = np.triu_indices(width)
    own = np.zeros((len(histories.sums), width, width))
    own[:, upper[0], upper[1]] = histories.sums[:, width:]
    own[:, upper[1], upper[0]] = histories.sums[:, width:]
    everybody = factors.T @ factors + _RIDGE * np.eye(width)
    systems = everybody + _CONFIDENCE * own
    wishes = _CONFIDENCE * histories.sums[:, :width, None]
    return np.linalg.solve(systems, wishes)[:, :, 0].astype(np.float64, copy=False)
