from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from recsysops.errors import ArtefactError
from recsysops.learning.affinity import log_affinity
from recsysops.learning.histories import Histories
from recsysops.model.artefact import unpack_artefact
from recsysops.model.fold_in import FoldInPrior, fold_in_content

from tests.fakes.served_world import ENCODER, make_artefact_files, make_items

WIDTH = ENCODER.content_width
EVEN = FoldInPrior(
    strength=5.0,
    background=(1 / 6,) * 6 + (0.25,) * 4 + (1 / 3,) * 3,
    weights={"genre": 0.6, "year": 0.1, "language": 0.2},
)
CONTENT = np.stack([ENCODER.encode(item) for item in make_items(40)])


def test_one_action_film_as_computed_by_hand() -> None:
    content = np.zeros((1, WIDTH), dtype=np.float32)
    content[0, 0] = 1.0
    vector = fold_in_content(content, prior=EVEN, encoder=ENCODER)
    assert vector[0] == pytest.approx(0.6 * math.log((1 + 5 / 6) / (6 / 6)), rel=1e-6)
    assert vector[1] == pytest.approx(0.6 * math.log((5 / 6) / (6 / 6)), rel=1e-6)
    assert vector[WIDTH - 1] == pytest.approx(0.2 * math.log((5 / 3) / (6 / 3)), rel=1e-6)


def test_nothing_chosen_gives_zeros_and_the_collaborative_block_stays_empty() -> None:
    assert not fold_in_content(CONTENT[:0], prior=EVEN, encoder=ENCODER).any()
    vector = fold_in_content(CONTENT[:7], prior=EVEN, encoder=ENCODER)
    assert vector[:WIDTH].any()
    assert not vector[WIDTH:].any()


def test_a_trait_that_the_background_lacks_counts_for_nothing() -> None:
    lacking = EVEN.model_copy(update={"background": (0.0, *EVEN.background[1:])})
    vector = fold_in_content(CONTENT[:9], prior=lacking, encoder=ENCODER)
    assert vector[0] == 0.0
    assert np.isfinite(vector).all()


@given(st.lists(st.integers(0, 39), min_size=1, max_size=50))
def test_it_is_what_training_gives_a_member_with_this_history(rows: list[int]) -> None:
    chosen = CONTENT[rows]
    histories = Histories(
        sums=chosen.astype(np.float64).sum(axis=0)[None, :], totals=np.array([float(len(rows))])
    )
    trained = log_affinity(histories, background=np.array(EVEN.background), strength=5.0)[0]
    weights = np.repeat([0.6, 0.1, 0.2], [6, 4, 3])
    found = fold_in_content(chosen, prior=EVEN, encoder=ENCODER)
    np.testing.assert_allclose(found[:WIDTH], weights * trained, rtol=1e-5, atol=1e-7)


@given(st.lists(st.integers(0, 39), min_size=2, max_size=20), st.randoms())
def test_the_order_of_the_events_does_not_matter(rows: list[int], random: object) -> None:
    shuffled = sorted(rows)
    one, other = (
        fold_in_content(CONTENT[which], prior=EVEN, encoder=ENCODER) for which in (rows, shuffled)
    )
    np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize(
    "bad", [{"strength": 0.0}, {"strength": float("nan")}, {"weights": {"genre": float("inf")}}]
)
def test_a_prior_of_no_sane_numbers_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FoldInPrior.model_validate({**EVEN.model_dump(), **bad})


def test_an_artefact_whose_prior_has_another_width_is_refused() -> None:
    prior = {**EVEN.model_dump(), "background": [0.5, 0.5]}
    with pytest.raises(ArtefactError, match="2 background shares for 13 content columns"):
        unpack_artefact(make_artefact_files(make_items(5), fold_in=prior))
