"""Expected hits of another order when every choice was recorded, shown or not.

Re-timed traffic replays choices that members made long before: no slate could change them, and
choices of items that were never shown are known too. Then no exploration is needed: a hit is a
choice that stands on the slate, counted under either order.

Assumption: the choice does not depend on the slate. On live traffic it does (members choose what
they see) and this estimate would favour the policy that was logged; it is refused there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.errors import CouldNotJudge
from recsysops.experiments.intervals import (
    Float64Array,
    Interval,
    add_intervals,
    rare_sum_interval,
    ratio_interval,
)
from recsysops.experiments.slate_log import (
    IntArray,
    OrderPairs,
    SlateRecords,
    WindowTotals,
    new_exposure,
    reversed_pairs,
)

FEWEST_CHOICES = 30


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """Choices behind full records, (k,): the record, and the chosen item's old and new rank
    (from 1; 0 when below the shortlist or not eligible)."""

    record: IntArray
    old_rank: IntArray
    new_rank: IntArray


@dataclass(frozen=True, slots=True)
class HitValue:
    """Hits per request now, under the new order, and the difference, with intervals."""

    now: Interval
    new: Interval
    difference: Interval
    choices: int


def estimate_hits(
    pairs: OrderPairs,
    records: SlateRecords,
    totals: WindowTotals,
    choices: Choices,
    *,
    confidence: float = 0.9,
) -> HitValue:
    """Estimate hits per request; gains and losses are rare events with sampling weights.

    Raises: CouldNotJudge with fewer than 30 recorded choices.
    """
    if len(choices.record) < FEWEST_CHOICES:
        raise CouldNotJudge(
            f"could not judge, because only {len(choices.record)} choices are behind full records "
            f"({FEWEST_CHOICES} are needed)"
        )
    now = ratio_interval(totals.clicks, totals.requests, confidence=confidence)
    change = _shown(pairs, records, choices.record, choices.new_rank) - _shown(
        reversed_pairs(pairs), records, choices.record, choices.old_rank
    )
    gains = _rare(np.maximum(change, 0.0), records, choices, confidence=confidence)
    losses = _rare(np.maximum(-change, 0.0), records, choices, confidence=confidence)
    difference = add_intervals([gains, losses.negated()])
    return HitValue(now, add_intervals([now, difference]), difference, len(choices.record))


def _shown(
    pairs: OrderPairs, records: SlateRecords, record: IntArray, rank: IntArray
) -> Float64Array:
    """Return P(shown) of the items at these ranks of the new order, over exploration, (k,)."""
    anywhere = np.ones(int(pairs.limit.max(initial=1)))
    shown = new_exposure(pairs, anywhere)[records.group[record], np.maximum(rank - 1, 0)]
    return np.where(rank > 0, shown, 0.0)


def _rare(
    amounts: Float64Array, records: SlateRecords, choices: Choices, *, confidence: float
) -> Interval:
    """Return an interval for Σ weight · amount per request."""
    weight = records.weight[choices.record]
    clusters = int(records.cluster.max(initial=0)) + 1
    sums = np.bincount(
        records.cluster[choices.record], weights=weight * amounts, minlength=clusters
    ).astype(np.float64)
    typical = float((records.weight**2).sum() / records.weight.sum())
    interval = rare_sum_interval(sums, next_weight=typical, confidence=confidence)
    return interval.scaled(1.0 / float(records.weight.sum()))
