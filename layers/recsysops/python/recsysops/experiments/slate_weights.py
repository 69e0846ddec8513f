"""Importance weights of logged slates: new exposure over logged exposure, per click and slot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsysops.experiments.examination import Examination
from recsysops.experiments.intervals import Float64Array
from recsysops.experiments.slate_log import (
    IntArray,
    OrderPairs,
    SlateRecords,
    WindowTotals,
    exposure_by_old_rank,
    new_exposure,
)


@dataclass(frozen=True, slots=True, eq=False)
class SlateLog:
    """A logged window beside another order of its requests."""

    pairs: OrderPairs
    records: SlateRecords
    totals: WindowTotals

    @property
    def group_weight(self) -> Float64Array:
        """Σ weight of the records of each group, (g,)."""
        count = len(self.pairs.limit)
        sums = np.bincount(self.records.group, weights=self.records.weight, minlength=count)
        return sums.astype(np.float64)

    @property
    def record_weight(self) -> float:
        """Σ weight of all records: an estimate of the number of requests."""
        return float(self.records.weight.sum())


@dataclass(frozen=True, slots=True, eq=False)
class SlateWeights:
    """Ratios of new to logged exposure under one examination curve.

    curve: (limit,). exposure: (g, R) new exposure by new rank. click_ratio: (c,) per click.
    explored_ratio: (n,) of each record's explored slot. heavy: (n,) whether that slot showed an
    item which the new slate would show; heavy_click: (c,) whether the click was there.
    """

    curve: Float64Array
    exposure: Float64Array
    click_ratio: Float64Array
    explored_ratio: Float64Array
    heavy: NDArray[np.bool_]
    heavy_click: NDArray[np.bool_]


def weigh_slates(log: SlateLog, examination: Examination) -> SlateWeights:
    """Return the importance weights of a window under one examination curve."""
    pairs, records = log.pairs, log.records
    curve = examination.curve(int(pairs.limit.max(initial=1)))
    exposure = new_exposure(pairs, curve)
    by_old = exposure_by_old_rank(pairs, exposure)
    ratio = _explored_ratio(log, by_old, curve)
    new_rank = _new_rank_of_explored(log)
    heavy = (new_rank > 0) & (new_rank <= pairs.limit[records.group])
    at = records.click_record
    on_explored = records.click_slot == records.explored_slot[at]
    return SlateWeights(
        curve=curve,
        exposure=exposure,
        click_ratio=np.where(on_explored, ratio[at], _greedy_ratio(records, by_old, curve)),
        explored_ratio=ratio,
        heavy=heavy,
        heavy_click=on_explored & heavy[at],
    )


def realised_exposure(log: SlateLog, weights: SlateWeights) -> float:
    """Return Σ weight · ratio · examination over every shown slot.

    Its expectation is the new policy's exposure, which is known: the denominator of SNIPS.
    """
    pairs, records = log.pairs, log.records
    slots = len(weights.curve)
    by_old = exposure_by_old_rank(pairs, weights.exposure)[:, :slots]
    by_old = by_old * (np.arange(slots)[None, :] < pairs.limit[:, None])
    keep = records.weight / records.greedy_propensity
    kept = np.bincount(records.group, weights=keep, minlength=len(pairs.limit))
    at = np.flatnonzero(records.explored_slot > 0)
    slot = records.explored_slot[at] - 1
    hidden = float((keep[at] * by_old[records.group[at], slot]).sum())
    shown = records.weight[at] * weights.explored_ratio[at] * weights.curve[slot]
    return float((kept[:, None] * by_old).sum()) - hidden + float(shown.sum())


def _explored_ratio(log: SlateLog, by_old: Float64Array, curve: Float64Array) -> Float64Array:
    """Return the ratio of each record's explored slot, 0 where nothing was explored."""
    records = log.records
    reach = np.concatenate([[0.0], np.cumsum(curve)])[log.pairs.limit[records.group]]
    gained = by_old[records.group, np.maximum(records.explored_rank - 1, 0)]
    logged = records.explored_propensity * reach
    explored = (records.explored_slot > 0) & (logged > 0.0)
    ratio: Float64Array = np.divide(gained, logged, out=np.zeros(len(gained)), where=explored)
    return ratio


def _new_rank_of_explored(log: SlateLog) -> IntArray:
    records = log.records
    ranks = log.pairs.new_rank[records.group, np.maximum(records.explored_rank - 1, 0)]
    return np.where(records.explored_slot > 0, ranks, 0)


def _greedy_ratio(records: SlateRecords, by_old: Float64Array, curve: Float64Array) -> Float64Array:
    """Return the ratio of each click, read as a click on the greedy item of its slot."""
    slot, at = records.click_slot - 1, records.click_record
    logged = records.greedy_propensity[at] * curve[slot]
    return np.asarray(by_old[records.group[at], slot] / logged, dtype=np.float64)
