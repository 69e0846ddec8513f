"""The most similar rows are exactly those of a full sort of float64 cosines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.model.kernel import Float32Array
from recsysops.model.similarity import exact_cosines, most_similar, row_norms


def search(
    matrix: Float32Array, vector: Float32Array, *, k: int, refused: list[int] | None = None
) -> tuple[list[int], list[float]]:
    mask = np.zeros(len(matrix), dtype=np.bool_)
    mask[refused or []] = True
    found = most_similar(matrix, vector, norms=row_norms(matrix), refused=mask, k=k)
    return found.rows.tolist(), found.cosines.tolist()


def full_sort(matrix: Float32Array, vector: Float32Array, k: int) -> tuple[list[int], list[float]]:
    """The independent way: every row, python's own stable sort."""
    wide, query = matrix.astype(np.float64), vector.astype(np.float64)
    pairs = []
    for row, values in enumerate(wide):
        length = np.linalg.norm(values) * np.linalg.norm(query)
        if length > 0:
            pairs.append((float(np.float32(np.dot(values, query) / length)), row))
    best = sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[:k]
    return [row for _, row in best], [cosine for cosine, _ in best]


def test_angles_of_a_hand_drawn_plane() -> None:
    matrix = np.array([[1, 0], [0, 2], [3, 3], [-1, 0], [0, 0]], dtype=np.float32)
    rows, cosines = search(matrix, np.array([5, 0], np.float32), k=5)
    assert rows == [0, 2, 1, 3]
    assert cosines == pytest.approx([1.0, np.sqrt(0.5), 0.0, -1.0])


def test_length_does_not_matter_and_equal_angles_keep_the_order_of_rows() -> None:
    matrix = np.array([[2, 2], [1, 1], [4, 4]], dtype=np.float32)
    assert search(matrix, np.array([1, 1], np.float32), k=2)[0] == [0, 1]


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 12), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_rows_and_cosines_are_those_of_a_full_sort(seed: int, n: int, d: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(n, d)).astype(np.float32)
    # near ties: copies that differ in the last place, and lengths over 30 orders of magnitude
    base[n // 2 :] = base[: n - n // 2] * np.float32(1 + 2**-23)
    matrix = (base * 10.0 ** rng.uniform(-15, 15, size=(n, 1))).astype(np.float32)
    vector = rng.normal(size=d).astype(np.float32)
    found, expected = search(matrix, vector, k=k), full_sort(matrix, vector, k)
    assert found[1] == pytest.approx(expected[1], abs=1e-7)
    exact = exact_cosines(matrix, vector)
    assert found[1] == exact[found[0]].tolist()
    assert found[0] == np.argsort(-exact, kind="stable")[:k].tolist()


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
@settings(max_examples=30, deadline=None)
def test_a_cosine_does_not_depend_on_the_rows_beside_it(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, vector = rng.normal(size=(n, 24)).astype(np.float32), rng.normal(size=24)
    together = exact_cosines(matrix, vector.astype(np.float32))
    alone = [exact_cosines(matrix[row : row + 1], vector.astype(np.float32))[0] for row in range(n)]
    assert together.tolist() == [float(one) for one in alone]


def test_numbers_at_both_ends_of_float32_are_ranked_exactly() -> None:
    matrix = np.array([[1e38, 1e38], [1e-40, 0], [-3e38, 3e38], [1e-30, 1e-30]], dtype=np.float32)
    rows, cosines = search(matrix, np.array([1, 1], np.float32), k=4)
    assert rows == [0, 3, 1, 2]
    assert cosines == pytest.approx([1.0, 1.0, np.sqrt(0.5), 0.0], abs=1e-6)


@pytest.mark.parametrize("vector", [[0, 0], [0, -0.0]])
def test_a_zero_vector_finds_nothing(vector: list[float]) -> None:
    assert search(np.ones((3, 2), np.float32), np.array(vector, np.float32), k=3) == ([], [])


def test_what_is_refused_or_zero_never_comes_back() -> None:
    matrix = np.array([[1, 0], [1, 0], [0, 0]], dtype=np.float32)
    assert search(matrix, np.array([1, 0], np.float32), k=3, refused=[0])[0] == [1]
    assert search(matrix, np.array([1, 0], np.float32), k=3, refused=[0, 1])[0] == []
