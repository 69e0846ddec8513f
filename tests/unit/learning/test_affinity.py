from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.learning.affinity import background_share, log_affinity
from recsysops.learning.histories import Histories

SHARES = np.array([0.5, 0.3, 0.2])


def history(*sums: float) -> Histories:
    return Histories(np.array([sums]), np.array([float(sum(sums))]))


def test_an_affinity_by_hand() -> None:
    # 8 rows of the first trait and 2 of the second, 10 rows of background
    found = log_affinity(history(8.0, 2.0, 0.0), background=SHARES, strength=10.0)[0]
    shares = [(8 + 5) / 20, (2 + 3) / 20, (0 + 2) / 20]
    assert found.tolist() == pytest.approx(
        [math.log(share / own) for share, own in zip(shares, SHARES, strict=True)]
    )


def test_a_member_without_history_has_no_affinities() -> None:
    assert log_affinity(history(0.0, 0.0, 0.0), background=SHARES).tolist() == [[0.0, 0.0, 0.0]]


def test_a_trait_that_the_background_lacks_has_none_either() -> None:
    found = log_affinity(history(1.0, 5.0), background=np.array([1.0, 0.0]))
    assert found[0, 1] == 0.0
    assert np.isfinite(found).all()


def test_a_member_like_everybody_has_no_affinities_however_long_the_history() -> None:
    found = log_affinity(history(500.0, 300.0, 200.0), background=SHARES)
    assert found[0] == pytest.approx(np.zeros(3))


@given(st.lists(st.floats(0.0, 1e4), min_size=3, max_size=3), st.floats(0.1, 50.0))
def test_affinities_are_finite_and_never_all_of_one_sign(sums: list[float], k: float) -> None:
    found = log_affinity(history(*sums), background=SHARES, strength=k)[0]
    assert np.isfinite(found).all()
    # shares sum to one on both sides, so what one trait gains another one loses
    assert float(SHARES @ np.exp(found)) == pytest.approx(1.0)


@given(st.floats(0.0, 100.0), st.floats(0.1, 100.0))
def test_more_of_a_trait_never_lowers_its_affinity(some: float, more: float) -> None:
    less_of = log_affinity(history(some, 5.0, 5.0), background=SHARES)[0, 0]
    more_of = log_affinity(history(some + more, 5.0, 5.0), background=SHARES)[0, 0]
    assert more_of > less_of


def test_the_background_is_the_mean_over_rows_not_over_items() -> None:
    traits = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert background_share(traits, np.array([3.0, 1.0])).tolist() == [0.75, 0.25]
    assert background_share(traits, np.zeros(2)).tolist() == [0.0, 0.0]
