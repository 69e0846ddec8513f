"""The world of real data: MovieLens' catalogue, members and choices, on made-up days.

Real: titles, genres, years, who chose what, how popular things are. Simulated: language, price,
stock, supplier (as everywhere, simulation.attributes), countries, the clock, and that every
member stands for four households with nearly its taste.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from recsysops.model.interactions import Dataset, Interactions
from recsysops.simulation.attributes import LANGUAGES, simulate_attributes
from recsysops.simulation.gauntlet.columns import (
    Columns,
    Floats,
    Rows,
    Vectors,
    as_lists,
    as_texts,
)
from recsysops.simulation.gauntlet.linear_model import encode_content
from recsysops.simulation.gauntlet.world import (
    FIRST_MONDAY,
    N_UPCOMING,
    Vocabulary,
    World,
    launch_items,
    make_members,
)
from recsysops.vocabulary import ItemFeatures, hash_group

N_ITEMS = 4_000
_AMONG = 5_500
"""Items of a world are drawn from so many of the most chosen ones: seeds differ."""
HOUSEHOLDS = 4
_FEWEST_CHOICES = 5
_LATENT_WIDTH = 8
_KNOTS = (1920.0, 1950.0, 1970.0, 1985.0, 1995.0, 2005.0, 2017.0)
_TASTE_SCALE = 4.0
_LATENT_SPREAD = 0.3
_PLAY_LOGIT = -7.0
_HOUSEHOLD_NOISE = 0.1


def make_real_world(dataset: Dataset, seed: int) -> World:
    """Make the world of a data set and a seed: 4,000 of its items, every member four times."""
    rng = np.random.default_rng([seed, 72])
    choices, described = _keep_items(dataset, rng=rng)
    described = simulate_attributes(described, choices, seed=seed, batch=FIRST_MONDAY)
    items = _item_columns(described, choices)
    genres = sorted({genre for names in items["genres"] for genre in names})
    vocabulary = Vocabulary(tuple(genres), _KNOTS, LANGUAGES)
    matrix = _choice_matrix(choices)
    tastes = _content_tastes(matrix, encode_content(items, vocabulary))
    latent_tastes, latent = _factors(matrix, rng=rng)
    count = HOUSEHOLDS * matrix.shape[0]
    members = make_members(count, clusters=1, unknown_share=0.08, rng=rng)
    histories = _histories(choices, repeat=HOUSEHOLDS)
    activity = members["activity"] * np.sqrt(np.diff(histories[0]))
    counts = np.bincount(choices.items, minlength=len(described))
    world = World(
        kind="movielens",
        seed=seed,
        vocabulary=vocabulary,
        items=items,
        members={**members, "activity": activity / activity.sum()},
        tastes=_households(tastes, rng=rng),
        latent_tastes=_households(latent_tastes, rng=rng),
        latent=latent,
        plays=12.0 * counts / counts.mean(),
        histories=histories,
        play_logit=_PLAY_LOGIT,
    )
    launch_items(world)
    return world


def _keep_items(
    dataset: Dataset, *, rng: np.random.Generator
) -> tuple[Interactions, tuple[ItemFeatures, ...]]:
    """Draw items, the least chosen ones last (they launch later), and the choices of them."""
    counts = np.bincount(dataset.interactions.items, minlength=len(dataset.items))
    popular = np.argsort(-counts, kind="stable")[:_AMONG]
    drawn = rng.choice(popular, size=N_ITEMS + N_UPCOMING, replace=False)
    order = drawn[np.argsort(-counts[drawn], kind="stable")]
    place = np.full(len(dataset.items), -1, dtype=np.intp)
    place[order] = np.arange(len(order))
    rows = dataset.interactions.take(place[dataset.interactions.items] >= 0)
    described = tuple(dataset.items[row] for row in order)
    return _renumber(rows, place, described), described


def _renumber(rows: Interactions, place: Rows, described: Sequence[ItemFeatures]) -> Interactions:
    by_member = np.bincount(rows.members, minlength=len(rows.member_ids))
    kept = rows.take(by_member[rows.members] >= _FEWEST_CHOICES)
    names, members = np.unique(kept.members, return_inverse=True)
    return Interactions(
        member_ids=tuple(kept.member_ids[code] for code in names),
        item_ids=tuple(item.item_id for item in described),
        members=members.astype(np.int32),
        items=place[kept.items].astype(np.int32),
        times=kept.times,
        values=kept.values,
    )


def _item_columns(described: Sequence[ItemFeatures], choices: Interactions) -> Columns:
    counts = np.bincount(choices.items, minlength=len(described))
    popularity = np.log1p(counts)
    years = [np.nan if item.year is None else float(item.year) for item in described]
    prices = [np.nan if item.price is None else item.price for item in described]
    return {
        "item_id": as_texts([item.item_id for item in described]),
        "item_group": np.array([hash_group(item.item_id) for item in described]),
        "title": as_texts([item.title for item in described]),
        "genres": as_lists([item.genres for item in described]),
        "year": np.array(years),
        "language": as_texts([item.language for item in described]),
        "price": np.array(prices),
        "in_stock": np.array([bool(item.in_stock) for item in described], dtype=object),
        "source": as_texts([item.source for item in described]),
        "launch_day": np.zeros(len(described), dtype=np.int64),
        "quality": 0.5 * (popularity - popularity.mean()) / popularity.std(),
    }


def _choice_matrix(choices: Interactions) -> csr_array:
    shape = (len(choices.member_ids), len(choices.item_ids))
    ones = np.ones(len(choices))
    return csr_array((ones, (choices.members, choices.items)), shape=shape)


def _content_tastes(matrix: csr_array, content: Vectors) -> Vectors:
    """Return how far the mean content of a member's choices is from everybody's, (m, d)."""
    chosen = np.asarray(matrix.sum(axis=1)).reshape(-1, 1)
    mean = np.asarray(matrix @ content) / (chosen + 10.0)
    everybody = np.asarray(matrix.sum(axis=0)) @ content / matrix.sum()
    tastes: Vectors = (_TASTE_SCALE * (mean - everybody * chosen / (chosen + 10.0))).astype(
        np.float32
    )
    return tastes


def _factors(matrix: csr_array, *, rng: np.random.Generator) -> tuple[Vectors, Vectors]:
    """Return latent factors of members and items from the damped matrix, (m, c) and (n, c)."""
    by_member = np.sqrt(np.asarray(matrix.sum(axis=1)).ravel())
    by_item = np.sqrt(np.maximum(np.asarray(matrix.sum(axis=0)).ravel(), 1.0))
    damped = matrix.multiply(1.0 / by_member[:, None]).multiply(1.0 / by_item[None, :]).tocsr()
    # the first factor is popularity, which the model has as its bias
    left, _, right = svds(damped, k=_LATENT_WIDTH + 1, v0=rng.normal(size=min(matrix.shape)))
    return _spread(left[:, :-1]), _spread(right[:-1].T)


def _spread(factors: Floats) -> Vectors:
    scaled: Vectors = (_LATENT_SPREAD * factors / factors.std(axis=0)).astype(np.float32)
    return np.clip(scaled, -4 * _LATENT_SPREAD, 4 * _LATENT_SPREAD)


def _households(tastes: Vectors, *, rng: np.random.Generator) -> Vectors:
    copies = tastes.repeat(HOUSEHOLDS, axis=0)
    noise = _HOUSEHOLD_NOISE * rng.normal(size=copies.shape)
    noisy: Vectors = (copies + noise).astype(np.float32)
    return noisy


def _histories(choices: Interactions, *, repeat: int) -> tuple[Rows, Rows]:
    """Return each household's real choices as (offsets, item rows)."""
    order = np.argsort(choices.members, kind="stable")
    lengths = np.bincount(choices.members, minlength=len(choices.member_ids))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    items = choices.items[order].astype(np.intp)
    parts = [
        items[starts[member] : starts[member + 1]]
        for member in range(len(lengths))
        for _ in range(repeat)
    ]
    offsets = np.concatenate([[0], np.cumsum(lengths.repeat(repeat))])
    return offsets, np.concatenate(parts)
