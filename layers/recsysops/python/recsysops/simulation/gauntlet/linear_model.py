"""The model that a world's members are served with: real linear blocks over raw features.

score = Σ_blocks member vector · item vector + popularity. Content is encoded from the features
as delivered, so that a mistake upstream moves the ranks as it would in production.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from recsysops.simulation.gauntlet.columns import Column, Columns, Floats, Vectors
from recsysops.simulation.gauntlet.world import Vocabulary, World

BLOCKS = ("genre", "year", "language", "collaborative", "popularity")
POPULARITY_WEIGHT = 0.3
_SHRINKAGE = 0.9
_VECTOR_NOISE = 0.15
_RETRAIN_SHARE = 0.3
"""How much of the noise a retraining draws anew: most of the training rows are the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What training made of a world: a row per member, (m, d + c), and the latent block, (n, c).

    Members without a vector have a row of zeros. version counts trainings. trained_on: the day
    after the last one that it learned from; serves_from: its first day in production. rows_kept:
    by item, (n,), the share of its plays that training saw; None: of every item all.
    """

    model_id: str
    version: int
    trained_on: date
    serves_from: date
    vectors: Vectors
    latent: Vectors
    rows_kept: Floats | None = None


def train_model(world: World, *, version: int, trained_on: date) -> Model:
    """Learn the world's tastes with noise; a later version differs a little from the one before."""
    truth = np.hstack([world.tastes, world.latent_tastes])
    noise = _noise(world, (len(truth), truth.shape[1]), stream=1, version=version)
    vectors = (_SHRINKAGE * truth + _VECTOR_NOISE * noise).astype(np.float32)
    vectors[~world.members["known"]] = 0.0
    latent = world.latent + 0.1 * _noise(world, world.latent.shape, stream=2, version=version)
    launched = world.items["launch_day"] < trained_on.toordinal()
    return Model(
        model_id=f"m-{world.seed}-{version}",
        version=version,
        trained_on=trained_on,
        serves_from=trained_on,
        vectors=vectors,
        latent=np.where(launched[:, None], latent, 0.0).astype(np.float32),
    )


def _noise(world: World, shape: tuple[int, ...], *, stream: int, version: int) -> Floats:
    kept = world.rng(stream, 0).normal(size=shape)
    new = world.rng(stream, version + 1).normal(size=shape)
    mixed: Floats = np.sqrt(1.0 - _RETRAIN_SHARE) * kept + np.sqrt(_RETRAIN_SHARE) * new
    return mixed


def encode_content(items: Columns, vocabulary: Vocabulary) -> Vectors:
    """Return content vectors (n, d), as model.encoder makes them one by one.

    genre: 1/g at each of g known genres; year: weights of the two nearest knots, zeros outside;
    language: one-hot. Missing or unseen values encode to zeros.
    """
    return np.hstack(
        [
            _encode_genres(items["genres"], vocabulary.genres),
            _encode_years(items["year"].astype(np.float64), np.array(vocabulary.year_knots)),
            _encode_languages(items["language"], vocabulary.languages),
        ]
    ).astype(np.float32)


def popularity_bias(plays: Floats) -> Vectors:
    """Return what fresh popularity adds to the score, (n,)."""
    bias: Vectors = (POPULARITY_WEIGHT * np.log1p(plays)).astype(np.float32)
    return bias


def block_edges(world: World) -> list[int]:
    """Return where the blocks of a vector start, the popularity bias apart."""
    widths = (*world.vocabulary.widths, world.latent.shape[1])
    return [0, *np.cumsum(widths).tolist()]


def _encode_genres(genres: Column, known: tuple[str, ...]) -> Floats:
    codes = {name: code for code, name in enumerate(known)}
    weights = np.zeros((len(genres), len(known)))
    pairs = [
        (row, codes[name]) for row, names in enumerate(genres) for name in names if name in codes
    ]
    if pairs:
        rows, columns = np.array(pairs).T
        weights[rows, columns] = 1.0
    scaled: Floats = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    return scaled


def _encode_years(years: Floats, knots: Floats) -> Floats:
    inside = (years >= knots[0]) & (years <= knots[-1])  # NaN is outside
    safe = np.where(inside, years, knots[0])
    left = np.clip(np.searchsorted(knots, safe, side="right") - 1, 0, len(knots) - 2)
    share = (safe - knots[left]) / (knots[left + 1] - knots[left])
    weights = np.zeros((len(years), len(knots)))
    rows = np.flatnonzero(inside)
    weights[rows, left[rows]] = 1.0 - share[rows]
    weights[rows, left[rows] + 1] += share[rows]
    return weights


def _encode_languages(languages: Column, known: tuple[str, ...]) -> Floats:
    return np.stack([(languages == name).astype(np.float64) for name in known], axis=1)
