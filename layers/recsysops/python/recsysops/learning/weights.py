"""Fitting the blend: which weights make what was chosen stand out among the day's popular items.

Conditional logit (McFadden, 1974) on the head of the catalogue: an event counts when its item is
among the day's most popular ones, against the other ones its member had not seen. The choice set
does not depend on what is fitted, so nothing is sampled and the fit is deterministic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from recsysops.learning.blend import Blend, BlendShape
from recsysops.learning.days import Day, walk_days
from recsysops.learning.histories import MemberIndex, Queries, seen_pairs
from recsysops.learning.item_space import ItemSpace
from recsysops.learning.popularity import log_popularity
from recsysops.model.encoder import COLLABORATIVE
from recsysops.model.interactions import Interactions
from recsysops.model.kernel import Float64Array, IndexArray

HEAD = 200
_RIDGE = 1e-3
_FEWEST_EVENTS = 50


@dataclass(frozen=True, slots=True)
class ChoiceSets:
    """features: (e, HEAD, terms); open_: (e, HEAD) may be chosen; chosen: (e,) columns."""

    features: Float64Array
    open_: NDArray[np.bool_]
    chosen: IndexArray


def fit_content_first(choices: ChoiceSets, *, start: Blend, space: ItemSpace) -> Blend:
    """Return the blend whose content weights were fitted before the collaborative ones.

    An unlaunched item lives by its content alone, so content must explain all it can; the
    collaborative block then adds what is left, while content weights stay as they are. With
    fewer than 50 events the start is kept: too little to learn from.
    """
    if len(choices.chosen) < _FEWEST_EVENTS:
        return start
    terms = start.shape.member_terms(space)
    popularity = np.ones(len(start.shape.popularity_days), dtype=np.bool_)
    collaborative = np.array([term.block == COLLABORATIVE for term in terms])
    content_first = np.where(np.concatenate([~popularity, collaborative]), 0.0, start.weights)
    weights = fit_weights(
        choices, start=content_first, free=np.concatenate([popularity, ~collaborative])
    )
    weights = fit_weights(choices, start=weights, free=np.concatenate([popularity, collaborative]))
    return Blend(start.shape, weights)


def fit_weights(
    choices: ChoiceSets, *, start: Float64Array, free: NDArray[np.bool_]
) -> Float64Array:
    """Return the weights of highest penalised likelihood, (terms,); only `free` ones move."""
    fixed = choices.features[:, :, ~free] @ start[~free]
    offsets = np.where(choices.open_, fixed, -np.inf)
    features = np.ascontiguousarray(choices.features[:, :, free])
    events = np.arange(len(choices.chosen))
    taken = features[events, choices.chosen].mean(axis=0)

    def loss(weights: Float64Array) -> tuple[float, Float64Array]:
        utility = features @ weights + offsets
        utility -= utility.max(axis=1, keepdims=True)
        odds = np.exp(utility)
        total = odds.sum(axis=1)
        likelihood = float((utility[events, choices.chosen] - np.log(total)).mean())
        expected = np.einsum("es,est->t", odds / total[:, None], features) / len(events)
        return (
            _RIDGE * float(weights @ weights) - likelihood,
            2.0 * _RIDGE * weights - taken + expected,
        )

    fitted = start.copy()
    fitted[free] = minimize(loss, start[free], jac=True, method="L-BFGS-B").x
    return fitted


def starting_blend(shape: BlendShape, space: ItemSpace) -> Blend:
    """Return popularity at its fitted half-life with mild affinities: the fit starts here."""
    popularity = np.zeros(len(shape.popularity_days))
    popularity[len(popularity) // 2] = 1.0
    return Blend(shape, np.concatenate([popularity, np.full(len(shape.member_terms(space)), 0.2)]))


def collect_choices(
    rows: Interactions,
    index: MemberIndex,
    *,
    events: IndexArray,
    views: Sequence[Float64Array],
    space: ItemSpace,
    shape: BlendShape,
) -> ChoiceSets:
    """Return the choice sets of the events whose item is in the day's head.

    views: per member term, (len(events), width); see `blend.view_members`.
    """
    parts = [
        _one_day(rows, index, day, views=views, place=np.searchsorted(events, day.events),
                 space=space, shape=shape)
        for day in walk_days(rows, events=events, half_life_days=shape.popularity_days)
    ]  # fmt: skip
    return ChoiceSets(
        features=np.concatenate([part.features for part in parts]),
        open_=np.concatenate([part.open_ for part in parts]),
        chosen=np.concatenate([part.chosen for part in parts]),
    )


def _one_day(
    rows: Interactions,
    index: MemberIndex,
    day: Day,
    *,
    views: Sequence[Float64Array],
    place: IndexArray,
    space: ItemSpace,
    shape: BlendShape,
) -> ChoiceSets:
    head = _head_of(day, column=len(shape.popularity_days) // 2)
    column_of = np.full(len(rows.item_ids), -1, dtype=np.intp)
    column_of[head] = np.arange(len(head))
    chosen = column_of[rows.items[day.events]]
    kept = chosen >= 0
    events, place, chosen = day.events[kept], place[kept], chosen[kept]
    features = np.empty((len(events), len(head), len(shape.popularity_days) + len(views)))
    features[:, :, : len(shape.popularity_days)] = log_popularity(day.counts[head])
    columns = {block.name: slice(block.start, block.stop) for block in space.encoder.blocks}
    traits = np.hstack([space.content[head], space.factors[head]])
    for number, (term, view) in enumerate(
        zip(shape.member_terms(space), views, strict=True), start=len(shape.popularity_days)
    ):
        features[:, :, number] = view[place] @ traits[:, columns[term.block]].T
    open_ = np.broadcast_to(day.known[head], (len(events), len(head))).copy()
    query, item = seen_pairs(rows, index, Queries(rows.members[events], rows.times[events]))
    in_head = column_of[item] >= 0
    open_[query[in_head], column_of[item[in_head]]] = False
    open_[np.arange(len(events)), chosen] = True
    return ChoiceSets(features, open_, chosen)


def _head_of(day: Day, *, column: int) -> IndexArray:
    # always HEAD wide (or the whole catalogue), so that the days' arrays can be joined
    return np.argsort(-day.counts[:, column], kind="stable")[:HEAD]
