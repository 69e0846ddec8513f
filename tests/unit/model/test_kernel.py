from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.model.kernel import Block, block_contributions, numeric_fingerprint, round_scores

WIDTH = 45
BLOCKS = (Block("a", 0, 19), Block("b", 19, 29), Block("c", 29, WIDTH))


def score(rows: np.ndarray, vector: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return round_scores(block_contributions(rows, vector, bias=bias, blocks=BLOCKS))


def random_problem(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.integers(-4, 5, size=(1, WIDTH))
    return (
        (rng.normal(size=(count, WIDTH)) * scale).astype(np.float32),
        rng.normal(size=WIDTH).astype(np.float32),
        rng.normal(size=count).astype(np.float32),
    )


def test_contributions_of_a_small_case_are_as_computed_by_hand() -> None:
    rows = np.array([[1, 2, 3], [0.5, 0, -1]], dtype=np.float32)
    vector = np.array([2, 4, 1], dtype=np.float32)
    blocks = (Block("left", 0, 2), Block("right", 2, 3))
    found = block_contributions(
        rows, vector, bias=np.array([0.25, 1], dtype=np.float32), blocks=blocks
    )
    assert found.tolist() == [[10.0, 3.0, 0.25], [1.0, -1.0, 1.0]]
    assert round_scores(found).tolist() == [13.25, 1.0]


@given(st.integers(0, 10_000), st.integers(1, 70), st.data())
def test_a_score_depends_neither_on_batch_size_nor_on_position(
    seed: int, count: int, data: st.DataObject
) -> None:
    rows, vector, bias = random_problem(seed, count)
    whole = score(rows, vector, bias)
    start = data.draw(st.integers(0, count - 1))
    stop = data.draw(st.integers(start + 1, count))
    assert (
        score(rows[start:stop], vector, bias[start:stop]).tobytes() == whole[start:stop].tobytes()
    )
    order = np.random.default_rng(seed).permutation(count)
    assert score(rows[order], vector, bias[order]).tobytes() == whole[order].tobytes()


@pytest.mark.parametrize("offset", range(6))
@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 15, 16, 17, 31, 100, 500])
def test_alignment_in_memory_does_not_move_a_bit(count: int, offset: int) -> None:
    rows, vector, bias = random_problem(1, count)
    room = np.empty(count * WIDTH + offset, dtype=np.float32)
    shifted = room[offset:].reshape(count, WIDTH)
    shifted[:] = rows
    one_by_one = [score(rows[i : i + 1], vector, bias[i : i + 1])[0] for i in range(count)]
    assert score(shifted, vector, bias).tolist() == one_by_one


def test_a_score_is_the_exact_sum_rounded_once() -> None:
    rows, vector, bias = random_problem(3, 200)
    exact = [
        sum(Fraction(float(x)) * Fraction(float(v)) for x, v in zip(row, vector, strict=True))
        + Fraction(float(b))
        for row, b in zip(rows, bias, strict=True)
    ]
    assert score(rows, vector, bias).tolist() == [float(np.float32(float(e))) for e in exact]


def test_no_rows_give_no_scores() -> None:
    rows, vector, bias = random_problem(0, 0)
    assert score(rows, vector, bias).shape == (0,)


def test_the_fingerprint_names_numpy_kernel_and_architecture() -> None:
    assert np.__version__ in numeric_fingerprint()
    assert "kernel-1" in numeric_fingerprint()
