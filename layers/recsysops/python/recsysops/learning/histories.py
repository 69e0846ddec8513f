"""What each member had chosen before a moment, decayed by age: sums over their earlier rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsysops.model.interactions import SECONDS_PER_DAY, Interactions
from recsysops.model.kernel import Float64Array, IndexArray

_QUERIES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class MemberIndex:
    """Row numbers grouped by member, ascending by time within each; starts: (n_members + 1,)."""

    grouped: IndexArray
    starts: IndexArray

    def rows_of(self, member: int) -> IndexArray:
        """Return the rows of a member, oldest first."""
        return self.grouped[self.starts[member] : self.starts[member + 1]]


@dataclass(frozen=True, slots=True)
class Histories:
    """Per query: decayed sums of traits, (q, d), and of rows, (q,)."""

    sums: Float64Array
    totals: Float64Array


@dataclass(frozen=True, slots=True)
class Queries:
    """Questions 'what had this member chosen strictly before this time?'; both (q,)."""

    members: NDArray[np.int32] | IndexArray
    times: Float64Array


def index_members(rows: Interactions) -> MemberIndex:
    """Group row numbers by member."""
    sizes = np.bincount(rows.members, minlength=len(rows.member_ids))
    return MemberIndex(
        grouped=np.argsort(rows.members, kind="stable"),
        starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp),
    )


def sum_histories(
    rows: Interactions,
    index: MemberIndex,
    queries: Queries,
    *,
    traits: Float64Array,
    half_life_days: float,
) -> Histories:
    """Sum the traits of what each query's member chose strictly before its time.

    Args:
        rows: choices; where they have weights, a row counts by its own.
        index: of the same rows.
        queries: members and times.
        traits: per item, (n_items, d).
        half_life_days: a row that is this old counts half.

    Returns:
        Sums and totals; zeros where the member has no earlier row.
    """
    sums = np.zeros((len(queries.times), traits.shape[1]))
    totals = np.zeros(len(queries.times))
    order = np.argsort(queries.members, kind="stable")
    splits = np.flatnonzero(np.diff(queries.members[order])) + 1
    for group in np.split(order, splits):
        if not len(group):
            continue
        own = index.rows_of(int(queries.members[group[0]]))
        own_traits, own_times = traits[rows.items[own]], rows.times[own]
        for start in range(0, len(group), _QUERIES_AT_ONCE):
            asked = group[start : start + _QUERIES_AT_ONCE]
            weights = _decay(queries.times[asked], own_times, half_life_days)
            if rows.weights is not None:
                weights = weights * rows.weights[own][None, :]
            sums[asked] = weights @ own_traits
            totals[asked] = weights.sum(axis=1)
    return Histories(sums, totals)


def seen_pairs(
    rows: Interactions, index: MemberIndex, queries: Queries
) -> tuple[IndexArray, IndexArray]:
    """Return (query number, item), each pair once, for all that was chosen before each query."""
    numbers: list[IndexArray] = [np.empty(0, np.intp)]
    items: list[IndexArray] = [np.empty(0, np.intp)]
    for number, (member, time) in enumerate(
        zip(queries.members.tolist(), queries.times.tolist(), strict=True)
    ):
        own = index.rows_of(member)
        earlier = own[: np.searchsorted(rows.times[own], time, side="left")]
        chosen = np.unique(rows.items[earlier]).astype(np.intp)
        numbers.append(np.full(len(chosen), number, np.intp))
        items.append(chosen)
    return np.concatenate(numbers), np.concatenate(items)


def _decay(asked: Float64Array, chosen: Float64Array, half_life_days: float) -> Float64Array:
    ages = (asked[:, None] - chosen[None, :]) / SECONDS_PER_DAY
    decayed: Float64Array = np.where(
        ages > 0.0, np.exp2(-np.maximum(ages, 0.0) / half_life_days), 0.0
    )
    return decayed
