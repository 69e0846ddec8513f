"""A small catalogue with known tastes for the tests of diagnosis."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
from recsysops.diagnosis.items_as_served import ServedItem
from recsysops.model.artefact import ModelArtefact, PopularityTerm, pack_artefact, unpack_artefact
from recsysops.model.catalogue import Catalogue, assemble_catalogue
from recsysops.model.delta import pack_delta, unpack_delta
from recsysops.model.encoder import FeatureEncoder
from recsysops.vocabulary import ItemFeatures

GENRES = ("Comedy", "Drama", "Horror")
LANGUAGES = ("en", "fr", "ja")
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def make_items(count: int = 300, seed: int = 0) -> list[ItemFeatures]:
    """Items whose language follows their genre, so that peers know what it should be."""
    rng = np.random.default_rng(seed)
    items = []
    for number in range(count):
        group = number % 3
        odd = rng.random() < 0.1
        items.append(
            ItemFeatures(
                item_id=f"i{number:04d}",
                title=f"t{number}",
                genres=(GENRES[group],),
                year=int(1990 + 5 * group + rng.integers(6)),
                language=LANGUAGES[int(rng.integers(3)) if odd else group],
                price=float(np.round(np.exp(rng.normal(2.2, 0.3)), 2)),
                in_stock=True,
                launch_date=None,
                source=f"supplier-{1 + number % 4}",
                batch="2026-11-19",
                version=1,
            )
        )
    return items


def make_artefact(items: list[ItemFeatures], *, seed: int = 0) -> ModelArtefact:
    """A model over these items with random collaborative columns by group."""
    encoder = FeatureEncoder(GENRES, (1980.0, 1990.0, 2000.0, 2010.0), LANGUAGES, 4)
    rng = np.random.default_rng(seed)
    tastes = rng.normal(size=(3, 4))
    rows = [
        np.concatenate([encoder.encode(item), tastes[n % 3] + rng.normal(0, 0.2, 4)])
        for n, item in enumerate(items)
    ]
    files = pack_artefact(
        manifest={
            "trained_at": NOW.isoformat(),
            "trained_by": "test",
            "data_hash": "0",
            "genres": GENRES,
            "year_knots": encoder.year_knots,
            "languages": LANGUAGES,
            "collaborative_width": 4,
            "popularity": [PopularityTerm(half_life_days=2.0, weight=1.0).model_dump()],
            "popularity_smoothing": 1.0,
        },
        item_ids=np.array([item.item_id for item in items]),
        item_matrix=np.array(rows, dtype=np.float32),
        play_counts=np.ones((len(items), 1)),
    )
    return unpack_artefact(files)


def make_catalogue(artefact: ModelArtefact, items: list[ItemFeatures]) -> Catalogue:
    """The catalogue that serves these items under the model, every row encoded afresh."""
    rows = np.arange(len(items))
    collaborative = artefact.item_matrix[:, artefact.encoder.content_width :]
    vectors = np.array(
        [
            np.concatenate([artefact.encoder.encode(i), collaborative[n]])
            for n, i in enumerate(items)
        ],
        dtype=np.float32,
    )
    delta_id, body = pack_delta(
        as_of=NOW,
        model_id=artefact.model_id,
        half_life_days=(2.0,),
        items=items,
        log_popularity=np.zeros((len(items), 1), np.float32),
        changed_rows=rows,
        changed_vectors=vectors,
    )
    return assemble_catalogue(artefact, unpack_delta(delta_id, body))


def as_served(items: list[ItemFeatures]) -> list[ServedItem]:
    """The rows that the lake would return for these items."""
    return [
        ServedItem(
            item_id=item.item_id,
            genres=frozenset(item.genres),
            year=item.year,
            language=item.language,
            price=item.price,
            in_stock=item.in_stock,
            source=item.source,
            batch=date.fromisoformat(item.batch),
        )
        for item in items
    ]
