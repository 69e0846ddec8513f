"""The linear blend: which decayed views of a member and an item are summed, with what weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsysops.learning.affinity import log_affinity
from recsysops.learning.factors import fold_in
from recsysops.learning.histories import MemberIndex, Queries, sum_histories
from recsysops.learning.item_space import ItemSpace
from recsysops.learning.popularity import log_popularity
from recsysops.model.encoder import COLLABORATIVE
from recsysops.model.interactions import Interactions
from recsysops.model.kernel import Float32Array, Float64Array

ALL_OF_LIFE_DAYS = 3650.0
NIGHTLY_PROFILE_DAYS = (3.0, ALL_OF_LIFE_DAYS)
SESSION_PROFILE_DAYS = (1.0 / 24.0, *NIGHTLY_PROFILE_DAYS)
"""Half-lives of a member's affinities; an hour is of use only if profiles follow every event."""

_FOLD_DAYS = (30.0, ALL_OF_LIFE_DAYS)
_POPULARITY_STEPS = (1.0 / 3.0, 1.0, 7.0)


@dataclass(frozen=True, slots=True)
class BlendTerm:
    """One summand of the score: a block seen at a half-life."""

    block: str
    half_life_days: float

    @property
    def name(self) -> str:
        """Block and half-life, for people."""
        return f"{self.block}@{self.half_life_days:.3g}d"


@dataclass(frozen=True, slots=True)
class BlendShape:
    """Half-lives of popularity, of the content affinities and of the fold-in, all in days."""

    popularity_days: tuple[float, ...]
    profile_days: tuple[float, ...]
    fold_days: tuple[float, ...] = _FOLD_DAYS

    def member_terms(self, space: ItemSpace) -> list[BlendTerm]:
        """Return the terms that speak of a member, in the order of the weights."""
        content = [block.name for block in space.encoder.blocks if block.name != COLLABORATIVE]
        return [
            *(BlendTerm(block, days) for block in content for days in self.profile_days),
            *(BlendTerm(COLLABORATIVE, days) for days in self.fold_days),
        ]


@dataclass(frozen=True, slots=True)
class Blend:
    """A shape with its weights: popularity terms first, then member terms."""

    shape: BlendShape
    weights: Float64Array

    @property
    def popularity_weights(self) -> Float64Array:
        """Weights of the bias, one per popularity half-life."""
        return self.weights[: len(self.shape.popularity_days)]

    @property
    def member_weights(self) -> Float64Array:
        """Weights of the member terms."""
        return self.weights[len(self.shape.popularity_days) :]

    def bias(self, counts: Float64Array) -> Float64Array:
        """Return Σ weight · log popularity, (n_items,), for decayed plays (n_items, terms)."""
        bias: Float64Array = log_popularity(counts) @ self.popularity_weights
        return bias

    def named_weights(self, space: ItemSpace) -> dict[str, float]:
        """Return weight by term name, for manifests and people."""
        names = [BlendTerm("popularity", days).name for days in self.shape.popularity_days]
        names += [term.name for term in self.shape.member_terms(space)]
        return dict(zip(names, self.weights.round(4).tolist(), strict=True))


def shape_around(half_life_days: float, *, profile_days: tuple[float, ...]) -> BlendShape:
    """Return the shape for a data set whose popularity fades with a half-life.

    Three half-lives a factor 3 and 7 apart let the weights say how the fading slows down.
    """
    days = tuple(round(half_life_days * step, 4) for step in _POPULARITY_STEPS)
    return BlendShape(popularity_days=days, profile_days=profile_days)


def view_members(
    rows: Interactions,
    index: MemberIndex,
    queries: Queries,
    *,
    space: ItemSpace,
    shape: BlendShape,
) -> list[Float64Array]:
    """Return one view per member term: (q, width of the term's block), unweighted."""
    affinities = [
        log_affinity(
            sum_histories(rows, index, queries, traits=space.content, half_life_days=days),
            background=space.background,
        )
        for days in shape.profile_days
    ]
    content = [block for block in space.encoder.blocks if block.name != COLLABORATIVE]
    views = [view[:, block.start : block.stop] for block in content for view in affinities]
    folded = [
        fold_in(
            sum_histories(rows, index, queries, traits=space.fold_traits, half_life_days=days),
            factors=space.factors,
        )
        for days in shape.fold_days
    ]
    return [*views, *folded]


def weigh_views(views: Sequence[Float64Array], *, space: ItemSpace, blend: Blend) -> Float32Array:
    """Return member vectors, (q, width) float32: each block is the weighted sum of its views."""
    vectors = np.zeros((len(views[0]), space.encoder.width))
    columns = {block.name: slice(block.start, block.stop) for block in space.encoder.blocks}
    terms = blend.shape.member_terms(space)
    for term, weight, view in zip(terms, blend.member_weights.tolist(), views, strict=True):
        vectors[:, columns[term.block]] += weight * view
    return vectors.astype(np.float32)
