"""Fitting everything that is fitted on earlier rows only: half-life, vocabularies, weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from recsysops.learning.blend import (
    NIGHTLY_PROFILE_DAYS,
    SESSION_PROFILE_DAYS,
    Blend,
    shape_around,
    view_members,
    weigh_views,
)
from recsysops.learning.days import walk_days
from recsysops.learning.histories import MemberIndex, Queries, index_members, seen_pairs
from recsysops.learning.item_space import ItemSpace, build_item_space
from recsysops.learning.popularity import fit_half_life
from recsysops.learning.ranks import discounted_gains, hits, rank_targets
from recsysops.learning.table import TrainingTable
from recsysops.learning.weights import collect_choices, fit_content_first, starting_blend
from recsysops.model.interactions import SECONDS_PER_DAY, Interactions
from recsysops.model.kernel import Float32Array, IndexArray

VALIDATION_SHARE = 0.15
_MOST_EVENTS = 3000
_EVENTS_AT_ONCE = 512

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FittedBlend:
    """A blend with the half-life it is built around and how it did on the validation slice."""

    blend: Blend
    half_life_days: float
    metrics: dict[str, float]


def fit_blend(
    table: TrainingTable, *, seed: int, follows_events: bool, report: Report = lambda _: None
) -> FittedBlend:
    """Fit half-life and weights on the last 15 % of the table's rows, the rest being history.

    follows_events: member profiles are renewed at every event (a session counts), else nightly.
    """
    rows, index = table.rows, index_members(table.rows)
    cut = int(len(rows) * (1.0 - VALIDATION_SHARE))
    events = np.unique(np.linspace(cut, len(rows) - 1, _MOST_EVENTS).astype(np.intp))
    report("fitting the half-life of popularity")
    half_life, _ = fit_half_life(rows, index, events=events)
    report("factorising earlier rows")
    space = build_item_space(table.first_rows(max(1, cut)), seed=seed)
    profile_days = SESSION_PROFILE_DAYS if follows_events else NIGHTLY_PROFILE_DAYS
    shape = shape_around(half_life, profile_days=profile_days)
    queries = profile_queries(rows, events, follows_events=follows_events)
    views = view_members(rows, index, queries, space=space, shape=shape)
    report("fitting the weights of the blend")
    choices = collect_choices(rows, index, events=events, views=views, space=space, shape=shape)
    blend = fit_content_first(choices, start=starting_blend(shape, space), space=space)
    vectors = weigh_views(views, space=space, blend=blend)
    ranks = rank_events(rows, index, events=events, vectors=vectors, space=space, blend=blend)
    metrics = {
        "validation_events": float(len(events)),
        "validation_hit_at_10": float(hits(ranks).mean()),
        "validation_ndcg_at_10": float(discounted_gains(ranks).mean()),
        "popularity_half_life_days": half_life,
    }
    return FittedBlend(blend, half_life, metrics)


def profile_queries(rows: Interactions, events: IndexArray, *, follows_events: bool) -> Queries:
    """Return whose profile is asked for and as of when: the event itself, or its midnight."""
    times = rows.times[events]
    if not follows_events:
        times = np.floor(times / SECONDS_PER_DAY) * SECONDS_PER_DAY
    return Queries(rows.members[events], times)


def rank_events(
    rows: Interactions,
    index: MemberIndex,
    *,
    events: IndexArray,
    vectors: Float32Array,
    space: ItemSpace,
    blend: Blend,
) -> IndexArray:
    """Return the rank of each event's item under the blend, (len(events),).

    Candidates and popularity are those of the event's midnight, the seen filter of the event.
    """
    ranks = np.empty(len(events), dtype=np.intp)
    matrix = space.matrix
    for day in walk_days(rows, events=events, half_life_days=blend.shape.popularity_days):
        bias = np.where(day.known, blend.bias(day.counts), -np.inf).astype(np.float32)
        for start in range(0, len(day.events), _EVENTS_AT_ONCE):
            asked = day.events[start : start + _EVENTS_AT_ONCE]
            place = np.searchsorted(events, asked)
            queries = Queries(rows.members[asked], rows.times[asked])
            ranks[place] = rank_targets(
                vectors[place] @ matrix.T + bias,
                targets=rows.items[asked].astype(np.intp),
                seen=seen_pairs(rows, index, queries),
            )
    return ranks
