"""Which items carry which wrong value: history proposes, peers decide.

The item itself in the reference window is its most comparable item: a value that did not change
is not what broke. Among the changed ones, peers (see peers.py) tell a harmless change from a
wrong one: numbers by robust z, categories by what peers carry, batches by their age beside other
sources.
Peers testify with their reference values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsysops.diagnosis.items_as_served import ServedItem
from recsysops.diagnosis.peers import comparable_space, log_lift, nearest_peers, robust_z
from recsysops.model.catalogue import Catalogue
from recsysops.model.encoder import BLOCK_OF_FEATURE
from recsysops.model.kernel import Float32Array, IndexArray

ODD_Z = 3.5
"""Iglewicz and Hoaglin (1993): a modified z beyond 3.5 is an outlier."""
SMALLEST_SET = 5
"""Fewer odd items than this are noise of the peers, not an upstream fault."""
STALE_DAYS = 7.0
SURE_SIGMAS = 2.0
"""Peers must side with the old values by so many standard errors of the mean."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One feature that looks wrong on a set of items, with what peers say about it."""

    feature: str
    item_ids: tuple[str, ...]
    strength: float
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemPairs:
    """The same items now and in the reference, with the rows of their last good vectors."""

    now: tuple[ServedItem, ...]
    before: tuple[ServedItem, ...]
    matrix: Float32Array
    catalogue: Catalogue

    def peers_of(self, suspects: IndexArray, *, feature: str) -> IndexArray:
        """Return (n, k) pair numbers of the items most comparable to each suspect."""
        without = BLOCK_OF_FEATURE.get(feature)
        space = comparable_space(self.matrix, blocks=self.catalogue.encoder.blocks, without=without)
        return nearest_peers(space, of=suspects)


def pair_items(
    now: Sequence[ServedItem], before: Sequence[ServedItem], *, catalogue: Catalogue
) -> ItemPairs:
    """Pair items that stand in both snapshots; `catalogue` is the last good one."""
    old = {item.item_id: item for item in before}
    kept = [item for item in now if item.item_id in old and item.item_id in catalogue.row_of]
    rows = np.array([catalogue.row_of[item.item_id] for item in kept], dtype=np.intp)
    return ItemPairs(
        now=tuple(kept),
        before=tuple(old[item.item_id] for item in kept),
        matrix=catalogue.matrix[rows],
        catalogue=catalogue,
    )


def find_suspicions(pairs: ItemPairs) -> list[Suspicion]:
    """Return every feature with a set of odd items, the largest set first."""
    found = [
        find_odd_numbers(pairs, feature="year", read=_year, scale_floor=2.0),
        find_odd_numbers(pairs, feature="price", read=_log_price, scale_floor=0.2),
        find_odd_categories(pairs, feature="language", read=lambda item: item.language),
        find_odd_categories(pairs, feature="genres", read=lambda item: item.genres),
        find_stale_batches(pairs),
    ]
    odd = [suspicion for suspicion in found if suspicion is not None]
    return sorted(odd, key=lambda suspicion: (-len(suspicion.item_ids), suspicion.feature))


def find_odd_numbers(
    pairs: ItemPairs,
    *,
    feature: str,
    read: Callable[[ServedItem], float],
    scale_floor: float,
) -> Suspicion | None:
    """Name items whose number changed and now lies far from peers, farther than it did before."""
    now = np.array([read(item) for item in pairs.now], dtype=np.float64)
    before = np.array([read(item) for item in pairs.before], dtype=np.float64)
    vanished = np.isnan(now) & ~np.isnan(before)
    # a change no larger than the floor cannot make an item odd: skip the search for its peers
    moved = np.flatnonzero((np.abs(now - before) > scale_floor) | vanished)
    if len(moved) < SMALLEST_SET or len(moved) == len(now):
        return None
    peers = before[pairs.peers_of(moved, feature=feature)]
    odd_now = np.abs(robust_z(now[moved], peers, scale_floor=scale_floor))
    odd_before = np.abs(robust_z(before[moved], peers, scale_floor=scale_floor))
    far = vanished[moved] | ((odd_now > ODD_Z) & (odd_now > np.nan_to_num(odd_before)))
    return _suspicion(
        pairs,
        feature=feature,
        rows=moved[far],
        strength=float(np.nanmedian(odd_now[far])) if (odd_now[far] > 0).any() else ODD_Z,
        evidence={"measure": "median robust z against peers", "peers_median": _median(peers)},
    )


def find_odd_categories(
    pairs: ItemPairs, *, feature: str, read: Callable[[ServedItem], object]
) -> Suspicion | None:
    """Name items whose category changed against what their peers carry.

    Judged for the whole set (an item alone has too few peers): the mean log lift must say that
    peers side with the old value, or the new value must be one that no unchanged item has.
    """
    now, before = [read(item) for item in pairs.now], [read(item) for item in pairs.before]
    moved = np.array([i for i in range(len(now)) if now[i] != before[i]], dtype=np.intp)
    if len(moved) < SMALLEST_SET or len(moved) == len(now):
        return None
    peers = [[before[j] for j in row] for row in pairs.peers_of(moved, feature=feature)]
    lift = log_lift(
        [now[i] for i in moved], [before[i] for i in moved], peers=peers, everyone=before
    )
    unmoved_values = {before[i] for i in np.setdiff1d(np.arange(len(now)), moved)}
    unseen = float(np.mean([now[i] is None or now[i] not in unmoved_values for i in moved]))
    if lift.mean() <= SURE_SIGMAS * lift.std() / np.sqrt(len(lift)) and unseen < 0.5:
        return None
    return _suspicion(
        pairs,
        feature=feature,
        rows=moved,
        strength=float(lift.mean()),
        evidence={"measure": "mean log lift of the old value among peers", "unseen_share": unseen},
    )


def find_stale_batches(pairs: ItemPairs) -> Suspicion | None:
    """Name items whose supplier batch is old beside the other items' batches and went backwards."""
    newest = max((item.batch for item in pairs.now if item.batch), default=None)
    if newest is None:
        return None
    age = np.array(
        [(newest - item.batch).days if item.batch else np.nan for item in pairs.now], np.float64
    )
    backwards = np.array(
        [
            bool(new.batch and old.batch and new.batch < old.batch)
            for new, old in zip(pairs.now, pairs.before, strict=True)
        ]
    )
    typical = float(np.nanmedian(age))
    rows = np.flatnonzero(backwards & (age - typical > STALE_DAYS))
    return _suspicion(
        pairs,
        feature="batch",
        rows=rows,
        strength=float(np.median(age[rows]) - typical) if len(rows) else 0.0,
        evidence={"measure": "days behind the median batch", "median_age_days": typical},
    )


def _suspicion(
    pairs: ItemPairs,
    *,
    feature: str,
    rows: IndexArray,
    strength: float,
    evidence: Mapping[str, object],
) -> Suspicion | None:
    if len(rows) < SMALLEST_SET:
        return None
    return Suspicion(
        feature=feature,
        item_ids=tuple(pairs.now[row].item_id for row in rows),
        strength=strength,
        evidence={**evidence, "examples": [_example(pairs, row, feature) for row in rows[:5]]},
    )


def _example(pairs: ItemPairs, row: int, feature: str) -> dict[str, str]:
    now, before = pairs.now[row], pairs.before[row]
    return {
        "item_id": now.item_id,
        "before": _text(getattr(before, feature)),
        "now": _text(getattr(now, feature)),
    }


def _text(value: object) -> str:
    return "|".join(sorted(value)) if isinstance(value, frozenset) else str(value)


def _year(item: ServedItem) -> float:
    return np.nan if item.year is None else float(item.year)


def _log_price(item: ServedItem) -> float:
    # one cent keeps a price of zero finite and far away
    return np.nan if item.price is None else float(np.log(max(item.price, 0.0) + 0.01))


def _median(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
