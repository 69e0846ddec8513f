"""Exact top 100 of a million items: what it adds to the product that it cannot do without."""

from __future__ import annotations

import numpy as np
from recsysops.model.kernel import Block, block_contributions, round_scores
from recsysops.model.topk import best_rows

from tests.benchmarks.rows import Row
from tests.benchmarks.timing import Step, take_turns

WIDTH, TOP = 64, 100
_BLOCKS = tuple(Block(f"block {start}", start, start + 16) for start in range(0, WIDTH, 16))


def measure_top_k(items: int, *, repetitions: int, progress: Step) -> list[Row]:
    """Time one product and one exact search in turn, then check the search among near-ties."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(items, WIDTH)).astype(np.float32)
    vector = rng.normal(size=WIDTH).astype(np.float32)
    bias = rng.normal(size=items).astype(np.float32)
    # a little room for the last bits that near-ties move
    norm = 1.001 * float(np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64).max()))
    refused = np.sort(rng.choice(items, size=500, replace=False))

    def search(_: int) -> np.ndarray:
        found = best_rows(
            matrix, vector, bias=bias, blocks=_BLOCKS, largest_row_norm=norm, refused=refused, k=TOP
        )
        return found.rows

    times = take_turns(
        {"product": lambda _: matrix @ vector, "search": search},
        repetitions=repetitions,
        progress=progress,
    )
    each = times["search"].wall / times["product"].wall
    _make_near_ties(matrix, bias, vector, rng)
    right = _best_by_full_sort(matrix, vector, bias, refused)
    wrong = int(np.count_nonzero(search(0) != right))
    size = f"{items:,} × {WIDTH}"
    return [
        Row(f"exact top {TOP} of {size} over M @ u", float(np.median(each)), "×", limit=1.15,
            low=float(each.min()), high=float(each.max()),
            note=f"{1_000.0 * times['search'].median:.3g} ms, bias and 500 refused rows included"),
        Row(f"wrong places of the top {TOP}", wrong, "", limit=0.0,
            note="against the kernel over all rows, 1,000 near-ties around the last place"),
    ]  # fmt: skip


def _make_near_ties(
    matrix: np.ndarray, bias: np.ndarray, vector: np.ndarray, rng: np.random.Generator
) -> None:
    """Make a thousand rows copies of the 50th best but for the last bits of single numbers."""
    scores = matrix @ vector + bias
    model = int(np.argsort(-scores)[50])
    rows = rng.choice(len(matrix), size=1_000, replace=False)
    matrix[rows], bias[rows] = matrix[model], bias[model]
    places = rows, rng.integers(WIDTH, size=len(rows))
    bits = matrix[places].view(np.int32) + rng.integers(-2, 3, size=len(rows), dtype=np.int32)
    matrix[places] = bits.view(np.float32)


def _best_by_full_sort(
    matrix: np.ndarray, vector: np.ndarray, bias: np.ndarray, refused: np.ndarray
) -> np.ndarray:
    scores = np.empty(len(matrix), dtype=np.float32)
    for start in range(0, len(matrix), 50_000):
        part = slice(start, start + 50_000)
        scores[part] = round_scores(
            block_contributions(matrix[part], vector, bias=bias[part], blocks=_BLOCKS)
        )
    scores[refused] = -np.inf
    return np.lexsort((np.arange(len(scores)), -scores))[:TOP]
