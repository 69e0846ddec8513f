"""Fits the reward model to logged slates: greedy slots by cell of ranks, explored ones singly."""

from __future__ import annotations

import numpy as np

from recsysops.experiments.intervals import Float64Array
from recsysops.experiments.reward_model import RewardModel, fit_reward_model, rank_features
from recsysops.experiments.slate_weights import SlateLog, SlateWeights


def fit_slate_model(log: SlateLog, weights: SlateWeights) -> RewardModel:
    """Fit relevance on greedy slots (by rank cell) and on explored slots (one by one)."""
    greedy, explored = _greedy_cells(log, weights), _explored_cells(log, weights)
    parts = [np.concatenate(pair) for pair in zip(greedy, explored, strict=True)]
    new_rank, old_rank, views, clicks = parts
    features = rank_features(new_rank.astype(np.intp), old_rank.astype(np.intp))
    return fit_reward_model(features, views=views, clicks=clicks)


def _greedy_cells(log: SlateLog, weights: SlateWeights) -> tuple[Float64Array, ...]:
    """Return (new rank, old rank, Σ w · examination, Σ w · click) per cell of greedy slots.

    The one view in a hundred that exploration took away is still counted: a guess may.
    """
    pairs, records = log.pairs, log.records
    slots, ranks = len(weights.curve), pairs.new_rank.shape[1] + 1
    slot = np.arange(slots)
    size = slots * ranks
    new_rank = pairs.new_rank[:, :slots]
    cells = slot[None, :] * ranks + np.maximum(new_rank, 0)
    used = (slot[None, :] < pairs.limit[:, None]) & (new_rank >= 0)
    views = log.group_weight[:, None] * weights.curve[None, :] * used
    seen = np.bincount(cells.ravel(), weights=views.ravel(), minlength=size)
    plain = records.click_slot != records.explored_slot[records.click_record]
    at, click_slot = records.click_record[plain], records.click_slot[plain] - 1
    clicked = np.bincount(
        cells[records.group[at], click_slot], weights=records.weight[at], minlength=size
    )
    old, new = np.divmod(np.arange(size), ranks)
    return new.astype(np.float64), old + 1.0, seen.astype(np.float64), clicked.astype(np.float64)


def _explored_cells(log: SlateLog, weights: SlateWeights) -> tuple[Float64Array, ...]:
    records = log.records
    clicks = np.bincount(
        records.click_record,
        weights=records.click_slot == records.explored_slot[records.click_record],
        minlength=len(records.group),
    )
    at = np.flatnonzero(records.explored_slot > 0)
    old = records.explored_rank[at]
    new = log.pairs.new_rank[records.group[at], old - 1]
    weight = records.weight[at]
    views = weight * weights.curve[records.explored_slot[at] - 1]
    return new.astype(np.float64), old.astype(np.float64), views, weight * clicks[at]
