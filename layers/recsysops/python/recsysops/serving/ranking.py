"""Knows how a request becomes a slate: who is eligible, in which order, and what is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import (
    Float32Array,
    Float64Array,
    IndexArray,
    block_contributions,
    round_scores,
)
from recsysops.model.topk import blas_error_bound, order_by_score, shortlist_rows
from recsysops.serving.exploration import arm_of, draw_exploration, final_slots
from recsysops.serving.filters import NO_FILTERS, AttributeFilters, matching_items
from recsysops.vocabulary import BLOCK_POPULARITY, Arm, ShownItem

SHORTLIST = 100
"""Best items that are ranked exactly and logged; no slate and no exploration reaches below."""

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class RankingRequest:
    """Every input of one ranking besides the catalogue.

    candidates: () means the whole catalogue. excluded: seen and excluded item ids. blocked:
    item ids that a hotfix blocks. member_vector: (d,), None when cold (pure popularity).
    explore_first: first rank exploration draws from, None for the one below the slate.
    """

    request_id: str
    event_time: datetime
    limit: int
    candidates: tuple[str, ...]
    excluded: tuple[str, ...]
    member_vector: Float32Array | None
    explore_rate: float
    blocked: frozenset[str] = frozenset()
    filters: AttributeFilters = NO_FILTERS
    explore_first: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RankedSlate:
    """The answer to a request with the evidence for it.

    shortlist: best items in greedy order, at most SHORTLIST, ties by item id. scores: theirs,
    (n,) float32. contributions: (n, blocks + 1) float64 whose rows sum to the scores.
    """

    eligible_count: int
    shortlist: tuple[str, ...]
    scores: Float32Array
    contributions: Float64Array
    block_names: tuple[str, ...]
    shown: tuple[ShownItem, ...]
    arm: Arm
    unknown_candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ItemRank:
    """Where one item stands among all eligible items: 1 is best, None when it is not eligible."""

    eligible: bool
    rank: int | None
    eligible_count: int


def rank_slate(catalogue: Catalogue, request: RankingRequest) -> RankedSlate:
    """Rank a request's eligible items and fill the slate, exploring as its hash says.

    The order and every score come from the scoring kernel; BLAS only shortlists with a proven
    margin. No eligible item gives an empty slate.
    """
    mask = _allowed(catalogue, request)
    rows, unknown = _candidate_rows(catalogue, request.candidates)
    if rows is None:
        eligible_count = int(np.count_nonzero(mask))
        rows = _shortlist(catalogue, request.member_vector, mask)
    else:
        rows = rows[mask[rows]]
        eligible_count = len(rows)
    contributions = score_rows(catalogue, request.member_vector, rows)
    scores = round_scores(contributions)
    best = order_by_score(scores)[:SHORTLIST]
    shortlist = tuple(catalogue.items[row].item_id for row in rows[best].tolist())
    shown, arm = _fill_slate(request, shortlist, scores[best], eligible_count)
    return RankedSlate(
        eligible_count=eligible_count,
        shortlist=shortlist,
        scores=scores[best],
        contributions=contributions[best],
        block_names=block_names(catalogue),
        shown=shown,
        arm=arm,
        unknown_candidates=unknown,
    )


def rank_item(catalogue: Catalogue, request: RankingRequest, item_id: str) -> ItemRank:
    """Rank one item against ALL eligible items of a request, exactly as the kernel orders them.

    BLAS scores settle whatever is further from the item than their error bound; the kernel
    decides the rest, so the rank equals that of a full sort of kernel scores.
    """
    mask = _allowed(catalogue, request)
    rows, _ = _candidate_rows(catalogue, request.candidates)
    if rows is not None:
        mask &= _mask_of(rows, len(mask))
    eligible_count = int(np.count_nonzero(mask))
    row = catalogue.row_of.get(item_id)
    if row is None or not mask[row]:
        return ItemRank(eligible=False, rank=None, eligible_count=eligible_count)
    rank = 1 + _count_better(catalogue, request.member_vector, mask=mask, row=row)
    return ItemRank(eligible=True, rank=rank, eligible_count=eligible_count)


def score_rows(
    catalogue: Catalogue, member_vector: Float32Array | None, rows: IndexArray
) -> Float64Array:
    """Return the kernel's contributions of the given rows, (n, blocks + 1); None scores as zero."""
    width = catalogue.matrix.shape[1]
    vector = np.zeros(width, np.float32) if member_vector is None else member_vector
    return block_contributions(
        catalogue.matrix[rows],
        vector,
        bias=catalogue.bias[rows],
        blocks=catalogue.encoder.blocks,
    )


def block_names(catalogue: Catalogue) -> tuple[str, ...]:
    """Name the columns of a slate's contributions, popularity last."""
    return (*(block.name for block in catalogue.encoder.blocks), BLOCK_POPULARITY)


def _allowed(catalogue: Catalogue, request: RankingRequest) -> BoolArray:
    mask = catalogue.launched(request.event_time)
    mask[_known_rows(catalogue, request.excluded)] = False
    if request.blocked:
        mask[_known_rows(catalogue, request.blocked)] = False
    if request.filters is not NO_FILTERS:
        mask &= matching_items(catalogue, request.filters)
    return mask


def _known_rows(catalogue: Catalogue, item_ids: Iterable[str]) -> list[int]:
    row_of = catalogue.row_of
    return [row_of[item_id] for item_id in item_ids if item_id in row_of]


def _candidate_rows(
    catalogue: Catalogue, candidates: tuple[str, ...]
) -> tuple[IndexArray | None, tuple[str, ...]]:
    if not candidates:
        return None, ()
    unknown = tuple(dict.fromkeys(c for c in candidates if c not in catalogue.row_of))
    rows = np.array(sorted(set(_known_rows(catalogue, candidates))), dtype=np.intp)
    return rows, unknown


def _shortlist(
    catalogue: Catalogue, member_vector: Float32Array | None, mask: BoolArray
) -> IndexArray:
    approximate, margin = _approximate_scores(catalogue, member_vector)
    return shortlist_rows(approximate, k=SHORTLIST, margin=margin, eligible=mask)


def _approximate_scores(
    catalogue: Catalogue, member_vector: Float32Array | None
) -> tuple[Float32Array, float]:
    """Return fast scores of all items, (n,), and the bound of their distance to the kernel's."""
    if member_vector is None:
        return catalogue.bias, 0.0
    # OpenBLAS kernels read past short rows: garbage there raises flags without touching results
    with np.errstate(invalid="ignore", over="ignore"):
        approximate = catalogue.matrix @ member_vector + catalogue.bias
    if not np.isfinite(approximate).all():
        # float32 sums ran over where the kernel's float64 does not
        every_row = np.arange(len(approximate), dtype=np.intp)
        return round_scores(score_rows(catalogue, member_vector, every_row)), 0.0
    margin = blas_error_bound(
        largest_row_norm=catalogue.largest_row_norm,
        vector=member_vector,
        largest_bias=float(np.abs(catalogue.bias).max(initial=0.0)),
    )
    return approximate, margin


def _count_better(
    catalogue: Catalogue, member_vector: Float32Array | None, *, mask: BoolArray, row: int
) -> int:
    approximate, margin = _approximate_scores(catalogue, member_vector)
    score = round_scores(score_rows(catalogue, member_vector, np.array([row], np.intp)))[0]
    distance = approximate.astype(np.float64) - float(score)
    surely_better = int(np.count_nonzero((distance > margin) & mask))
    near = np.flatnonzero((np.abs(distance) <= margin) & mask)
    near_scores = round_scores(score_rows(catalogue, member_vector, near))
    ahead = (near_scores > score) | ((near_scores == score) & (near < row))
    return surely_better + int(np.count_nonzero(ahead))


def _mask_of(rows: IndexArray, count: int) -> BoolArray:
    mask = np.zeros(count, dtype=np.bool_)
    mask[rows] = True
    return mask


def _fill_slate(
    request: RankingRequest, shortlist: tuple[str, ...], scores: Float32Array, eligible_count: int
) -> tuple[tuple[ShownItem, ...], Arm]:
    limit, rate, first = request.limit, request.explore_rate, request.explore_first
    explored = draw_exploration(
        request.request_id, rate=rate, limit=limit, eligible_count=eligible_count, first=first
    )
    slots = final_slots(
        explored, rate=rate, limit=limit, eligible_count=eligible_count, first=first
    )
    shown = tuple(
        ShownItem(
            item_id=shortlist[slot.rank - 1],
            position=slot.position,
            score=float(scores[slot.rank - 1]),
            propensity=slot.propensity,
        )
        for slot in slots
    )
    return shown, arm_of(explored)
