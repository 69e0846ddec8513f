"""Knows how a surface departs from the greedy order: diversity and reserved launch slots.

Everything here permutes an exact shortlist; scores and contributions stay what the kernel said.
Positions count from 0 inside, ascending positions are the greedy order.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array, Float64Array, IndexArray
from recsysops.vocabulary import SurfacePlan

BoolArray = NDArray[np.bool_]


def plan_order(
    catalogue: Catalogue,
    rows: IndexArray,
    utilities: Float32Array | Float64Array,
    *,
    plan: SurfacePlan,
    limit: int,
    moment: datetime,
) -> list[int]:
    """Return the positions of a shortlist in the order that a surface's plan gives it.

    Args:
        catalogue: what was ranked.
        rows: the shortlist's rows, (n,).
        utilities: what they are worth, (n,): scores, or scores that were drawn; ties keep the
            shortlist's order.
        plan: how the surface fills its slate.
        limit: slots to fill.
        moment: when the request happened; it says what a recent launch is.
    """
    best = np.argsort(-utilities, kind="stable")
    order = list(range(len(rows)))
    if plan.diversity > 0.0:
        content = catalogue.matrix[rows[best], : catalogue.encoder.content_width]
        order = diversify(
            utilities[best].astype(np.float64), content, weight=plan.diversity,
            window=plan.diversity_window, count=limit,
        )  # fmt: skip
    if plan.launch_slots:
        is_launch = catalogue.launched_since(moment, days=plan.launch_days)[rows[best]]
        slots = tuple(slot for slot in plan.launch_slots if slot <= limit)
        order = reserve_launches(order, is_launch, slots)
    places: list[int] = best[order].tolist()
    return places


def diversify(
    scores: Float64Array, rows: Float32Array, *, weight: float, window: int, count: int
) -> list[int]:
    """Return the shortlist's positions with the first `count` chosen for score and difference.

    Maximal marginal relevance (Carbonell and Goldstein, 1998) in the score's own unit: every
    slot takes the item of the highest score minus weight · (largest cosine with one of the
    `window` items above it); ties go to the greedy order, which the rest keeps.

    Args:
        scores: (n,), descending.
        rows: content of the items, (n, d); zero rows are like nothing.
        weight: what a perfect copy of an item just above loses.
        window: how many slots above are compared.
        count: how many slots are filled so.
    """
    unit = _unit_rows(rows)
    chosen: list[int] = []
    recent: list[Float64Array] = []
    left = np.ones(len(scores), dtype=np.bool_)
    for _ in range(min(count, len(scores))):
        penalty = np.max(recent[-window:], axis=0) if recent else 0.0
        pick = int(np.argmax(np.where(left, scores - weight * penalty, -np.inf)))
        chosen.append(pick)
        left[pick] = False
        # elementwise, not BLAS: the same bits on every machine
        recent.append((unit * unit[pick]).sum(axis=1))
    return [*chosen, *np.flatnonzero(left).tolist()]


def reserve_launches(order: list[int], is_launch: BoolArray, slots: tuple[int, ...]) -> list[int]:
    """Return the order in which every reserved slot (from 1) holds a launch.

    The best launch from below moves up and the others make room. A slot that holds one already
    is left alone, and so is one for which no launch is left.
    """
    order = list(order)
    for slot in slots:
        below = [at for at in range(slot - 1, len(order)) if is_launch[order[at]]]
        if below:
            order.insert(slot - 1, order.pop(below[0]))
    return order


def _unit_rows(rows: Float32Array) -> Float64Array:
    wide = rows.astype(np.float64)
    norms = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    unit: Float64Array = wide / np.where(norms > 0.0, norms, 1.0)
    return unit
