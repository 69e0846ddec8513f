"""How the simulated models see members and items, and how recipes change at every upgrade.

Assumed, not measured: models are not fitted but drawn as noisy views of the true tastes. An
upgrade changes block weights, popularity terms, year knots and known languages, rotates the
collaborative space and re-learns every vector; the candidate is registered two weeks before,
and what goes live is the candidate's recipe re-learned on newer data, so they are alike, not equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from recsysops.model.artefact import (
    Manifest,
    ModelArtefact,
    PopularityTerm,
    encoder_of,
    pack_artefact,
    unpack_artefact,
)
from recsysops.model.kernel import Float32Array, Float64Array
from recsysops.simulation.launch_market import HALF_LIFE_DAYS
from recsysops.simulation.launch_supply import GENRES, LANGUAGES
from recsysops.simulation.launch_tastes import LATENT_WIDTH, Tastes, newness_of
from recsysops.vocabulary import ItemFeatures

SMOOTHING = 5.0
KNOT_CHOICES = (
    (1920.0, 1970.0, 1990.0, 2005.0, 2015.0, 2022.0, 2028.0),
    (1900.0, 1960.0, 1985.0, 2000.0, 2018.0, 2024.0, 2030.0),
    (1920.0, 1980.0, 2010.0, 2020.0, 2030.0),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an upgrade changes."""

    block_weights: tuple[float, float, float, float]
    popularity: tuple[tuple[float, float], ...]
    year_knots: tuple[float, ...]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """An artefact with the panel's member vectors for it, (m, d) float32."""

    artefact: ModelArtefact
    panel: Float32Array


def draw_recipe(rng: np.random.Generator, previous: Recipe | None) -> Recipe:
    """Draw the next recipe: weights move by about a fifth, terms and knots may change."""
    if previous is None:
        return Recipe((1.0, 0.8, 1.0, 0.5), ((7.0, 0.5), (28.0, 0.2)), KNOT_CHOICES[0], LANGUAGES)
    weights = np.array(previous.block_weights) * rng.lognormal(0.0, 0.2, 4)
    moved = replace(
        previous,
        block_weights=tuple(np.clip(weights, 0.3, 2.0).tolist()),
        year_knots=KNOT_CHOICES[int(rng.integers(len(KNOT_CHOICES)))],
        languages=LANGUAGES if rng.random() < 0.7 else LANGUAGES[:-1],
    )
    if rng.random() < 0.6:
        first = int(rng.integers(0, 3))
        lead = float(np.clip(rng.normal(0.5, 0.1), 0.3, 0.65))
        terms = ((HALF_LIFE_DAYS[first], lead), (HALF_LIFE_DAYS[first + 1], 0.7 - lead))
        moved = replace(moved, popularity=terms)
    return moved


def learn_model(
    rng: np.random.Generator,
    recipe: Recipe,
    tastes: Tastes,
    *,
    items: Sequence[ItemFeatures],
    latents: Float64Array,
    plays: Float64Array,
    trained_at: datetime,
    noise_seed: int,
) -> ServedModel:
    """Learn a model: encode content as delivered, see tastes and latents through noise.

    items ascend by id; latents: (n, 8) true; plays: (n,) all plays so far, more of them show
    the latent part better (n / (n + 60)), none leaves the collaborative block zero.
    noise_seed: trainings of one recipe share four fifths of their noise through it.
    """
    base = np.random.default_rng(noise_seed)
    rotation = np.linalg.qr(base.normal(size=(LATENT_WIDTH, LATENT_WIDTH)))[0]
    draft = _manifest_fields(recipe, trained_at)
    encoder = encoder_of(
        Manifest.model_validate({**draft, "model_id": "", "schema_hash": "", "files": {}})
    )
    content = np.stack([encoder.encode(item) for item in items])
    collaborative = _see_latents(rng, latents, plays) @ rotation
    files = pack_artefact(
        manifest=draft,
        item_ids=np.array([item.item_id for item in items]),
        item_matrix=np.hstack([content, collaborative.astype(np.float32)]),
        play_counts=np.repeat(plays[:, None], len(recipe.popularity), axis=1),
    )
    panel = _see_members(rng, base, recipe, tastes, rotation)
    return ServedModel(unpack_artefact(files), panel)


def _manifest_fields(recipe: Recipe, trained_at: datetime) -> dict[str, object]:
    terms = [PopularityTerm(half_life_days=days, weight=w) for days, w in recipe.popularity]
    return {
        "trained_at": trained_at.astimezone(UTC).isoformat(),
        "trained_by": "launch simulator",
        "data_hash": "simulated",
        "genres": GENRES,
        "year_knots": recipe.year_knots,
        "languages": recipe.languages,
        "collaborative_width": LATENT_WIDTH,
        "popularity": terms,
        "popularity_smoothing": SMOOTHING,
    }


def _see_latents(
    rng: np.random.Generator, latents: Float64Array, plays: Float64Array
) -> Float64Array:
    trust = (plays / (plays + 60.0))[:, None]
    seen: Float64Array = trust * (latents + rng.normal(0.0, 0.3, latents.shape))
    return seen


def _see_members(
    rng: np.random.Generator,
    base: np.random.Generator,
    recipe: Recipe,
    tastes: Tastes,
    rotation: NDArray[np.float64],
) -> Float32Array:
    years = newness_of(np.array(recipe.year_knots))
    parts = (
        tastes.genre,
        tastes.newness[:, None] * years[None, :],
        tastes.language[:, : len(recipe.languages)],
        tastes.latent @ rotation,
    )
    columns = []
    for part, weight in zip(parts, recipe.block_weights, strict=True):
        lasting = base.normal(0.0, 0.22, part.shape)
        fresh = rng.normal(0.0, 0.11, part.shape)
        columns.append(weight * (part + lasting + fresh))
    return np.hstack(columns).astype(np.float32)
