"""Knows how a request becomes a slate: who is eligible, in which order, and what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from recsysops.model.catalogue import Catalogue, day_of
from recsysops.model.kernel import (
    Float32Array,
    Float64Array,
    IndexArray,
    block_contributions,
    round_scores,
)
from recsysops.model.topk import (
    BestRows,
    approximate_scores,
    best_rows,
    order_by_score,
    place_rows,
)
from recsysops.serving.exploration import arm_of, draw_exploration, final_slots
from recsysops.serving.filters import NO_FILTERS, AttributeFilters, matching_items
from recsysops.serving.slate_order import plan_order
from recsysops.serving.thompson import draw_utilities, find_uncertain
from recsysops.vocabulary import (
    BLOCK_POPULARITY,
    PLAIN_SURFACE,
    Arm,
    Policy,
    ShownItem,
    SurfacePlan,
)

SHORTLIST = 100
"""Best items that are ranked exactly and logged; no slate and no exploration reaches below."""

LAUNCH_POOL = 20
"""Best recent launches that are ranked besides, where a surface reserves slots for launches."""

BoolArray = NDArray[np.bool_]

_NONE_REFUSED: IndexArray = np.empty(0, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class RankingRequest:
    """Every input of one ranking besides the catalogue.

    candidates: () means the whole catalogue. excluded: seen and excluded item ids. blocked:
    item ids that a hotfix blocks. member_vector: (d,), None when cold (pure popularity).
    explore_first: first rank exploration draws from, None for the one below the slate.
    surface_plan: how the surface fills its slate. session_items: what member_vector was folded
    in from, () when it was trained.
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
    surface_plan: SurfacePlan = PLAIN_SURFACE
    session_items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class RankedSlate:
    """The answer to a request with the evidence for it.

    rows: best items in greedy order, at most SHORTLIST (and LAUNCH_POOL launches), ties by item
    id, of the catalogue whose `ids` are there. scores: theirs, (n,) float32. contributions:
    (n, blocks + 1) float64 whose rows sum to the scores. planned: the slate as the surface's plan
    orders it, before exploration; () where it is the head of the shortlist. policy: thompson when
    items drew their rates; the propensities of `shown` are then given that draw, until
    `settle_propensities` makes them those of the policy, with `propensity_errors`, their
    standard errors.
    """

    eligible_count: int
    rows: IndexArray
    ids: Sequence[str]
    scores: Float32Array
    contributions: Float64Array
    block_names: tuple[str, ...]
    shown: tuple[ShownItem, ...]
    arm: Arm
    unknown_candidates: tuple[str, ...]
    planned: tuple[str, ...] = ()
    policy: Policy | None = None
    propensity_errors: tuple[float, ...] = ()

    @property
    def shortlist(self) -> tuple[str, ...]:
        """The ids of `rows`: named when somebody asks, as most requests show ten of a hundred."""
        return tuple(map(self.ids.__getitem__, self.rows.tolist()))

    @property
    def policy_order(self) -> tuple[str, ...]:
        """The order that exploration counts its ranks in."""
        return policy_order(self.shortlist, self.planned)


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
    unknown: tuple[str, ...] = ()
    if request.candidates:
        best, eligible_count, unknown = _best_of_candidates(catalogue, request)
    else:
        best, eligible_count = _best_of_all(catalogue, request)
    plan = request.surface_plan
    if plan.launch_slots or plan.policy == "thompson":
        best = _add_launches(catalogue, request, best)
    scores = round_scores(best.contributions)
    order, policy = _plan_slate(catalogue, request, best.rows, scores)
    shown, arm = _fill_slate(
        catalogue,
        request,
        rows=best.rows,
        scores=scores,
        eligible_count=eligible_count,
        order=order,
    )
    planned = () if order is None else best.rows[order[: request.limit]].tolist()
    return RankedSlate(
        eligible_count=eligible_count,
        rows=best.rows,
        ids=catalogue.ids,
        scores=scores,
        contributions=best.contributions,
        block_names=block_names(catalogue),
        shown=shown,
        arm=arm,
        unknown_candidates=unknown,
        planned=tuple(map(catalogue.ids.__getitem__, planned)),
        policy=policy,
    )


def policy_order(shortlist: Sequence[str], planned: Sequence[str]) -> tuple[str, ...]:
    """Return the order that exploration counts its ranks in: the planned slate, then the rest.

    Args:
        shortlist: item ids in greedy order.
        planned: `RankedSlate.planned`, or what was logged of it.
    """
    if not planned:
        return tuple(shortlist)
    above = set(planned)
    return (*planned, *(item_id for item_id in shortlist if item_id not in above))


def rank_item(catalogue: Catalogue, request: RankingRequest, item_id: str) -> ItemRank:
    """Rank one item against ALL eligible items of a request, exactly as the kernel orders them.

    BLAS scores settle whatever is further from the item than their error bound; the kernel
    decides the rest, so the rank equals that of a full sort of kernel scores.
    """
    mask = _eligible_mask(catalogue, request)
    eligible_count = int(np.count_nonzero(mask))
    row = catalogue.row_of.get(item_id)
    if row is None or not mask[row]:
        return ItemRank(eligible=False, rank=None, eligible_count=eligible_count)
    rank = 1 + _count_better(catalogue, request.member_vector, mask=mask, row=row)
    return ItemRank(eligible=True, rank=rank, eligible_count=eligible_count)


def place_launches(
    catalogue: Catalogue, request: RankingRequest, *, days: int
) -> tuple[IndexArray, Float64Array]:
    """Return a request's eligible items of the last `days` days and their rank percentiles.

    A percentile is (rank - 0.5) / eligible items: 0 is best, items of one score share a rank.
    Ranks are those of BLAS scores in greedy order, before slots reserved for launches: off the
    kernel's by the places of items that its error bound cannot tell apart.

    Returns: rows (k,) ascending; percentiles (k,) between 0 and 1.
    """
    mask = _eligible_mask(catalogue, request)
    recent = mask & catalogue.launched_since(request.event_time, days=days)
    approximate, _ = approximate_scores(
        catalogue.matrix,
        _vector_or_zero(catalogue, request.member_vector),
        bias=catalogue.bias,
        blocks=catalogue.encoder.blocks,
        largest_row_norm=catalogue.largest_row_norm,
    )
    places = place_rows(approximate[mask], np.flatnonzero(recent[mask]))
    return np.flatnonzero(recent), (places - 0.5) / max(int(mask.sum()), 1)


def score_rows(
    catalogue: Catalogue, member_vector: Float32Array | None, rows: IndexArray
) -> Float64Array:
    """Return the kernel's contributions of the given rows, (n, blocks + 1); None scores as zero."""
    return block_contributions(
        catalogue.matrix.take(rows, axis=0),
        _vector_or_zero(catalogue, member_vector),
        bias=catalogue.bias.take(rows),
        blocks=catalogue.encoder.blocks,
    )


def block_names(catalogue: Catalogue) -> tuple[str, ...]:
    """Name the columns of a slate's contributions, popularity last."""
    return (*(block.name for block in catalogue.encoder.blocks), BLOCK_POPULARITY)


def _best_of_candidates(
    catalogue: Catalogue, request: RankingRequest
) -> tuple[BestRows, int, tuple[str, ...]]:
    """Return the best of the given candidates, how many are eligible, and those nobody knows."""
    rows, unknown = _candidate_rows(catalogue, request)
    best = best_rows(
        catalogue.matrix.take(rows, axis=0),
        _vector_or_zero(catalogue, request.member_vector),
        bias=catalogue.bias.take(rows),
        blocks=catalogue.encoder.blocks,
        largest_row_norm=catalogue.largest_row_norm,
        refused=_NONE_REFUSED,
        k=SHORTLIST,
    )
    return BestRows(rows[best.rows], best.contributions), len(rows), unknown


def _best_of_all(catalogue: Catalogue, request: RankingRequest) -> tuple[BestRows, int]:
    """Return the best of the whole catalogue and how many are eligible."""
    refused = _refused_rows(catalogue, request)
    best = best_rows(
        catalogue.matrix,
        _vector_or_zero(catalogue, request.member_vector),
        bias=catalogue.bias,
        blocks=catalogue.encoder.blocks,
        largest_row_norm=catalogue.largest_row_norm,
        refused=refused,
        k=SHORTLIST,
    )
    return best, len(catalogue.bias) - len(refused)


def _plan_slate(
    catalogue: Catalogue, request: RankingRequest, rows: IndexArray, scores: Float32Array
) -> tuple[list[int] | None, Policy | None]:
    """Return the order of the surface's plan (None: the greedy one), and its policy if it drew."""
    plan = request.surface_plan
    if plan == PLAIN_SURFACE:
        return None, None
    utilities: Float32Array | Float64Array = scores
    is_cold = request.member_vector is None
    uncertain = find_uncertain(
        catalogue, rows, plan=plan, is_cold=is_cold, moment=request.event_time
    )
    if uncertain is not None:
        seed = f"thompson\x1f{request.request_id}"
        utilities = draw_utilities(scores, uncertain, seed=seed)[0]
    order = plan_order(
        catalogue, rows, utilities, plan=plan, limit=request.limit, moment=request.event_time
    )
    return order, None if uncertain is None else plan.policy


def _add_launches(catalogue: Catalogue, request: RankingRequest, best: BestRows) -> BestRows:
    """Return the best rows and below them those of the best recent launches that are no part."""
    recent = catalogue.launched_since(
        request.event_time, days=request.surface_plan.launch_days
    ) & _eligible_mask(catalogue, request)
    rows = np.flatnonzero(recent)
    contributions = score_rows(catalogue, request.member_vector, rows)
    order = order_by_score(round_scores(contributions))[:LAUNCH_POOL]
    order = order[~np.isin(rows[order], best.rows)]
    return BestRows(
        rows=np.concatenate([best.rows, rows[order]]),
        contributions=np.concatenate([best.contributions, contributions[order]]),
    )


def _candidate_rows(
    catalogue: Catalogue, request: RankingRequest
) -> tuple[IndexArray, tuple[str, ...]]:
    """Return the eligible candidates' rows, ascending, and the ids that are in no catalogue.

    Nothing here looks at the rest of the catalogue.
    """
    unknown: tuple[str, ...] = ()
    found = catalogue.rows_of((*request.candidates, *request.excluded, *request.blocked))
    rows, ruled_out = np.sort(found[: len(request.candidates)]), found[len(request.candidates) :]
    if rows[0] < 0:
        row_of = catalogue.row_of
        unknown = tuple(dict.fromkeys(one for one in request.candidates if one not in row_of))
        rows = rows[rows >= 0]
    keep = np.empty(len(rows), dtype=np.bool_)
    keep[:1] = True
    np.not_equal(rows[1:], rows[:-1], out=keep[1:])  # each once, its first
    if len(ruled_out) and len(rows):
        first = rows.searchsorted(ruled_out)
        keep[first[rows.take(first, mode="clip") == ruled_out]] = False
    keep &= catalogue.launch_days.take(rows) <= day_of(request.event_time)
    if request.filters is not NO_FILTERS:
        keep &= matching_items(catalogue, request.filters).take(rows)
    return rows[keep], unknown


def _refused_rows(catalogue: Catalogue, request: RankingRequest) -> IndexArray:
    """Return the rows that may not be ranked, ascending.

    Not launched, seen, excluded, blocked, or stopped by a filter.
    """
    refused = catalogue.launch_days > day_of(request.event_time)
    row_of = catalogue.row_of
    refused[[row_of[one] for one in request.excluded if one in row_of]] = True
    refused[[row_of[one] for one in request.blocked if one in row_of]] = True
    if request.filters is not NO_FILTERS:
        refused |= ~matching_items(catalogue, request.filters)
    return np.flatnonzero(refused)


def _eligible_mask(catalogue: Catalogue, request: RankingRequest) -> BoolArray:
    mask = np.zeros(len(catalogue.bias), dtype=np.bool_)
    if request.candidates:
        mask[_candidate_rows(catalogue, request)[0]] = True
        return mask
    mask[_refused_rows(catalogue, request)] = True
    return ~mask


def _vector_or_zero(catalogue: Catalogue, member_vector: Float32Array | None) -> Float32Array:
    if member_vector is None:
        return np.zeros(catalogue.matrix.shape[1], np.float32)
    return member_vector


def _count_better(
    catalogue: Catalogue, member_vector: Float32Array | None, *, mask: BoolArray, row: int
) -> int:
    approximate, margin = approximate_scores(
        catalogue.matrix,
        _vector_or_zero(catalogue, member_vector),
        bias=catalogue.bias,
        blocks=catalogue.encoder.blocks,
        largest_row_norm=catalogue.largest_row_norm,
    )
    score = round_scores(score_rows(catalogue, member_vector, np.array([row], np.intp)))[0]
    distance = approximate.astype(np.float64) - float(score)
    surely_better = int(np.count_nonzero((distance > margin) & mask))
    near = np.flatnonzero((np.abs(distance) <= margin) & mask)
    near_scores = round_scores(score_rows(catalogue, member_vector, near))
    ahead = (near_scores > score) | ((near_scores == score) & (near < row))
    return surely_better + int(np.count_nonzero(ahead))


def _fill_slate(
    catalogue: Catalogue,
    request: RankingRequest,
    *,
    rows: IndexArray,
    scores: Float32Array,
    eligible_count: int,
    order: Sequence[int] | None,
) -> tuple[tuple[ShownItem, ...], Arm]:
    limit, rate, first = request.limit, request.explore_rate, request.explore_first
    explored = draw_exploration(
        request.request_id, rate=rate, limit=limit, eligible_count=eligible_count, first=first
    )
    slots = final_slots(
        explored, rate=rate, limit=limit, eligible_count=eligible_count, first=first
    )
    places = [slot.rank - 1 if order is None else order[slot.rank - 1] for slot in slots]
    ids, found = catalogue.ids, zip(rows[places].tolist(), scores[places].tolist(), strict=True)
    shown = tuple(
        ShownItem(ids[row], slot.position, score, slot.propensity)
        for slot, (row, score) in zip(slots, found, strict=True)
    )
    return shown, arm_of(explored)
