"""What a replay says of a hotfix besides clicks: who is touched, what moves, who gains exposure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsysops.experiments.examination import PRIOR_DECAY, power_curve
from recsysops.experiments.slate_log import OrderPairs
from recsysops.model.catalogue import Catalogue
from recsysops.resolution.replayed_window import ReplayedWindow
from recsysops.vocabulary import EXPLORE_LAST_RANK

Float64Array = NDArray[np.float64]
Grouping = Literal["genre", "language", "popularity decile"]

OVERLAP_DEPTH = 10
_MOVES_PER_GROUPING = 10


@dataclass(frozen=True, slots=True)
class OrderChange:
    """How much of the window changes, every share weighted to all requests.

    requests_touched: share of requests whose slate changes. members, members_touched: members
    with a full record, and those of them whose slate changes. slots_changed: share of slots with
    another item. overlap: mean share of the first ten that stay among the first ten.
    rank_correlation: mean Spearman correlation of the old first 50 with their new ranks.
    """

    requests_touched: float
    members: int
    members_touched: int
    slots_changed: float
    overlap: float
    rank_correlation: float


@dataclass(frozen=True, slots=True)
class ExposureMove:
    """Share of all exposure that one group of items has now and would have."""

    grouping: Grouping
    group: str
    before: float
    after: float


def measure_order_change(replayed: ReplayedWindow) -> OrderChange:
    """Measure what the hotfix changes in the window's slates; nothing logged gives no change."""
    pairs, records = replayed.pairs, replayed.window.records
    weight = _group_weights(replayed)
    if not len(weight):
        return OrderChange(0.0, 0, 0, 0.0, 1.0, 1.0)
    changed = _changed_slots(pairs)
    touched = np.asarray(changed.any(axis=1))
    members = np.unique(records.cluster)
    return OrderChange(
        requests_touched=float(weight @ touched),
        members=len(members),
        members_touched=len(np.unique(records.cluster[touched[records.group]])),
        slots_changed=float(weight @ (changed.sum(axis=1) / _slot_counts(pairs))),
        overlap=float(weight @ _overlaps(pairs)),
        rank_correlation=float(weight @ _rank_correlations(pairs)),
    )


def measure_exposure_moves(
    replayed: ReplayedWindow, *, decay: float = PRIOR_DECAY
) -> tuple[ExposureMove, ...]:
    """Return how exposure moves between groups of items, largest moves first per grouping.

    Exposure is examination (slot^-decay) of the greedy slates. Both sides are labelled by the
    items as the hotfix would serve them, so that a mended label is no move.
    """
    before = _exposure_by_item(replayed, replayed.old, decay=decay)
    after = _exposure_by_item(replayed, replayed.new, decay=decay)
    labels = _labels(replayed.catalogues.values())
    moves: list[ExposureMove] = []
    for grouping in ("genre", "language", "popularity decile"):
        shares = [_share_by_group(side, labels[grouping]) for side in (before, after)]
        groups = sorted(shares[0].keys() | shares[1].keys())
        found = [
            ExposureMove(grouping, group, shares[0].get(group, 0.0), shares[1].get(group, 0.0))
            for group in groups
        ]
        found.sort(key=lambda move: -abs(move.after - move.before))
        moves.extend(found[:_MOVES_PER_GROUPING])
    return tuple(moves)


def _group_weights(replayed: ReplayedWindow) -> Float64Array:
    """Return each group's share of the weighted requests, (g,)."""
    records = replayed.window.records
    sums = np.bincount(records.group, weights=records.weight, minlength=len(replayed.old))
    return np.asarray(sums / max(float(sums.sum()), 1e-12), dtype=np.float64)


def _slots(pairs: OrderPairs) -> NDArray[np.bool_]:
    """Return which old ranks were slots of the old slate, (g, R)."""
    ranks = np.arange(1, pairs.new_rank.shape[1] + 1)[None, :]
    return np.asarray((ranks <= pairs.limit[:, None]) & (pairs.new_rank >= 0))


def _slot_counts(pairs: OrderPairs) -> NDArray[np.intp]:
    return np.asarray(np.maximum(_slots(pairs).sum(axis=1), 1), dtype=np.intp)


def _changed_slots(pairs: OrderPairs) -> NDArray[np.bool_]:
    ranks = np.arange(1, pairs.new_rank.shape[1] + 1)[None, :]
    return np.asarray(_slots(pairs) & (pairs.new_rank != ranks))


def _overlaps(pairs: OrderPairs) -> Float64Array:
    first = pairs.new_rank[:, :OVERLAP_DEPTH]
    stay = ((first > 0) & (first <= OVERLAP_DEPTH)).sum(axis=1)
    return np.asarray(stay / np.maximum((first >= 0).sum(axis=1), 1), dtype=np.float64)


def _rank_correlations(pairs: OrderPairs) -> Float64Array:
    """Return Spearman's correlation per group; items that left rank last, (g,)."""
    depth = pairs.new_rank.shape[1]
    ranks = pairs.new_rank[:, :EXPLORE_LAST_RANK].astype(np.float64)
    known = ranks >= 0
    ranks = np.where(ranks == 0, depth + 1.0, ranks)
    result = np.ones(len(ranks))
    for row in np.flatnonzero(_changed_slots(pairs).any(axis=1)):
        new = ranks[row, known[row]]
        result[row] = _spearman(new)
    return result


def _spearman(new: Float64Array) -> float:
    """Correlate the order 1..n with new ranks (ties share their mean rank)."""
    if len(new) < 2 or np.ptp(new) == 0.0:
        return 0.0 if len(new) > 1 else 1.0
    _, inverse, counts = np.unique(new, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2.0
    return float(np.corrcoef(np.arange(len(new)), mean_rank[inverse])[0, 1])


def _exposure_by_item(
    replayed: ReplayedWindow, orders: Iterable[tuple[str, ...]], *, decay: float
) -> dict[str, float]:
    limits = replayed.pairs.limit.tolist()
    curve = power_curve(decay, max(limits, default=1)).tolist()
    exposure: dict[str, float] = defaultdict(float)
    for weight, limit, order in zip(_group_weights(replayed).tolist(), limits, orders, strict=True):
        for item_id, examined in zip(order[:limit], curve, strict=False):
            exposure[item_id] += weight * examined
    return exposure


def _labels(catalogues: Iterable[Catalogue]) -> dict[Grouping, dict[str, tuple[str, ...]]]:
    """Return the groups of every item; of several snapshots the last one labels."""
    labels: dict[Grouping, dict[str, tuple[str, ...]]] = {
        "genre": {},
        "language": {},
        "popularity decile": {},
    }
    for catalogue in catalogues:
        place = np.argsort(np.argsort(-catalogue.bias, kind="stable"), kind="stable")
        deciles = 1 + 10 * place // max(1, len(place))
        for item, decile in zip(catalogue.items, deciles.tolist(), strict=True):
            labels["genre"][item.item_id] = item.genres or ("none",)
            labels["language"][item.item_id] = (item.language or "none",)
            labels["popularity decile"][item.item_id] = (f"{decile:02d}",)
    return labels


def _share_by_group(
    exposure: Mapping[str, float], groups_of: Mapping[str, tuple[str, ...]]
) -> dict[str, float]:
    """Share exposure out; an item of several genres counts in equal parts."""
    total = sum(exposure.values()) or 1.0
    shares: dict[str, float] = defaultdict(float)
    for item_id, amount in exposure.items():
        groups = groups_of.get(item_id, ("unknown",))
        for group in groups:
            shares[group] += amount / total / len(groups)
    return shares
