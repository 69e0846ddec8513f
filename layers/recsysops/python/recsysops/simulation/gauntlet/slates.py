"""How the world's model ranks: shortlists by member, slates by request, exploration on top."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.simulation.gauntlet.columns import Column, Columns, Floats, Mask, Rows, Vectors
from recsysops.simulation.gauntlet.world import SURFACES

SLATE = 8
SHORTLIST = 60
_FIRST_EXPLORED = 10
"""Place in the order (0 is best) from which an explored item is drawn."""
_KEPT_BY_SURFACE = {"home": 0.75, "search": 0.5, "item": 0.5}
"""Share of a member's best items that a request may show: not seen, and fitting what was asked."""
_STRETCH = 16
"""Items of which the best stands for all, when a bound of the shortlist is looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Slates:
    """What a day's requests were shown; item numbers are rows of the served items.

    scores: (a, n) of the a active members, -inf where an item is not eligible; active: (r,) rows
    of it by request; order: (r, SHORTLIST) items by request, best first; kept: (r,) how many of
    them fit the request; shown, shown_scores, propensities: (r, SLATE); explored: (r,).
    """

    scores: Vectors
    active: Rows
    order: Rows
    kept: Rows
    shown: Rows
    shown_scores: Floats
    propensities: Floats
    explored: Mask
    eligible_count: int


def score_members(member_vectors: Vectors, item_vectors: Vectors, bias: Vectors) -> Vectors:
    """Return scores (a, n)."""
    scores: Vectors = member_vectors @ item_vectors.T
    scores += bias  # in place: a day's scores are 40 MB
    return scores


def rank_requests(
    scores: Vectors,
    *,
    active: Rows,
    requests: Columns,
    eligible: Mask,
    explore_rate: float,
    explore_drawn: float,
    rng: np.random.Generator,
) -> Slates:
    """Rank every request's items and explore one slot of some slates.

    explore_drawn: share of the planned exploration that happens; propensities are as planned.
    """
    scores[:, ~eligible] = -np.inf
    shortlist = _best_rows(scores, SHORTLIST)
    fits = rng.random((len(active), SHORTLIST)) < _kept_shares(requests["surface"])[:, None]
    fits[:, :SLATE] |= fits.sum(axis=1, keepdims=True) < SLATE  # never fewer than a slate
    places = np.argsort(~fits, axis=1, kind="stable")
    order = shortlist[active[:, None], places]
    kept = np.maximum(fits.sum(axis=1), SLATE)
    shown = order[:, :SLATE].copy()
    explored, propensities = _explore(
        shown, order, kept=kept, rate=explore_rate, drawn=explore_drawn, rng=rng
    )
    return Slates(
        scores=scores,
        active=active,
        order=order,
        kept=kept,
        shown=shown,
        shown_scores=scores[active[:, None], shown].astype(np.float64),
        propensities=propensities,
        explored=explored,
        eligible_count=int(eligible.sum()),
    )


def _kept_shares(surface: Column) -> Floats:
    shares = np.full(len(surface), _KEPT_BY_SURFACE[SURFACES[0]])
    for name, share in _KEPT_BY_SURFACE.items():
        shares[surface == name] = share
    return shares


def _best_rows(scores: Vectors, count: int) -> Rows:
    """Return the `count` best columns of every row, best first, equal scores by column.

    NaN counts as best: what a broken model answers is shown.
    """
    rows, columns = _candidates(scores, count)
    place = _places_within(rows, len(scores))
    width = int(place.max(initial=count - 1)) + 1
    found = np.full((len(scores), width), -np.inf, dtype=scores.dtype)
    best = np.zeros((len(scores), width), dtype=np.intp)
    found[rows, place], best[rows, place] = scores[rows, columns], columns
    found[np.isnan(found)] = np.inf
    order = np.argsort(-found, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(best, order, axis=1)


def _candidates(scores: Vectors, count: int) -> tuple[Rows, Rows]:
    """Return (rows, columns) that hold the `count` best of every row and a few more, in order.

    The count-th best of the bests of many stretches is no better than the count-th best of all:
    a quarter of what partitioning whole rows costs.
    """
    n_columns = scores.shape[1]
    stretches = max(n_columns // _STRETCH, min(n_columns, count))
    tested = scores[:, : n_columns // stretches * stretches]
    bests = tested.reshape(len(scores), -1, stretches).max(axis=1)
    bound = np.partition(bests, stretches - count, axis=1)[:, stretches - count]
    # NaN is no less than any bound, nor any score than a bound of NaN
    rows, columns = np.divmod(np.flatnonzero(~(scores < bound[:, None])), n_columns)
    return rows, columns


def _places_within(rows: Rows, count: int) -> Rows:
    """Return the place of every entry among those of its row; rows ascend."""
    held = np.bincount(rows, minlength=count)
    places: Rows = np.arange(len(rows)) - np.repeat(np.cumsum(held) - held, held)
    return places


def _explore(
    shown: Rows,
    order: Rows,
    *,
    kept: Rows,
    rate: float,
    drawn: float,
    rng: np.random.Generator,
) -> tuple[Mask, Floats]:
    """Put a uniform item of the later ranks into a uniform slot of some slates, in place.

    Propensities are marginal over the draw: 1 - rate/slots for the greedy item of a slot,
    rate/(slots · ranks) for an explored one.
    """
    count = len(shown)
    ranks = np.maximum(kept - _FIRST_EXPLORED, 0)
    explored = (rng.random(count) < rate * drawn) & (ranks > 0)
    slot = rng.integers(SLATE, size=count)
    place = _FIRST_EXPLORED + (rng.random(count) * ranks).astype(np.intp)
    propensities = np.where(ranks > 0, 1.0 - rate / SLATE, 1.0)[:, None].repeat(SLATE, axis=1)
    rows = np.flatnonzero(explored)
    shown[rows, slot[rows]] = order[rows, place[rows]]
    propensities[rows, slot[rows]] = rate / (SLATE * ranks[rows])
    return explored, propensities
