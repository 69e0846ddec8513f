"""How far from zero a sum is whose terms a fair draw added or took away."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.statistics.random_signs import fair_draw_p_value
from scipy.stats import norm

WEIGHTS = st.lists(st.floats(0.01, 100.0), min_size=1, max_size=7)


def test_two_equal_terms_agree_half_of_the_time_and_the_bound_knows() -> None:
    # |2| in two of four draws; the normal alone would say 0.157
    assert fair_draw_p_value(2.0, 2.0) == pytest.approx(3.18 * 2 * norm.sf(math.sqrt(2.0)))
    assert fair_draw_p_value(2.0, 2.0) >= 0.5


@settings(max_examples=40)
@given(WEIGHTS, st.floats(0.0, 1.0))
def test_no_draw_goes_further_than_its_bound_allows(weights: list[float], share: float) -> None:
    sums = np.abs([np.dot(signs, weights) for signs in product((-1.0, 1.0), repeat=len(weights))])
    reached = share * float(sums.max())
    bound = fair_draw_p_value(reached * (1.0 - 1e-9), float(np.square(weights).sum()))
    assert float(np.mean(sums >= reached)) <= bound


def test_nobody_drawn_leaves_nothing_to_say() -> None:
    assert math.isnan(fair_draw_p_value(0.0, 0.0))
    assert fair_draw_p_value(0.0, 4.0) == 1.0
