"""A seeded world of members, items and clicks in which the value of every slate is known.

Members click by a position-based model: P(click) = examination(slot) · relevance(member, item).
Nothing here is what the estimators assume exactly: the examination curve is a power law bent at
random, relevance carries item and member effects no model sees, and members differ in how much
they click. One language of the catalogue is misconfigured, as in the story of the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsysops.model.catalogue import Catalogue
from recsysops.model.encoder import FeatureEncoder
from recsysops.model.kernel import Float32Array, Float64Array
from recsysops.model.packing import owner_digest
from recsysops.vocabulary import ItemFeatures

LANGUAGES = ("en", "fr", "ja", "hi", "es")
GENRES = ("Action", "Comedy", "Crime", "Drama", "Horror", "Romance")
YEAR_KNOTS = (1970.0, 1985.0, 2000.0, 2015.0)
COLLABORATIVE_WIDTH = 6
_LANGUAGE_SHARES = (0.5, 0.14, 0.12, 0.12, 0.12)


@dataclass(frozen=True, slots=True, eq=False)
class ClickWorld:
    """Everything there is to know about one simulated service.

    healthy: the catalogue as items truly are; broken: as served, the language of `wrong_items`
    misconfigured; older: another training over the broken items, with `older_vectors`.
    vectors: (m, d) float32. excluded: item ids each member has seen. activity: (m,) share of the
    requests, sums to 1. relevance: (m, n) P(click | examined). examination: (limit,).
    """

    healthy: Catalogue
    broken: Catalogue
    older: Catalogue
    members: tuple[str, ...]
    vectors: Float32Array
    older_vectors: Float32Array
    excluded: tuple[tuple[str, ...], ...]
    activity: Float64Array
    relevance: Float64Array
    examination: Float64Array
    wrong_items: tuple[str, ...]


def build_click_world(
    seed: int, *, member_count: int = 800, item_count: int = 400, limit: int = 10
) -> ClickWorld:
    """Build a world from its seed alone."""
    rng = np.random.default_rng(seed)
    items = _draw_items(rng, item_count)
    taste = _draw_tastes(rng, member_count)
    healthy = _catalogue(items, rng, model_id=f"m-sim-{seed}")
    wrong = _wrong_items(items, rng)
    broken = misconfigure_language(healthy, dict.fromkeys(wrong, _other_language(items, wrong)))
    older = replace(
        broken,
        model_id=f"m-sim-{seed}-older",
        owner=owner_digest(f"m-sim-{seed}-older", healthy.encoder.schema_hash),
    )
    return ClickWorld(
        healthy=healthy,
        broken=broken,
        older=older,
        members=tuple(f"{number:016x}" for number in range(member_count)),
        vectors=_noisy(taste, rng, scale=0.15),
        older_vectors=_noisy(taste, rng, scale=0.3),
        excluded=_draw_excluded(rng, healthy, member_count),
        activity=_shares(rng.lognormal(0.0, 0.7, member_count)),
        relevance=_draw_relevance(rng, healthy, taste),
        examination=_draw_examination(rng, limit),
        wrong_items=wrong,
    )


def draw_clicks(
    world: ClickWorld, members: NDArray[np.intp], shown: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw clicks for slates: member rows (n,), item rows (n, limit) → (n, limit)."""
    chances = world.relevance[members[:, None], shown] * world.examination[: shown.shape[1]]
    return np.asarray(rng.random(shown.shape) < chances)


def expected_clicks(world: ClickWorld, exposure: Float64Array) -> float:
    """Return true clicks per request, given P(examined) of every item, (m, n), per member."""
    return float(world.activity @ (exposure * world.relevance).sum(axis=1))


def misconfigure_language(catalogue: Catalogue, languages: dict[str, str]) -> Catalogue:
    """Return the catalogue as an upstream job that sets these languages would make it."""
    items = list(catalogue.items)
    matrix = catalogue.matrix.copy()
    width = catalogue.encoder.content_width
    for item_id, language in languages.items():
        row = catalogue.row_of[item_id]
        items[row] = replace(items[row], language=language, version=items[row].version + 1)
        matrix[row, :width] = catalogue.encoder.encode(items[row])
    return replace(catalogue, items=tuple(items), matrix=matrix)


def _draw_items(rng: np.random.Generator, count: int) -> tuple[ItemFeatures, ...]:
    ids = sorted(f"i{number}" for number in range(count))
    return tuple(
        ItemFeatures(
            item_id=item_id,
            title=f"Simulated title {item_id}",
            genres=tuple(rng.choice(GENRES, size=rng.integers(1, 4), replace=False).tolist()),
            year=int(rng.integers(1970, 2016)),
            language=str(rng.choice(LANGUAGES, p=_LANGUAGE_SHARES)),
            price=None,
            in_stock=True,
            launch_date=None,
            source="supplier-1",
            batch="2026-01-01",
            version=1,
            simulated=("title", "genres", "year", "language"),
        )
        for item_id in ids
    )


def _catalogue(
    items: tuple[ItemFeatures, ...], rng: np.random.Generator, *, model_id: str
) -> Catalogue:
    encoder = FeatureEncoder(GENRES, YEAR_KNOTS, LANGUAGES, COLLABORATIVE_WIDTH)
    content = np.stack([encoder.encode(item) for item in items])
    latent = rng.normal(0.0, 0.5, (len(items), COLLABORATIVE_WIDTH)).astype(np.float32)
    matrix = np.hstack([content, latent])
    return Catalogue(
        model_id=model_id,
        delta_id=f"d-{model_id}",
        owner=owner_digest(model_id, encoder.schema_hash),
        encoder=encoder,
        items=items,
        row_of={item.item_id: row for row, item in enumerate(items)},
        matrix=matrix,
        bias=rng.normal(0.0, 1.0, len(items)).astype(np.float32),
        launch_days=np.full(len(items), -(2**31), dtype=np.int64),
        largest_row_norm=float(np.linalg.norm(matrix, axis=1).max()),
    )


def _draw_tastes(rng: np.random.Generator, count: int) -> Float32Array:
    """Draw true affinities, (count, d): genre, year, language (one strong), collaborative."""
    genre = rng.normal(0.0, 0.7, (count, len(GENRES)))
    year = rng.normal(0.0, 0.4, (count, len(YEAR_KNOTS)))
    language = rng.normal(0.0, 0.3, (count, len(LANGUAGES)))
    own = rng.choice(len(LANGUAGES), size=count, p=_LANGUAGE_SHARES)
    language[np.arange(count), own] += 1.2
    latent = rng.normal(0.0, 0.5, (count, COLLABORATIVE_WIDTH))
    return np.hstack([genre, year, language, latent]).astype(np.float32)


def _noisy(taste: Float32Array, rng: np.random.Generator, *, scale: float) -> Float32Array:
    return taste + rng.normal(0.0, scale, taste.shape).astype(np.float32)


def _draw_excluded(
    rng: np.random.Generator, catalogue: Catalogue, count: int
) -> tuple[tuple[str, ...], ...]:
    ids = np.array(catalogue.item_ids)
    return tuple(
        tuple(rng.choice(ids, size=rng.integers(0, 15), replace=False).tolist())
        for _ in range(count)
    )


def _draw_relevance(
    rng: np.random.Generator, catalogue: Catalogue, taste: Float32Array
) -> Float64Array:
    """Draw P(click | examined): true taste for the true items, and what no model sees."""
    utility = taste.astype(np.float64) @ catalogue.matrix.astype(np.float64).T + catalogue.bias
    utility += rng.normal(0.0, 0.4, len(catalogue.items))
    utility += rng.normal(0.0, 0.5, utility.shape)
    utility += rng.normal(0.0, 0.5, (len(taste), 1))
    relevance: Float64Array = 1.0 / (1.0 + np.exp(5.0 - utility))
    return relevance


def _draw_examination(rng: np.random.Generator, limit: int) -> Float64Array:
    """Draw a falling curve that starts at 1: a power law, each slot bent by about 8 %."""
    curve = np.arange(1, limit + 1) ** -rng.uniform(0.4, 1.0) * rng.lognormal(0.0, 0.08, limit)
    falling: Float64Array = np.minimum.accumulate(curve / curve[0])
    return falling


def _wrong_items(items: tuple[ItemFeatures, ...], rng: np.random.Generator) -> tuple[str, ...]:
    """Pick one language that is not the most common; all its items go wrong."""
    language = rng.choice(LANGUAGES[1:])
    return tuple(item.item_id for item in items if item.language == language)


def _other_language(items: tuple[ItemFeatures, ...], wrong: tuple[str, ...]) -> str:
    true = next(item.language for item in items if item.item_id == wrong[0])
    return next(language for language in LANGUAGES if language != true)


def _shares(weights: Float64Array) -> Float64Array:
    return np.asarray(weights / weights.sum(), dtype=np.float64)
