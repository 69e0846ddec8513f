from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.model.encoder import (
    FeatureEncoder,
    encode_genres,
    encode_language,
    encode_year,
)

from tests.fakes.served_world import ENCODER, make_items

KNOTS = (1960.0, 1980.0, 2000.0)


def test_genres_share_one_between_the_known_ones() -> None:
    known = ("Action", "Comedy", "Drama")
    assert encode_genres(("Drama", "Action", "Unheard"), known).tolist() == [0.5, 0.0, 0.5]
    assert encode_genres(("Unheard",), known).tolist() == [0.0, 0.0, 0.0]
    assert encode_genres((), known).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("year", "weights"),
    [
        (1960, [1.0, 0.0, 0.0]),
        (1965, [0.75, 0.25, 0.0]),
        (1980, [0.0, 1.0, 0.0]),
        (2000, [0.0, 0.0, 1.0]),
        (0, [0.0, 0.0, 0.0]),
        (2001, [0.0, 0.0, 0.0]),
        (None, [0.0, 0.0, 0.0]),
    ],
)
def test_a_year_lies_between_its_two_knots(year: int | None, weights: list[float]) -> None:
    assert encode_year(year, KNOTS).tolist() == weights


@given(st.integers(1960, 2000))
def test_year_weights_sum_to_one_and_give_the_year_back(year: int) -> None:
    weights = encode_year(year, KNOTS)
    assert float(weights.sum()) == pytest.approx(1.0)
    assert float(weights @ np.array(KNOTS)) == pytest.approx(year)


def test_a_language_is_one_hot_and_an_unseen_one_is_nothing() -> None:
    assert encode_language("fr", ("en", "fr")).tolist() == [0.0, 1.0]
    assert encode_language("xx", ("en", "fr")).tolist() == [0.0, 0.0]
    assert encode_language(None, ("en", "fr")).tolist() == [0.0, 0.0]


def test_blocks_cover_the_vector_without_gap_or_overlap() -> None:
    edges = [(block.start, block.stop) for block in ENCODER.blocks]
    assert edges[0][0] == 0
    assert edges[-1][1] == ENCODER.width
    assert all(left[1] == right[0] for left, right in pairwise(edges))
    assert len(ENCODER.encode(make_items(3)[0])) == ENCODER.content_width


def test_another_vocabulary_is_another_schema() -> None:
    other = FeatureEncoder(ENCODER.genres[::-1], ENCODER.year_knots, ENCODER.languages, 4)
    assert other.schema_hash != ENCODER.schema_hash
