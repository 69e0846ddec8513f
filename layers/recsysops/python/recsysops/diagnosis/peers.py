"""Is a value within the range of comparable items? Nearest peers, robust z, rarity.

'A simple solution is to compare the feature values with corresponding values of a comparable
item or member' (Netflix, RecSysOps). Comparable = nearest by cosine in the model's own item
space, leaving out the block that the feature under suspicion feeds.
"""

from __future__ import annotations

from collections import Counter
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
    """Return unit rows (n, d') of the item matrix with one block left out; zero rows stay zero.

    Each block is scaled to length 1 first, so that genre, year and what members chose together
    count the same; a block of zeros (a new item's collaborative part) says nothing.
    """
    kept = [
        _unit_rows(matrix[:, block.start : block.stop]) for block in blocks if block.name != without
    ]
    return _unit_rows(np.concatenate(kept, axis=1))


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


def log_lift(
    value: Sequence[object],
    instead: Sequence[object],
    *,
    peers: Sequence[Sequence[object]],
    everyone: Sequence[object],
) -> NDArray[np.float64]:
    """Return how much more an item's peers side with another value than with its own, as log ratio.

    For both values the count among the k peers is compared with what their share of everyone
    would give: log((n + m) / 2m) for count n and expected count m = k · share, so that a common
    value does not win by being common. Positive: peers side with `instead`. A value that nobody
    has counts as half an item.
    """
    shares = Counter(everyone)

    def side_with(wanted: object, group: Sequence[object]) -> float:
        expected = len(group) * max(shares[wanted], 0.5) / len(everyone)
        return float(np.log((list(group).count(wanted) + expected) / (2.0 * expected)))

    return np.array(
        [
            side_with(old, group) - side_with(new, group)
            for new, old, group in zip(value, instead, peers, strict=True)
        ]
    )


def _unit_rows(rows: Float32Array) -> Float32Array:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Float32Array = (rows / np.where(norms > 0, norms, 1.0)).astype(np.float32)
    return scaled
