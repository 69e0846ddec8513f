"""How two rankings of one request are compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.serving.shadow import agreement, is_shadowed, rank_correlation
from recsysops.vocabulary import Shadow
from scipy.stats import spearmanr

scores = st.lists(st.integers(-5, 5), min_size=2, max_size=30)


def test_agreement_counts_what_both_name_among_the_ten_best() -> None:
    one = [f"i{n}" for n in range(12)]
    assert agreement(one, one[::-1]) == 0.8
    assert agreement(one, one) == 1.0
    assert agreement(one, []) == 0.0
    assert agreement([], []) == 1.0


@given(scores, st.randoms())
def test_rank_correlation_is_spearmans_with_ties(one: list[int], rng) -> None:
    two = [rng.randint(-3, 3) for _ in one]
    found = rank_correlation(np.float32(one), np.float32(two))
    if len(set(one)) < 2 or len(set(two)) < 2:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(one, two).statistic)


def test_a_single_item_has_no_order_to_compare() -> None:
    assert rank_correlation(np.float32([1.0]), np.float32([2.0])) is None


def test_the_share_of_requests_is_shadowed_independently_of_other_draws() -> None:
    shadow = Shadow("m-2", 0.2)
    drawn = [is_shadowed(shadow, f"r-{n}") for n in range(5_000)]
    assert abs(sum(drawn) - 1_000) < 4 * (5_000 * 0.2 * 0.8) ** 0.5
    assert drawn == [is_shadowed(shadow, f"r-{n}") for n in range(5_000)]
