"""Who ranks the next choice best: models compared in true time, each knowing only the past.

Protocol: the last fifth of the rows is tested. Half-life, weights and factors come from the rows
before it. Then time rolls: catalogue and popularity are renewed every midnight, a member's
history and seen filter reach up to the event. Every model ranks the same candidates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np

from recsysops.learning.blend import Blend, view_members, weigh_views
from recsysops.learning.days import Day, walk_days
from recsysops.learning.fit_blend import (
    FittedBlend,
    Report,
    fit_blend,
    profile_queries,
    rank_events,
)
from recsysops.learning.histories import MemberIndex, Queries, index_members, seen_pairs
from recsysops.learning.item_space import ItemSpace, build_item_space
from recsysops.learning.member_bootstrap import Interval, MemberMeans, resample_members
from recsysops.learning.ranks import (
    NOT_RANKED,
    discounted_gains,
    hits,
    rank_targets,
    reciprocal_ranks,
)
from recsysops.learning.table import TrainingTable
from recsysops.model.interactions import Interactions, moment_of
from recsysops.model.kernel import Float64Array, IndexArray

ModelName = Literal[
    "random",
    "popularity",
    "popularity_30_days",
    "popularity_half_life",
    "blend_nightly",
    "blend",
]
MODELS: tuple[ModelName, ...] = get_args(ModelName)
REFERENCE: ModelName = "popularity_30_days"
"""The model to beat: what a team has without any machine learning."""

METRICS = ("hit_at_10", "ndcg_at_10", "mrr")
TEST_SHARE = 0.2
_NEVER_FADES = math.inf
_Scorer = Callable[[Day], Float64Array]


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """One model: means per event with 95 % intervals, and hit@10 against REFERENCE and against
    half-life popularity on the same resampled members."""

    model: ModelName
    hit_at_10: Interval
    ndcg_at_10: Interval
    mrr: Interval
    hit_over_reference: Interval
    hit_minus_reference: Interval
    hit_minus_half_life: Interval


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The comparison with what one must know to judge it.

    unranked_share: events whose item was no candidate for any model (nobody had chosen it by
    midnight): misses for all.
    """

    dataset: str
    seed: int
    split_at: str
    train_rows: int
    test_rows: int
    test_members: int
    members_known_at_split: int
    unranked_share: float
    half_life_days: float
    weights: dict[str, float]
    rows: tuple[LeaderboardRow, ...]

    def as_document(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RankedEvents:
    """Rank of every tested event's item under every model; event e is row `cut` + e."""

    cut: int
    ranks: dict[ModelName, IndexArray]
    live: FittedBlend
    space: ItemSpace


def compare_models(
    table: TrainingTable, *, dataset: str, seed: int, report: Report = lambda _: None
) -> Leaderboard:
    """Fit on the first four fifths of the rows, roll through the last fifth, compare."""
    ranked = rank_models(table, seed=seed, report=report)
    report("resampling members")
    return _summarise(table, ranked, dataset=dataset, seed=seed)


def rank_models(
    table: TrainingTable, *, seed: int, report: Report = lambda _: None
) -> RankedEvents:
    """Return the ranks of the last fifth of the rows, each from what was known before it."""
    cut = int(len(table.rows) * (1.0 - TEST_SHARE))
    events = np.arange(cut, len(table.rows))
    train, index = table.first_rows(cut), index_members(table.rows)
    space = build_item_space(train, seed=seed)
    nightly = fit_blend(train, seed=seed, follows_events=False, report=report)
    live = fit_blend(train, seed=seed, follows_events=True, report=report)
    report("ranking by popularity")
    ranks: dict[ModelName, IndexArray] = _rank_by_popularity(
        table.rows, index, events=events, half_life_days=live.half_life_days, seed=seed
    )
    blends: tuple[tuple[ModelName, FittedBlend, bool], ...] = (
        ("blend_nightly", nightly, False),
        ("blend", live, True),
    )
    for name, fitted, follows in blends:
        report(f"ranking by {name}")
        ranks[name] = _rank_by_blend(
            table.rows, index, events=events, space=space, fitted=fitted, follows_events=follows
        )
    return RankedEvents(cut=cut, ranks=ranks, live=live, space=space)


def _rank_by_popularity(
    rows: Interactions,
    index: MemberIndex,
    *,
    events: IndexArray,
    half_life_days: float,
    seed: int,
) -> dict[ModelName, IndexArray]:
    rng = np.random.default_rng([seed, 30])
    scorers: dict[ModelName, _Scorer] = {
        "random": lambda day: rng.random(len(day.known)),
        "popularity": lambda day: day.counts[:, 1],
        "popularity_30_days": lambda day: day.recent.astype(np.float64),
        "popularity_half_life": lambda day: day.counts[:, 0],
    }
    ranks = {name: np.empty(len(events), dtype=np.intp) for name in scorers}
    for day in walk_days(rows, events=events, half_life_days=(half_life_days, _NEVER_FADES)):
        targets = rows.items[day.events].astype(np.intp)
        seen = seen_pairs(rows, index, Queries(rows.members[day.events], rows.times[day.events]))
        for name, score in scorers.items():
            scores = np.where(day.known, score(day), -np.inf)
            ranks[name][day.events - events[0]] = rank_targets(scores, targets=targets, seen=seen)
    return ranks


def _rank_by_blend(
    rows: Interactions,
    index: MemberIndex,
    *,
    events: IndexArray,
    space: ItemSpace,
    fitted: FittedBlend,
    follows_events: bool,
) -> IndexArray:
    blend: Blend = fitted.blend
    queries = profile_queries(rows, events, follows_events=follows_events)
    views = view_members(rows, index, queries, space=space, shape=blend.shape)
    vectors = weigh_views(views, space=space, blend=blend)
    return rank_events(rows, index, events=events, vectors=vectors, space=space, blend=blend)


def _summarise(
    table: TrainingTable, ranked: RankedEvents, *, dataset: str, seed: int
) -> Leaderboard:
    cut, ranks = ranked.cut, ranked.ranks
    tested = table.rows.members[cut:]
    columns = [
        measure(ranks[name])
        for name in MODELS
        for measure in (hits, discounted_gains, reciprocal_ranks)
    ]
    means = resample_members(
        np.stack(columns, axis=1), tested, rng=np.random.default_rng([seed, 31])
    )
    return Leaderboard(
        dataset=dataset,
        seed=seed,
        split_at=moment_of(float(table.rows.times[cut])).isoformat(),
        train_rows=cut,
        test_rows=len(tested),
        test_members=len(np.unique(tested)),
        members_known_at_split=len(np.intersect1d(tested, table.rows.members[:cut])),
        unranked_share=float((ranks["popularity"] == NOT_RANKED).mean()),
        half_life_days=ranked.live.half_life_days,
        weights=ranked.live.blend.named_weights(ranked.space),
        rows=tuple(_row(name, means) for name in MODELS),
    )


def _row(model: ModelName, means: MemberMeans) -> LeaderboardRow:
    first = len(METRICS) * MODELS.index(model)
    reference = len(METRICS) * MODELS.index(REFERENCE)
    half_life = len(METRICS) * MODELS.index("popularity_half_life")
    return LeaderboardRow(
        model=model,
        hit_at_10=means.interval(first),
        ndcg_at_10=means.interval(first + 1),
        mrr=means.interval(first + 2),
        hit_over_reference=means.ratio(first, reference),
        hit_minus_reference=means.difference(first, reference),
        hit_minus_half_life=means.difference(first, half_life),
    )
