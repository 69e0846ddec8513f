"""What simulated members like, and how well an item really fits them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsysops.model.kernel import Float64Array
from recsysops.simulation.launch_supply import GENRES, LANGUAGE_SHARES, LANGUAGES
from recsysops.vocabulary import ItemFeatures

LATENT_WIDTH = 8


@dataclass(frozen=True, slots=True)
class Tastes:
    """True tastes of m members: genre (m, 12), language (m, 8), newness (m,), latent (m, 8)."""

    genre: Float64Array
    language: Float64Array
    newness: Float64Array
    latent: Float64Array


def draw_tastes(rng: np.random.Generator, *, members: int) -> Tastes:
    """Draw members: one main language each, most read the first language too."""
    main = rng.choice(len(LANGUAGES), size=members, p=LANGUAGE_SHARES)
    language = rng.normal(0.0, 0.15, (members, len(LANGUAGES)))
    language[:, 0] += rng.uniform(0.0, 1.2, members)
    language[np.arange(members), main] += 2.0
    return Tastes(
        genre=rng.normal(0.0, 1.3, (members, len(GENRES))),
        language=language,
        newness=rng.normal(0.35, 0.35, members),
        latent=rng.normal(0.0, 1.0 / np.sqrt(LATENT_WIDTH), (members, LATENT_WIDTH)),
    )


def true_affinity(
    tastes: Tastes, items: Sequence[ItemFeatures], latents: Float64Array
) -> Float64Array:
    """Return how well true items fit members, (m, n), before popularity."""
    genre = np.zeros((len(items), len(GENRES)))
    language = np.zeros((len(items), len(LANGUAGES)))
    for row, item in enumerate(items):
        columns = [GENRES.index(name) for name in item.genres]
        genre[row, columns] = 1.0 / len(columns)
        language[row, LANGUAGES.index(item.language or LANGUAGES[0])] = 1.0
    years = np.array([item.year or 2000 for item in items], dtype=np.float64)
    affinity: Float64Array = (
        tastes.genre @ genre.T
        + tastes.language @ language.T
        + tastes.newness[:, None] * newness_of(years)[None, :]
        + tastes.latent @ latents.T
    )
    return affinity


def newness_of(years: Float64Array) -> Float64Array:
    """Return how new years feel, about -3 (1940) to 1 (2026)."""
    return np.clip((years - 2010.0) / 16.0, -4.0, 1.5)
