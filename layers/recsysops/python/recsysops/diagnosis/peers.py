"""Is a value within the range of comparable items? Nearest peers, robust z, rarity.

'A simple solution is to compare the feature values with corresponding values of a comparable
item or member' (Netflix, RecSysOps). Comparable = nearest by cosine in the model's own item
space, leaving out the block that the feature under suspicion feeds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsysops.model.kernel import Block, Float32Array, IndexArray

PEERS = 20
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation of a normal distribution times this is its standard deviation."""


def comparable_space(
    matrix: Float32Array, *, blocks: Sequence[Block], without: str | None
) -> Float32Array:
    """Return unit rows (n, d') of the item matrix with one block left out; zero rows stay zero."""
    keep = np.concatenate(
        [np.arange(block.start, block.stop) for block in blocks if block.name != without]
    )
    rows: Float32Array = matrix[:, keep]
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Float32Array = (rows / np.where(norms > 0, norms, 1.0)).astype(np.float32)
    return scaled


def nearest_peers(space: Float32Array, *, of: IndexArray, k: int = PEERS) -> IndexArray:
    """Return row numbers (len(of), k') of the rows most similar to each, itself left out.

    k' = min(k, n - 1). Read the peers' values from the REFERENCE: a fault that hits every item
    of a kind must not vouch for itself, and must not take the kind's good values away either.
    """
    similarity = space[of] @ space.T
    similarity[np.arange(len(of)), of] = -np.inf
    width = min(k, len(space) - 1)
    return np.argpartition(-similarity, width - 1, axis=1)[:, :width]


def robust_z(
    values: NDArray[np.float64], peers: NDArray[np.float64], *, scale_floor: float
) -> NDArray[np.float64]:
    """Return how many robust sigmas each value lies from its peers' median.

    Args:
        values: (n,); NaN gives NaN.
        peers: (n, k), NaN = peer has no value.
        scale_floor: smallest sigma believed, in the feature's unit (k identical peers
            would make every other value infinitely odd).

    Returns:
        (n,) signed; NaN where no peer has a value.
    """
    known = np.isfinite(peers).any(axis=1)
    result = np.full(len(values), np.nan)
    if not known.any():
        return result
    median = np.nanmedian(peers[known], axis=1)
    spread = np.nanmedian(np.abs(peers[known] - median[:, None]), axis=1) * MAD_TO_SIGMA
    result[known] = (values[known] - median) / np.maximum(spread, scale_floor)
    return result


def log_rarity(
    value: Sequence[object], instead: Sequence[object], *, peers: Sequence[Sequence[object]]
) -> NDArray[np.float64]:
    """Return how much rarer each value is among its peers than another value, as a log ratio.

    log((count(instead) + 1/2) / (count(value) + 1/2)); positive: peers side with `instead`.
    Adding 1/2 (Jeffreys) keeps values that no peer has finite.
    """
    return np.array(
        [
            np.log((list(group).count(old) + 0.5) / (list(group).count(new) + 0.5))
            for new, old, group in zip(value, instead, peers, strict=True)
        ]
    )
