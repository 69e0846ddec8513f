"""The embedding of texts that needs no second model: a word is the mean of the items bearing it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from math import log

import numpy as np

from recsysops.errors import BadBody
from recsysops.model.kernel import Float32Array, Float64Array
from recsysops.vocabulary import ItemFeatures

_WORD = re.compile(r"[^\W_]+")


class WordVectors:
    """Words of titles, genres, languages and years, and which items bear them."""

    def __init__(self, items: Sequence[ItemFeatures]) -> None:
        self._count = len(items)
        self._rows: dict[str, list[int]] = defaultdict(list)
        for row, item in enumerate(items):
            for word in _words_of(item):
                self._rows[word].append(row)

    def embed(self, text: str, *, matrix: Float32Array, norms: Float64Array) -> Float32Array:
        """Return the mean of its words' vectors, rare words weighing more, (d,).

        A word's vector is the mean direction of the items that bear it, its weight the inverse
        document frequency log(1 + n / n_word) (Spärck Jones, A statistical interpretation of term
        specificity, 1972). Unknown words are left out.

        Raises: BadBody when no word is known.
        """
        known = [word for word in sorted(set(split_words(text))) if word in self._rows]
        total = np.zeros(matrix.shape[1], dtype=np.float64)
        for word in known:
            total += log(1.0 + self._count / len(self._rows[word])) * self._mean(
                word, matrix, norms
            )
        if not total.any():
            raise BadBody(
                [("text", "no word of it is in a title, genre, language or year we know")]
            )
        return total.astype(np.float32)

    def _mean(self, word: str, matrix: Float32Array, norms: Float64Array) -> Float64Array:
        rows = self._rows[word]
        lengths = np.where(norms[rows] > 0.0, norms[rows], 1.0)
        mean: Float64Array = (matrix[rows].astype(np.float64) / lengths[:, None]).mean(axis=0)
        return mean


def split_words(text: str) -> list[str]:
    """Return the words of a text, case folded.

    >>> split_words("Toy Story (1995)")
    ['toy', 'story', '1995']
    """
    return _WORD.findall(text.casefold())


def _words_of(item: ItemFeatures) -> set[str]:
    texts = (item.title, *item.genres, item.language or "", str(item.year or ""))
    return {word for text in texts for word in split_words(text)}
