"""The one scoring kernel: float32 scores that do not depend on batch, position, threads or BLAS.

`M @ u` in float32 gives other last bits for another batch size, row position, BLAS kernel or
CPU. Here rows and vector are widened to float64, multiplied elementwise and summed per row and
block with numpy's own reduction (no BLAS), then rounded to float32 once. float64 sums of at most
a few hundred float32 products round to the same float32 in every order that numpy uses
(property-tested over batch sizes, positions and OPENBLAS_CORETYPE).
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KERNEL_VERSION = 1

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
IndexArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Block:
    """Columns [start, stop) of the item matrix that belong to one named part of the score."""

    name: str
    start: int
    stop: int


def block_contributions(
    rows: Float32Array, vector: Float32Array, *, bias: Float32Array, blocks: Sequence[Block]
) -> Float64Array:
    """Compute what each block adds to each row's score, the bias last.

    Args:
        rows: item vectors, (n, d).
        vector: member vector, (d,).
        bias: one per row, (n,).
        blocks: columns of each block; together they cover [0, d).

    Returns:
        (n, len(blocks) + 1) float64; `round_scores` of it is the score. n = 0 gives no rows.
    """
    products = rows.astype(np.float64) * vector.astype(np.float64)
    contributions = np.empty((len(rows), len(blocks) + 1), dtype=np.float64)
    for column, block in enumerate(blocks):
        contributions[:, column] = products[:, block.start : block.stop].sum(axis=1)
    contributions[:, -1] = bias
    return contributions


def round_scores(contributions: Float64Array) -> Float32Array:
    """Sum contributions (n, b) from the first block to the last and round once to float32."""
    total = np.zeros(len(contributions), dtype=np.float64)
    for column in range(contributions.shape[1]):
        total += contributions[:, column]
    return total.astype(np.float32)


def numeric_fingerprint() -> str:
    """Name what the last bits may depend on: numpy, this kernel and the architecture."""
    return f"numpy-{np.__version__}/kernel-{KERNEL_VERSION}/{platform.machine()}"
