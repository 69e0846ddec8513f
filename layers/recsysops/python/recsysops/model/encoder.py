"""How raw item features become the content part of an item vector."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np

from recsysops.model.kernel import Block, Float32Array
from recsysops.vocabulary import ItemFeatures

CONTENT_BLOCKS = ("genre", "year", "language")
COLLABORATIVE = "collaborative"

BLOCK_OF_FEATURE = {"genres": "genre", "year": "year", "language": "language"}
"""Which block of the score a raw feature feeds; price and stock feed none, filters act on them."""


@dataclass(frozen=True, slots=True)
class FeatureEncoder:
    """Vocabularies fixed at training: genres, year knots (ascending), languages, width of the
    collaborative block. Unseen or missing values encode to zeros: neutral, and counted by the
    audits as the default they are."""

    genres: tuple[str, ...]
    year_knots: tuple[float, ...]
    languages: tuple[str, ...]
    collaborative_width: int

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Return the blocks in column order: genre, year, language, collaborative."""
        return _blocks_of_widths(
            len(self.genres), len(self.year_knots), len(self.languages), self.collaborative_width
        )

    @property
    def content_width(self) -> int:
        """Columns before the collaborative block."""
        return len(self.genres) + len(self.year_knots) + len(self.languages)

    @property
    def width(self) -> int:
        """All columns of an item vector."""
        return self.content_width + self.collaborative_width

    @property
    def schema_hash(self) -> str:
        """Digest of the vocabularies: vectors of another schema are refused."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def encode(self, item: ItemFeatures) -> Float32Array:
        """Return the (content_width,) content vector of one item.

        genre: 1/g at each of its g known genres; year: linear weights of the two nearest knots
        (zeros outside the first and last knot, so year 0 is no year); language: one-hot.
        """
        return np.concatenate(
            [
                encode_genres(item.genres, self.genres),
                encode_year(item.year, self.year_knots),
                encode_language(item.language, self.languages),
            ]
        )


@lru_cache(maxsize=64)
def _blocks_of_widths(*widths: int) -> tuple[Block, ...]:
    """Return the blocks of these widths: asked with every request, for one model after another."""
    return tuple(
        Block(name, stop - width, stop)
        for name, width, stop in zip(
            (*CONTENT_BLOCKS, COLLABORATIVE), widths, accumulate(widths), strict=True
        )
    )


def encode_genres(genres: Sequence[str], known: Sequence[str]) -> Float32Array:
    """Return weights summing to 1 over an item's known genres, (len(known),)."""
    weights = np.array([genre in genres for genre in known], dtype=np.float32)
    return weights / max(1.0, float(weights.sum()))


def encode_year(year: int | None, knots: Sequence[float]) -> Float32Array:
    """Return linear interpolation weights over ascending knots, (len(knots),), if any."""
    weights = np.zeros(len(knots), dtype=np.float32)
    if year is None or not knots or not knots[0] <= year <= knots[-1]:
        return weights
    left = min(bisect_right(knots, year) - 1, len(knots) - 2)
    share = (year - knots[left]) / (knots[left + 1] - knots[left])
    weights[left], weights[left + 1] = 1.0 - share, share
    return weights


def encode_language(language: str | None, known: Sequence[str]) -> Float32Array:
    """Return the one-hot weight of a known language, (len(known),)."""
    return np.array([language == name for name in known], dtype=np.float32)
