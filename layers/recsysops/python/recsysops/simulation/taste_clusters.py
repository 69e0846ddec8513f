"""Groups of items that the same members choose: the ground on which languages are simulated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import svds

from recsysops.model.interactions import Interactions

_DIMENSIONS = 16
_ROUNDS = 25
_FEWEST_CHOICES = 4


def cluster_items(
    interactions: Interactions, *, shares: Sequence[float], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Group items by who chose them; group g gets about shares[g] of all choices.

    Items are directions in the truncated SVD of the member × item matrix with both sides
    damped by the square root of their counts, grouped by spherical k-means (Dhillon, Modha,
    "Concept decompositions for large sparse text data", 2001); an offset per group then moves
    the borders until the shares fit.

    Returns:
        (n_items,) group numbers; -1 where too few members have chosen the item to tell.
    """
    counts = np.bincount(interactions.items, minlength=len(interactions.item_ids))
    groups = np.full(len(counts), -1, dtype=np.intp)
    told = np.flatnonzero(counts >= min(_FEWEST_CHOICES, counts.max(initial=1)))
    directions = _unit_rows(_item_factors(interactions, rng=rng)[told])
    likeness = _kmeans_likeness(directions, counts[told], clusters=len(shares), rng=rng)
    groups[told] = _fit_shares(likeness, counts[told], np.asarray(shares, dtype=np.float64))
    return groups


def _item_factors(interactions: Interactions, *, rng: np.random.Generator) -> NDArray[np.float64]:
    shape = (len(interactions.member_ids), len(interactions.item_ids))
    by_member = np.bincount(interactions.members, minlength=shape[0])
    by_item = np.bincount(interactions.items, minlength=shape[1])
    weights = 1.0 / np.sqrt(by_member[interactions.members] * by_item[interactions.items])
    matrix = coo_array((weights, (interactions.members, interactions.items)), shape=shape)
    rank = min(_DIMENSIONS, min(shape) - 1)
    _, sizes, right = svds(matrix.tocsr(), k=rank, v0=rng.normal(size=min(shape)))
    factors: NDArray[np.float64] = (right * sizes[:, None]).T
    return factors


def _kmeans_likeness(
    rows: NDArray[np.float64],
    weights: NDArray[np.int64],
    *,
    clusters: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the cosine of each row to each centre, (n, clusters), biggest cluster first."""
    start = rng.choice(len(rows), size=clusters, replace=False, p=weights / weights.sum())
    centres = rows[start]
    sizes: NDArray[np.float64] = np.zeros(clusters)
    for _ in range(_ROUNDS):
        labels = np.argmax(rows @ centres.T, axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, rows * weights[:, None])
        centres = _unit_rows(sums)
        sizes = np.bincount(labels, weights=weights, minlength=clusters).astype(np.float64)
    likeness: NDArray[np.float64] = rows @ centres[np.argsort(-sizes, kind="stable")].T
    return likeness


def _fit_shares(
    likeness: NDArray[np.float64], weights: NDArray[np.int64], shares: NDArray[np.float64]
) -> NDArray[np.intp]:
    offsets = np.zeros(len(shares))
    for step in range(_ROUNDS * 4):
        labels = np.argmax(likeness + offsets, axis=1)
        reached = np.bincount(labels, weights=weights, minlength=len(shares)) / weights.sum()
        offsets += 0.1 / (1.0 + 0.1 * step) * np.log((shares + 0.005) / (reached + 0.005))
    groups: NDArray[np.intp] = np.argmax(likeness + offsets, axis=1)
    return groups


def _unit_rows(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float64] = rows / np.where(norms > 0.0, norms, 1.0)
    return unit
