from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.model.kernel import Block, block_contributions, round_scores
from recsysops.model.topk import (
    best_rows,
    blas_error_bound,
    order_by_score,
    place_rows,
    shortlist_rows,
)
from scipy.stats import rankdata


def exact_scores(matrix: np.ndarray, vector: np.ndarray, bias: np.ndarray) -> np.ndarray:
    whole = (Block("all", 0, matrix.shape[1]),)
    return round_scores(block_contributions(matrix, vector, bias=bias, blocks=whole))


def near_ties(seed: int, count: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that are one another's copies but for the last bits of single numbers."""
    rng = np.random.default_rng(seed)
    matrix = np.repeat(rng.normal(size=(1, width)).astype(np.float32), count, axis=0)
    moved = np.arange(count), rng.integers(width, size=count)
    bits = matrix[moved].view(np.int32) + rng.integers(-2, 3, size=count, dtype=np.int32)
    matrix[moved] = bits.view(np.float32)
    bias = np.repeat(rng.normal(size=1).astype(np.float32), count)
    return matrix, rng.normal(size=width).astype(np.float32), bias


def fast_scores(matrix: np.ndarray, vector: np.ndarray, bias: np.ndarray) -> np.ndarray:
    # OpenBLAS reads past short rows: garbage there may raise a flag
    with np.errstate(invalid="ignore"):
        return matrix @ vector + bias


def norm_of(matrix: np.ndarray) -> float:
    return float(np.sqrt((matrix.astype(np.float64) ** 2).sum(axis=1)).max())


def margin_of(matrix: np.ndarray, vector: np.ndarray, bias: np.ndarray) -> float:
    return blas_error_bound(
        largest_row_norm=norm_of(matrix), vector=vector, largest_bias=float(np.abs(bias).max())
    )


def best_through_shortlist(
    matrix: np.ndarray, vector: np.ndarray, bias: np.ndarray, k: int, eligible: np.ndarray | None
) -> list[int]:
    refused = [] if eligible is None else np.flatnonzero(~eligible)
    best = best_rows(
        matrix,
        vector,
        bias=bias,
        blocks=(Block("all", 0, matrix.shape[1]),),
        largest_row_norm=norm_of(matrix),
        refused=np.array(refused, dtype=np.intp),
        k=k,
    )
    rows = best.rows.tolist()
    expected = exact_scores(matrix[rows], vector, bias[rows])
    assert round_scores(best.contributions).tobytes() == expected.tobytes()
    return rows


def best_by_full_sort(scores: np.ndarray, k: int, eligible: np.ndarray | None) -> list[int]:
    allowed = range(len(scores)) if eligible is None else np.flatnonzero(eligible).tolist()
    return sorted(allowed, key=lambda row: (-float(scores[row]), row))[:k]


@given(st.integers(0, 2_000), st.integers(1, 300), st.integers(1, 64), st.integers(1, 60))
def test_the_best_k_of_adversarial_near_ties_equal_a_full_sort_by_the_kernel(
    seed: int, count: int, width: int, k: int
) -> None:
    matrix, vector, bias = near_ties(seed, count, width)
    expected = best_by_full_sort(exact_scores(matrix, vector, bias), k, None)
    assert best_through_shortlist(matrix, vector, bias, k, None) == expected


@given(st.integers(0, 2_000), st.integers(1, 300), st.integers(1, 60))
def test_rows_that_are_not_eligible_are_never_shortlisted(seed: int, count: int, k: int) -> None:
    matrix, vector, bias = near_ties(seed, count, 8)
    eligible = np.random.default_rng(seed).random(count) < 0.5
    expected = best_by_full_sort(exact_scores(matrix, vector, bias), k, eligible)
    assert best_through_shortlist(matrix, vector, bias, k, eligible) == expected


@given(
    st.integers(0, 2_000),
    st.integers(900, 4_000),
    st.sampled_from([0.0, 1e-6, 1.0]),
    st.sampled_from([0.02, 0.5, 1.0]),
)
def test_many_rows_are_searched_through_a_sample_without_losing_any(
    seed: int, count: int, spread: float, share: float
) -> None:
    matrix, vector, bias = near_ties(seed, count, 8)
    rng = np.random.default_rng(seed)
    bias += (spread * rng.normal(size=count)).astype(np.float32)
    eligible = rng.random(count) < share
    expected = best_by_full_sort(exact_scores(matrix, vector, bias), 20, eligible)
    assert best_through_shortlist(matrix, vector, bias, 20, eligible) == expected


@pytest.mark.parametrize("offset", [0, 1])
def test_a_sample_that_misleads_costs_time_but_no_row(offset: int) -> None:
    """Every 97th score is sampled: once all of the best are, once none of them is."""
    approximate = np.zeros(9_700, dtype=np.float32)
    approximate[offset::97] = np.arange(1, 101, dtype=np.float32)
    rows = shortlist_rows(approximate, k=30, margin=0.4)
    assert rows.tolist() == list(range(offset + 97 * 70, 9_700, 97))
    assert shortlist_rows(approximate, k=30, margin=0.5).tolist() == [rows[0] - 97, *rows]


@given(st.integers(0, 2_000), st.integers(-6, 6))
def test_the_bound_covers_the_distance_of_blas_and_kernel(seed: int, power: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = (rng.normal(size=(50, 60)) * 10.0**power).astype(np.float32)
    vector = rng.normal(size=60).astype(np.float32)
    bias = rng.normal(size=50).astype(np.float32)
    fast = fast_scores(matrix, vector, bias).astype(np.float64)
    apart = np.abs(fast - exact_scores(matrix, vector, bias))
    assert apart.max() <= margin_of(matrix, vector, bias)


def test_a_row_that_blas_puts_behind_survives_inside_the_margin() -> None:
    approximate = np.array([0.95, 1.0, 0.5], dtype=np.float32)
    assert shortlist_rows(approximate, k=1, margin=0.03).tolist() == [0, 1]
    assert shortlist_rows(approximate, k=1, margin=0.02).tolist() == [1]


def test_few_rows_are_all_shortlisted() -> None:
    assert shortlist_rows(np.zeros(3, np.float32), k=5, margin=0.0).tolist() == [0, 1, 2]
    assert shortlist_rows(np.zeros(0, np.float32), k=5, margin=0.0).size == 0


def test_rows_that_may_not_be_ranked_are_never_shortlisted() -> None:
    approximate = np.full(2_000, -np.inf, dtype=np.float32)
    assert shortlist_rows(approximate, k=5, margin=1.0).size == 0
    approximate[[3, 1_999]] = np.float32([-3e38, 1.0])
    assert shortlist_rows(approximate, k=5, margin=1.0).tolist() == [3, 1_999]


def test_equal_scores_keep_the_order_of_their_rows() -> None:
    assert order_by_score(np.array([1, 2, 1, 2], dtype=np.float32)).tolist() == [1, 3, 0, 2]


def test_places_by_hand_equal_scores_share_the_mean_and_nan_is_best() -> None:
    scores = np.array([0.5, 2.0, 0.5, -np.inf, 0.5], dtype=np.float32)
    assert place_rows(scores, np.arange(5)).tolist() == [3.0, 1.0, 3.0, 5.0, 3.0]
    scores[3] = np.nan
    assert place_rows(scores, np.array([3, 1])).tolist() == [1.0, 2.0]
    assert place_rows(scores, np.empty(0, dtype=np.intp)).tolist() == []


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.data())
def test_places_are_those_of_scipy(scores: list[int], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(scores) - 1), max_size=10))
    found = place_rows(np.array(scores, dtype=np.float32), np.array(rows, dtype=np.intp))
    assert found.tolist() == rankdata([-score for score in scores])[rows].tolist()
