"""Knows which items may answer a question for similar ones, and in which order."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from recsysops.model.catalogue import Catalogue
from recsysops.model.encoder import encode_genres, encode_language, encode_year
from recsysops.model.kernel import Float32Array
from recsysops.model.similarity import most_similar, row_norms
from recsysops.serving.filters import NO_FILTERS, AttributeFilters, matching_items
from recsysops.serving.similar_api import QueryFeatures
from recsysops.serving.word_vectors import WordVectors


@dataclass(frozen=True, slots=True, eq=False)
class SimilarityQuery:
    """Every input of one search besides the catalogue; vector: (d,).

    excluded: ids that may not come back: the item itself, what the caller has, what is blocked.
    """

    vector: Float32Array
    event_time: datetime
    limit: int
    excluded: frozenset[str] = frozenset()
    filters: AttributeFilters = NO_FILTERS


class SimilarityIndex:
    """What a search needs of a catalogue besides its vectors, made when first asked for."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.norms = row_norms(catalogue.matrix)
        # a strong reference would keep a superseded matrix in memory
        self._matrix = weakref.ref(catalogue.matrix)
        self._items = catalogue.items

    def fits(self, catalogue: Catalogue) -> bool:
        """Say whether this is the index of a catalogue."""
        return self._matrix() is catalogue.matrix

    @cached_property
    def words(self) -> WordVectors:
        """The default embedder of texts."""
        return WordVectors(self._items)


class SimilarityIndexes:
    """The index of the catalogue asked last: a scorer serves one at a time."""

    def __init__(self) -> None:
        self._newest: SimilarityIndex | None = None

    def of(self, catalogue: Catalogue) -> SimilarityIndex:
        """Return the index of a catalogue, making it when another was asked last."""
        index = self._newest
        if index is None or not index.fits(catalogue):
            index = self._newest = SimilarityIndex(catalogue)
        return index


def find_similar(
    catalogue: Catalogue, query: SimilarityQuery, *, index: SimilarityIndex
) -> list[tuple[str, float]]:
    """Return (item id, cosine) of the most similar launched items that pass the filters.

    Best first, ties by item id; fewer than the limit when fewer qualify.
    """
    allowed = catalogue.launched(query.event_time)
    if query.filters != NO_FILTERS:
        allowed &= matching_items(catalogue, query.filters)
    row_of = catalogue.row_of
    allowed[[row_of[item_id] for item_id in query.excluded if item_id in row_of]] = False
    found = most_similar(
        catalogue.matrix, query.vector, norms=index.norms, refused=~allowed, k=query.limit
    )
    ids = (catalogue.ids[row] for row in found.rows.tolist())
    return list(zip(ids, found.cosines.tolist(), strict=True))


def embed_features(catalogue: Catalogue, features: QueryFeatures) -> Float32Array:
    """Return the vector an item with only these features has, (d,): no history, so no
    collaborative part. Features that the model never met add nothing."""
    encoder = catalogue.encoder
    return np.concatenate(
        [
            encode_genres(features.genres, encoder.genres),
            encode_year(features.year, encoder.year_knots),
            encode_language(features.language, encoder.languages),
            np.zeros(encoder.collaborative_width, dtype=np.float32),
        ]
    )
