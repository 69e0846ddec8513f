"""Knows which requests explore, which slot and item they draw, and how likely every slot was.

On a share of requests, chosen by a stable hash of the request id, ONE slot of the slate gives way
to an item from below the slate. Without it no hotfix's trade-off could be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from recsysops.vocabulary import EXPLORE_FIRST_RANK, EXPLORE_LAST_RANK, Arm, hash_unit

_POOL_WIDTH = EXPLORE_LAST_RANK - EXPLORE_FIRST_RANK + 1


@dataclass(frozen=True, slots=True)
class ExploredSlot:
    """Slot `position` (1 is best) gets the item of greedy rank `rank`."""

    position: int
    rank: int


class Slot(NamedTuple):
    """One slot of the final slate: which greedy rank fills it, and how likely that was.

    A tuple: ten of them are made for every request, in half the time.
    """

    position: int
    rank: int
    propensity: float


def exploration_ranks(limit: int, eligible_count: int, *, first: int | None = None) -> range:
    """Return the greedy ranks an explored item is drawn from.

    The 40 ranks below the slate, limit + 1 to limit + 40 (so ranks 11 to 50 for slates of ten);
    cut where the eligible items end. `first` is another first rank, as old records have.

    >>> exploration_ranks(10, 9000), exploration_ranks(3, 9000), exploration_ranks(10, 30)
    (range(11, 51), range(4, 44), range(11, 31))
    """
    first = first or limit + 1
    return range(first, min(first + _POOL_WIDTH, eligible_count + 1))


def first_rank_before_v2(limit: int) -> int:
    """Return where exploration began in records of schema version 1: never above rank 11."""
    return max(EXPLORE_FIRST_RANK, limit + 1)


def draw_exploration(
    request_id: str, *, rate: float, limit: int, eligible_count: int, first: int | None = None
) -> ExploredSlot | None:
    """Decide from the request id alone whether, where and with which rank a request explores.

    None for the greedy arm, or when no item is left below the slate; `first` as in
    `exploration_ranks`.
    """
    ranks = exploration_ranks(limit, eligible_count, first=first)
    if not ranks or hash_unit("explore", request_id) >= rate:
        return None
    position = 1 + _pick(hash_unit("explore-position", request_id), limit)
    return ExploredSlot(position, ranks[_pick(hash_unit("explore-rank", request_id), len(ranks))])


def final_slots(
    explored: ExploredSlot | None,
    *,
    rate: float,
    limit: int,
    eligible_count: int,
    first: int | None = None,
) -> tuple[Slot, ...]:
    """Return the slots of the final slate with exact propensities, marginal over the hash.

    A greedy item keeps its slot with probability 1 - rate / limit; a given item from below is in
    a given slot with probability rate / (limit · number of such items). Where nothing can be
    explored every slot is certain.
    """
    pool = len(exploration_ranks(limit, eligible_count, first=first))
    keep = 1.0 - rate / limit if pool else 1.0
    slots = [Slot(rank, rank, keep) for rank in range(1, min(limit, eligible_count) + 1)]
    if explored is not None:
        drawn = Slot(explored.position, explored.rank, rate / (limit * pool))
        slots[explored.position - 1] = drawn
    return tuple(slots)


def arm_of(explored: ExploredSlot | None) -> Arm:
    """Name the arm of a draw."""
    return "greedy" if explored is None else "explore"


def _pick(unit: float, count: int) -> int:
    # a hash just below 2**64 rounds to 1.0
    return min(int(unit * count), count - 1)
