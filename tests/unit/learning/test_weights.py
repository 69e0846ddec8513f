from __future__ import annotations

import numpy as np
import pytest
from recsysops.learning.blend import shape_around
from recsysops.learning.fit_blend import fit_blend
from recsysops.learning.item_space import build_item_space
from recsysops.learning.weights import (
    fit_content_first,
    fit_weights,
    starting_blend,
)

from tests.fakes.choices import draw_choices, simulated_table


def test_known_weights_are_found_again() -> None:
    truth = np.array([1.0, -0.5, 0.3])
    choices = draw_choices(truth, events=6000, options=12, seed=1)
    found = fit_weights(choices, start=np.zeros(3), free=np.ones(3, np.bool_))
    assert found == pytest.approx(truth, abs=0.06)


def test_fixed_weights_stay() -> None:
    choices = draw_choices(np.array([1.0, -0.5]), events=500, options=5, seed=3)
    found = fit_weights(choices, start=np.array([0.0, 7.0]), free=np.array([True, False]))
    assert found[1] == 7.0
    assert found[0] != 0.0


def test_content_is_fitted_before_the_collaborative_block_can_explain_it_away() -> None:
    table = simulated_table(5)
    space = build_item_space(table, seed=1)
    shape = shape_around(10.0, profile_days=(3650.0,))
    start = starting_blend(shape, space)
    terms = shape.member_terms(space)
    content = [n for n, term in enumerate(terms, start=3) if term.block == "language"]
    collaborative = [n for n, term in enumerate(terms, start=3) if term.block == "collaborative"]
    truth = np.zeros(len(start.weights))
    truth[content] = 1.0
    choices = draw_choices(truth, events=1500, options=10, seed=4)
    # the collaborative views are copies of the language view
    choices.features[:, :, collaborative] = choices.features[:, :, content]
    found = fit_content_first(choices, start=start, space=space)
    assert found.weights[content] == pytest.approx([1.0], abs=0.1)
    assert found.weights[collaborative] == pytest.approx([0.0, 0.0], abs=0.1)


def test_too_few_events_keep_the_start() -> None:
    table = simulated_table(6, n_members=4, n_items=30)
    small = table.first_rows(60)
    fitted = fit_blend(small, seed=1, follows_events=False)
    space = build_item_space(small, seed=1)
    assert fitted.blend.weights.tolist() == (
        starting_blend(fitted.blend.shape, space).weights.tolist()
    )
    assert fitted.blend.weights[1] == 1.0
