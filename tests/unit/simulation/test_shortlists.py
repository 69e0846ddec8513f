"""Shortlists of the gauntlet's members, held against sorting every row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from recsysops.simulation.gauntlet.slates import _best_rows


def _sorted_rows(scores: np.ndarray, count: int) -> np.ndarray:
    worth = np.where(np.isnan(scores), np.inf, scores)
    return np.argsort(-worth, axis=1, kind="stable")[:, :count]


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(7, 120)),
        elements=st.sampled_from([-np.inf, -2.5, 0.0, 0.25, 1.0, 7.0, np.inf, np.nan]),
    )
)
def test_the_best_of_every_row_are_those_of_sorting_it_ties_by_column(scores: np.ndarray) -> None:
    np.testing.assert_array_equal(_best_rows(scores, 7), _sorted_rows(scores, 7))


@pytest.mark.parametrize("n_columns", [60, 61, 959, 960, 2000])
def test_every_width_of_the_catalogue_is_searched_to_its_end(n_columns: int) -> None:
    scores = np.random.default_rng(5).normal(size=(3, n_columns)).astype(np.float32)
    scores[0, -1] = 9.0
    best = _best_rows(scores, 60)
    assert best[0, 0] == n_columns - 1
    np.testing.assert_array_equal(best, _sorted_rows(scores, 60))
