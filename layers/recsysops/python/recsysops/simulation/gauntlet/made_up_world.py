"""The made-up world: items and tastes drawn from a seed, every column simulated."""

from __future__ import annotations

import numpy as np

from recsysops.simulation.gauntlet.columns import Columns, Vectors, as_lists, as_texts
from recsysops.simulation.gauntlet.world import (
    COUNTRIES,
    N_UPCOMING,
    Vocabulary,
    World,
    launch_items,
    make_members,
)
from recsysops.vocabulary import HASH_GROUPS

N_MEMBERS = 2_400
N_ITEMS = 4_000
LATENT_WIDTH = 8
CLUSTERS = 12
SUPPLIERS = ("supplier-1", "supplier-2", "supplier-3", "supplier-4", "supplier-5")
_SUPPLIER_SHARES = (0.3, 0.25, 0.2, 0.15, 0.1)
_GENRES = (
    "Action", "Animation", "Comedy", "Crime", "Documentary", "Drama", "Horror", "Romance",
    "Sci-Fi", "Thriller",
)  # fmt: skip
_GENRE_SHARES = (0.12, 0.06, 0.17, 0.08, 0.07, 0.2, 0.07, 0.09, 0.07, 0.07)
_LANGUAGES = ("de", "en", "fr", "hi", "ja", "es")
_LANGUAGE_SHARES = (0.14, 0.34, 0.15, 0.11, 0.13, 0.13)
_SPOKEN = {"us": "en", "de": "de", "fr": "fr", "jp": "ja", "in": "hi"}
_KNOTS = (1960.0, 1975.0, 1990.0, 2000.0, 2010.0, 2018.0, 2026.0)
_HIT_SHARE = 0.05
_HIT_QUALITY = 2.0


def make_simulated_world(seed: int) -> World:
    """Make the world of a seed: about 4,000 items, 2,400 members, three launches a day."""
    rng = np.random.default_rng([seed, 71])
    vocabulary = Vocabulary(_GENRES, _KNOTS, _LANGUAGES)
    members = make_members(N_MEMBERS, clusters=CLUSTERS, unknown_share=0.08, rng=rng)
    tastes, latent_tastes = _draw_tastes(members, vocabulary, rng=rng)
    items = _draw_items(vocabulary, rng=rng)
    world = World(
        kind="simulated",
        seed=seed,
        vocabulary=vocabulary,
        items=items,
        members=members,
        tastes=tastes,
        latent_tastes=latent_tastes,
        latent=rng.normal(0.0, 0.45, (len(items["item_id"]), LATENT_WIDTH)).astype(np.float32),
        plays=np.exp(rng.normal(2.0, 0.5, len(items["item_id"])) + items["quality"]),
    )
    launch_items(world)
    return world


def _draw_items(vocabulary: Vocabulary, *, rng: np.random.Generator) -> Columns:
    count = N_ITEMS + N_UPCOMING
    quality = rng.normal(0.0, 0.6, count)
    quality[N_ITEMS:] += np.where(rng.random(N_UPCOMING) < _HIT_SHARE, _HIT_QUALITY, 0.0)
    genres = [
        tuple(
            np.array(vocabulary.genres)[
                rng.choice(len(_GENRES), size=how_many, replace=False, p=_GENRE_SHARES)
            ].tolist()
        )
        for how_many in rng.integers(1, 4, size=count)
    ]
    years = np.clip(2026.0 - rng.gamma(1.6, 10.0, count), 1961.0, 2025.0)
    return {
        "item_id": as_texts([f"i-{number:05d}" for number in range(count)]),
        "item_group": rng.integers(HASH_GROUPS, size=count),
        "title": as_texts([f"Title {number}" for number in range(count)]),
        "genres": as_lists(genres),
        "year": np.floor(years),
        "language": as_texts(_LANGUAGES)[rng.choice(6, size=count, p=_LANGUAGE_SHARES)],
        "price": np.round(np.exp(rng.normal(np.log(9.0), 0.35, count)), 2),
        "in_stock": (rng.random(count) < 0.95).astype(object),
        "source": as_texts(SUPPLIERS)[rng.choice(5, size=count, p=_SUPPLIER_SHARES)],
        "launch_day": np.zeros(count, dtype=np.int64),
        "quality": quality,
    }


def _draw_tastes(
    members: Columns, vocabulary: Vocabulary, *, rng: np.random.Generator
) -> tuple[Vectors, Vectors]:
    """Draw tastes around those of the member's cluster; the own language is liked most."""
    count, cluster = len(members["group"]), members["cluster"]
    genre_width, year_width, language_width = vocabulary.widths
    spread = np.repeat([0.8, 0.45, 0.3], [genre_width, year_width, language_width])
    content = spread * (
        0.8 * rng.normal(size=(CLUSTERS, len(spread)))[cluster]
        + 0.6 * rng.normal(size=(count, len(spread)))
    )
    for country in COUNTRIES:
        own = genre_width + year_width + vocabulary.languages.index(_SPOKEN[country])
        content[members["country"] == country, own] += 1.1
    latent = 0.45 * (
        0.8 * rng.normal(size=(CLUSTERS, LATENT_WIDTH))[cluster]
        + 0.6 * rng.normal(size=(count, LATENT_WIDTH))
    )
    return content.astype(np.float32), latent.astype(np.float32)
